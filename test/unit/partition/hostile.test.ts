/** Partition tables that lie: circles, counts and offsets beyond everything, random damage. */
import { expect, test } from "vitest";
import { ImageError } from "../../../image-core/errors.js";
import { open as openMbr } from "../../../image-core/partition/mbr/mbr.js";
import { probeWindow } from "../../../image-core/probe.js";
import { partitionFormats } from "../../../image-core/registry.js";
import { MemorySource } from "../../../image-core/source/memory-source.js";
import { random } from "../../fixtures/fat/random.js";
import { buildGpt } from "../../fixtures/partition/gpt.js";
import { testContext } from "../../support/context.js";

/** Little-endian entry: type, first sector, sectors. */
function entry(type: number, start: number, size: number): number[] {
  const le = (value: number) => [0, 8, 16, 24].map((shift) => (value >>> shift) & 0xff);
  return [0, 0, 0, 0, type, 0, 0, 0, ...le(start), ...le(size)];
}

function record(disk: Uint8Array, sector: number, ...entries: number[][]): void {
  for (const [i, bytes] of entries.entries()) disk.set(bytes, sector * 512 + 446 + 16 * i);
  disk.set([0x55, 0xaa], sector * 512 + 510);
}

test("extended partitions that link to themselves or beyond the disk end", () => {
  for (const next of [0, 10, 1 << 20, 0xffffffff]) {
    const disk = new Uint8Array(1 << 20);
    record(disk, 0, entry(0x0f, 100, 1000));
    record(disk, 100, entry(0x83, 1, 5), entry(0x05, 10, 50));
    record(disk, 110, entry(0x83, 1, 5), entry(0x85, next, 50));
    const found = openMbr(new MemorySource(disk), testContext());
    expect(found.map(({ number, start }) => [number, start / 512])).toEqual([
      [5, 101],
      [6, 111],
    ]);
  }
});

test("a chain longer than any disk has is cut", () => {
  const disk = new Uint8Array(4 << 20);
  record(disk, 0, entry(0x05, 1, 8000));
  for (let i = 1; i < 8000; i++) record(disk, i, entry(0x83, 1, 1), entry(0x05, i, 2));
  expect(openMbr(new MemorySource(disk), testContext())).toHaveLength(256);
});

test("random damage ends in partitions within the disk or in an ImageError", async () => {
  const next = random(7);
  const type = new Uint8Array(16).fill(5);
  const gpt = buildGpt(512, 400, 128, [{ type, startingLBA: 64, endingLBA: 99, name: "x" }]);
  const mbr = new Uint8Array(1 << 18);
  record(mbr, 0, entry(0x83, 1, 5), entry(0x0f, 100, 300), entry(0x07, 20, 50));
  record(mbr, 100, entry(0x83, 1, 5), entry(0x05, 10, 50));
  record(mbr, 110, entry(0x83, 1, 5));
  const apm = new Uint8Array(1 << 16);
  apm.set([0x45, 0x52, 2, 0]);
  for (const i of [1, 2]) apm.set([0x50, 0x4d, 0, 0, 0, 0, 0, 2, 0, 0, 0, i, 0, 0, 0, 9], 512 * i);
  const formats = await Promise.all(
    partitionFormats.map(async ({ probe, load }) => ({ probe, open: (await load!()).open })),
  );
  let opened = 0;
  for (let round = 0; round < 600; round++) {
    const disk = new Uint8Array([gpt, mbr, apm][round % 3]);
    const places = [446, 512, 1024, 51_646, 56_766, disk.length - 512];
    for (let i = next(6); i >= 0; i--) {
      const place = places[next(places.length)] + next(80);
      if (place < disk.length) disk[place] = next(3) === 0 ? 0xff : next(256);
    }
    const source = new MemorySource(disk);
    const window = probeWindow(source, "");
    for (const { probe, open } of formats) {
      if (probe(window) === undefined) continue;
      try {
        for (const { start, size } of open(source, testContext())) {
          expect(start >= 0 && size >= 0 && start + size <= disk.length).toBe(true);
        }
        opened++;
      } catch (error) {
        expect(error).toBeInstanceOf(ImageError);
      }
    }
  }
  expect(opened).toBeGreaterThan(100);
});
