/** BSD disklabels: on a whole disk, in a slice, in both byte orders. */
import { expect, test } from "vitest";
import { ImageError } from "../../../image-core/errors.js";
import { open } from "../../../image-core/partition/bsd/bsd.js";
import { bsd } from "../../../image-core/partition/bsd/format.js";
import { probeWindow } from "../../../image-core/probe.js";
import { MemorySource } from "../../../image-core/source/memory-source.js";
import { testContext } from "../../support/context.js";

/** `partitions`: size, offset, type. */
function label(partitions: [number, number, number][], littleEndian: boolean): Uint8Array {
  const disk = new Uint8Array(1 << 20);
  const view = new DataView(disk.buffer, 512);
  view.setUint32(0, 0x82564557, littleEndian);
  view.setUint32(132, 0x82564557, littleEndian);
  view.setUint32(40, 512, littleEndian);
  view.setUint16(138, partitions.length, littleEndian);
  partitions.forEach(([size, offset, type], i) => {
    view.setUint32(148 + 16 * i, size, littleEndian);
    view.setUint32(152 + 16 * i, offset, littleEndian);
    view.setUint8(160 + 16 * i, type);
  });
  let sum = 0;
  for (let i = 0; i < 148 + 16 * partitions.length; i += 2) sum ^= view.getUint16(i, littleEndian);
  view.setUint16(136, sum, littleEndian);
  return disk;
}

for (const littleEndian of [true, false]) {
  test(`${littleEndian ? "little" : "big"}-endian, offsets from the start of the slice or of the disk`, () => {
    for (const base of [0, 63]) {
      const partitions: [number, number, number][] = [
        [100, 16 + base, 7],
        [50, 200 + base, 1],
        [2048, base, 0],
        [0, 0, 0],
        [9999, 1000 + base, 8],
      ];
      const source = new MemorySource(label(partitions, littleEndian));
      expect(bsd.probe(probeWindow(source, ""))).toBeDefined();
      const found = open(source, testContext());
      expect(
        found.map(({ number, start, size, typeTitle }) => [number, start, size, typeTitle]),
      ).toEqual([
        [1, 16 * 512, 100 * 512, "BSD FFS (UFS)"],
        [2, 200 * 512, 50 * 512, "Swap"],
        [5, 1000 * 512, 1048 * 512, "FAT"],
      ]);
    }
  });
}

test("a wrong checksum is no label", () => {
  const bytes = label([[100, 16, 7]], true);
  bytes[512 + 150] ^= 1;
  const source = new MemorySource(bytes);
  expect(bsd.probe(probeWindow(source, ""))).toBeUndefined();
  expect(() => open(source, testContext())).toThrow(ImageError);
});
