/** Mutated images: a correct walk or ImageError, in bounded time. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ImageError } from "../../../image-core/errors.js";
import { ext } from "../../../image-core/filesystem/ext/format.js";
import { ROOT_NODE } from "../../../image-core/filesystem/volume.js";
import { probeWindow } from "../../../image-core/probe.js";
import { MemorySource } from "../../../image-core/source/memory-source.js";
import { debugfs, makeImage, makeTree, openBytes } from "../../fixtures/ext/images.js";
import { scratch } from "../../support/tools.js";
import { walk } from "../../support/walk.js";

const folder = scratch("ext-fuzz");
const tree = makeTree(folder);
const RUNS = 120;

/** xorshift32. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

for (const options of [
  ["-t", "ext2", "-b", "1024"],
  ["-t", "ext4", "-b", "1024"],
  ["-t", "ext4", "-b", "4096", "-O", "inline_data,bigalloc", "-N", "1000"],
]) {
  test(options.join(" "), () => {
    const image = makeImage(join(folder, "image"), tree, "12M", options);
    debugfs(image, ["ea_set size-61 user.a abc", `ea_set link-200 trusted.b ${"x".repeat(300)}`]);
    if (options[1] === "ext4") debugfs(image, ["jo", "jw -b 5000 /etc/hostname", "jc"]);
    const bytes = readFileSync(image);
    // Blocks that hold something, and twice as likely those of the first hundred: metadata.
    const used: number[] = [];
    for (let block = 0; block < bytes.length / 1024; block++) {
      if (bytes.subarray(block * 1024, block * 1024 + 1024).some((byte) => byte !== 0))
        used.push(block);
    }
    const next = random(20_260_101);
    const started = performance.now();
    let walked = 0;
    for (let runs = 0; runs < RUNS; runs++) {
      const undo: [number, number][] = [];
      for (let count = 1 + next(20); count > 0; count--) {
        const block = used[next(next(2) === 0 ? Math.min(100, used.length) : used.length)];
        const at = block * 1024 + next(1024);
        undo.push([at, bytes[at]]);
        bytes[at] = next(3) === 0 ? 0xff : next(256);
      }
      try {
        ext.probe(probeWindow(new MemorySource(bytes), ""));
        const volume = openBytes(bytes);
        // Damaged directories throw: what they emitted before has to be sound all the same.
        for (const [, file] of walkWhole(volume)) {
          for (const name of volume.listXattrs(file.node)) volume.readXattr(file.node, name);
        }
        walked++;
      } catch (error) {
        if (!(error instanceof ImageError)) throw error;
      }
      for (const [at, byte] of undo.reverse()) bytes[at] = byte;
    }
    expect(walked).toBeGreaterThan(RUNS / 10);
    expect(performance.now() - started).toBeLessThan(30_000);
  });
}

/** Hashing is left to few files: contents are the same code for all. */
function walkWhole(volume: ReturnType<typeof openBytes>) {
  const found = walk(volume, false);
  const target = new Uint8Array(65536);
  for (const { node, attributes } of found.values()) {
    if ((attributes.mode & 0o170000) !== 0o100000) continue;
    for (const position of [0, 70_000, Math.max(0, attributes.size - 100)]) {
      try {
        volume.read(node, position, target, 0, target.length);
      } catch (error) {
        if (!(error instanceof ImageError)) throw error;
      }
    }
  }
  volume.lookup(ROOT_NODE, "absent");
  return found;
}
