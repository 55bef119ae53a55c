/** Mutated volumes: a correct walk or an ImageError, and soon. */
import { describe, expect, it } from "vitest";
import { ImageError } from "../../../image-core/errors.js";
import { udf } from "../../../image-core/filesystem/udf/format.js";
import {
  Attributes,
  ROOT_NODE,
  S_IFDIR,
  S_IFLNK,
  type Volume,
} from "../../../image-core/filesystem/volume.js";
import { probeWindow } from "../../../image-core/probe.js";
import { MemorySource } from "../../../image-core/source/memory-source.js";
import { UdfBuilder } from "../../fixtures/udf/builder.js";
import { putTag } from "../../fixtures/udf/bytes.js";
import { sampleFiles } from "../../fixtures/udf/sample.js";
import type { PartitionKind } from "../../fixtures/udf/spec.js";
import { opened } from "./opened.js";

const KINDS: PartitionKind[] = ["physical", "virtual150", "virtual", "sparable", "metadata"];
const ROUNDS = 50;
/** Milliseconds that one image may take; a whole one takes about 5. */
const PATIENCE = 2000;

describe.each(KINDS)("a mutated volume of a %s partition", (partition) => {
  const builder = new UdfBuilder({ partition, revision: 0x201, files: sampleFiles(), spared: [1] });
  const whole = builder.build();
  const used = usedBytes(whole);

  it.each([false, true])("is read or refused (checksums mended: %s)", (mended) => {
    const next = random(mended ? 7 : 3);
    let read = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const image = whole.slice();
      for (let n = 1 + (next() % 6); n > 0; n--) mutate(image, used, next, mended);
      const started = performance.now();
      try {
        udf.probe(probeWindow(new MemorySource(image), ""));
        exercise(opened(image));
        read++;
      } catch (error) {
        if (!(error instanceof ImageError)) throw error;
      }
      expect(performance.now() - started, `round ${round}`).toBeLessThan(PATIENCE);
    }
    // Most damage is to something that is not needed to open the volume.
    expect(read).toBeGreaterThan(ROUNDS / 4);
  });

  it("is read or refused wherever it is cut off", () => {
    for (let size = 0; size < whole.length; size += Math.floor(whole.length / 40)) {
      try {
        exercise(opened(whole.slice(0, size)));
      } catch (error) {
        if (!(error instanceof ImageError)) throw error;
      }
    }
  });
});

/** Positions worth a change: mutations of unused space prove nothing. */
function usedBytes(image: Uint8Array): number[] {
  const used: number[] = [];
  for (let at = 0; at < image.length; at++) if (image[at] !== 0) used.push(at);
  return used;
}

const EXTREMES = [0, 1, 0x7f, 0x80, 0xfe, 0xff];

function mutate(image: Uint8Array, used: number[], next: () => number, mended: boolean): void {
  // Around a byte in use, so that zero fields are changed as well.
  const at = Math.min(image.length - 4, used[next() % used.length] + (next() % 8));
  const way = next() % 4;
  if (way === 0) image[at] ^= 1 << (next() % 8);
  else if (way === 1) image[at] = EXTREMES[next() % EXTREMES.length];
  else if (way === 2) image.fill(EXTREMES[next() % EXTREMES.length], at, at + 4);
  else {
    const from = used[next() % used.length];
    image.copyWithin(at, from, from + 1 + (next() % 64));
  }
  if (mended) mendTag(image, Math.floor(at / 2048) * 2048);
}

/** Lets a changed descriptor pass its checks, so that the change goes deeper. */
function mendTag(image: Uint8Array, block: number): void {
  const view = new DataView(image.buffer);
  const identifier = view.getUint16(block, true);
  const length = view.getUint16(block + 10, true);
  const known = (identifier >= 1 && identifier <= 9) || (identifier >= 256 && identifier <= 266);
  if (!known || length + 16 > 2048) return;
  putTag(image, block, identifier, view.getUint32(block + 12, true), length + 16);
}

/** Everything that a program can ask; only ImageError may come of it. */
function exercise(volume: Volume): void {
  const buffer = new Uint8Array(64 * 1024);
  const attributes = new Attributes();
  const pending = [ROOT_NODE];
  let seen = 0;
  volume.statistics();
  for (let directory = pending.pop(); directory !== undefined; directory = pending.pop()) {
    const names = new Set<string>();
    const here = directory;
    attempt(() =>
      volume.readDirectory(here, 0, (name, node, type) => {
        expect(names.has(name), name).toBe(false);
        names.add(name);
        expect(++seen).toBeLessThan(50_000);
        if (type === S_IFDIR) pending.push(node);
        attempt(() => expect(volume.lookup(here, name)).toBe(node));
        attempt(() => volume.attributes(node, attributes));
        attempt(() => volume.listXattrs(node).map((xattr) => volume.readXattr(node, xattr)));
        if (type === S_IFLNK) attempt(() => volume.readLink(node));
        for (const position of [0, 5000, 2 ** 33]) {
          attempt(() => volume.read(node, position, buffer, 0, buffer.length));
        }
        return true;
      }),
    );
    attempt(() => volume.parent(here));
  }
}

function attempt(action: () => unknown): void {
  try {
    action();
  } catch (error) {
    if (!(error instanceof ImageError)) throw error;
  }
}

/** xorshift32. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}
