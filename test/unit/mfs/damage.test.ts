import { describe, expect, it } from "vitest";
import { ImageError } from "../../../image-core/errors.js";
import { mfs } from "../../../image-core/filesystem/mfs/format.js";
import { ROOT_NODE } from "../../../image-core/filesystem/volume.js";
import { probeWindow } from "../../../image-core/probe.js";
import { MemorySource } from "../../../image-core/source/memory-source.js";
import { seeded } from "../../fixtures/dmg/random.js";
import { buildMfs, type MfsFile, scattered } from "../../fixtures/mfs/volume.js";
import { walk } from "../../support/walk.js";
import { contentsOf, namesIn, nodeAt, noise } from "../hfsplus/support.js";
import { openBytes } from "./support.js";

const INFORMATION = 1024;
const MAP = INFORMATION + 64;
const DIRECTORY = 4 * 512;

/** Blocks 2 to 6, 7, and 8 and 9. */
const files: MfsFile[] = [
  { name: "five", data: noise(5000, 1) },
  { name: "one", data: noise(1000, 2) },
  { name: "two", resource: noise(2000, 3) },
];

function damaged(damage: (image: Buffer) => void): Buffer {
  const image = buildMfs(files, { name: "Damaged" });
  damage(image);
  return image;
}

/** The even entries' 12 bits come first. */
function setMapEntry(image: Buffer, block: number, value: number): void {
  const at = MAP + Math.floor(((block - 2) * 3) / 2);
  const word = image.readUInt16BE(at);
  image.writeUInt16BE(block % 2 === 0 ? (value << 4) | (word & 15) : (word & 0xf000) | value, at);
}

describe("a damaged chain", () => {
  it.each([
    ["circle", 3, /entry 4 at 0x443 leads in a circle/],
    ["own tail", 4, /entry 4 at 0x443 leads in a circle/],
    ["outside", 393, /entry 4 at 0x443 leads to block 393, the last one is 392/],
    ["free block", 0, /entry 4 at 0x443 is 0, for a free block/],
    ["early end", 1, /entry 4 at 0x443 ends the fork/],
    ["directory", 0xfff, /entry 4 at 0x443 belongs to the file directory/],
  ])("is readable as far as it goes: %s", (_, link, message) => {
    const volume = openBytes(damaged((image) => setMapEntry(image, 4, link)));
    const node = nodeAt(volume, "/five");
    const target = new Uint8Array(5000);
    expect(volume.read(node, 0, target, 0, 3072)).toBe(3072);
    expect(Buffer.compare(target.subarray(0, 3072), noise(5000, 1).subarray(0, 3072))).toBe(0);
    const read = () => volume.read(node, 3072, target, 3072, 1);
    expect(read).toThrow(ImageError);
    expect(read).toThrow(message);
    expect(read).toThrow(/data fork of file 1: nothing holds byte 3072/);
    // What is whole stays readable.
    expect(Buffer.compare(contentsOf(volume, nodeAt(volume, "/one")), noise(1000, 2))).toBe(0);
  });

  it("may begin wrongly", () => {
    const volume = openBytes(damaged((image) => image.writeUInt16BE(5000, DIRECTORY + 22)));
    expect(() => contentsOf(volume, nodeAt(volume, "/five"))).toThrow(
      /its first block leads to block 5000, the last one is 392/,
    );
  });

  it("is not gone through for more than the volume has", () => {
    const image = damaged((image) => {
      image.writeUInt32BE(0xffff_ffff, DIRECTORY + 24);
      setMapEntry(image, 6, 2);
    });
    const volume = openBytes(image);
    const node = nodeAt(volume, "/five");
    expect(() => volume.read(node, 5120, new Uint8Array(1), 0, 1)).toThrow(/leads in a circle/);
  });
});

describe("a damaged file directory", () => {
  // Seven entries of 66 bytes a block.
  const many = Array.from({ length: 30 }, (_, i) => ({ name: `file number ${10 + i}` }));

  it("loses the block with the damage only", () => {
    const image = buildMfs(many);
    // Of the sixth entry.
    image[DIRECTORY + 5 * 66 + 50] = 200;
    const volume = openBytes(image);
    expect(namesIn(volume, ROOT_NODE)).toEqual(
      many.map(({ name }) => name).filter((_, i) => i < 5 || i > 6),
    );
    expect(volume.description.warnings).toEqual([
      "directory entry at 0x94a: its name leaves the block; it is not shown",
      "28 files were found, the volume counts 30",
    ]);
  });

  it("may be cut off", () => {
    const volume = openBytes(buildMfs(many).subarray(0, DIRECTORY + 2 * 512 + 100));
    expect(namesIn(volume, ROOT_NODE)).toHaveLength(14);
    expect(volume.description.warnings).toHaveLength(3);
    expect(() => openBytes(buildMfs(many).subarray(0, DIRECTORY + 100))).toThrow(
      /file directory at 0x800: needs 512 bytes/,
    );
  });

  it("ends where an unused entry begins, as with deleted files", () => {
    const volume = openBytes(
      damaged((image) => {
        image[DIRECTORY + 56] = 0;
        image.writeUInt16BE(1, INFORMATION + 12);
      }),
    );
    expect(namesIn(volume, ROOT_NODE)).toEqual(["five"]);
    expect(volume.description.warnings).toEqual([]);
  });
});

describe("damaged volume information", () => {
  it("is replaced by its backup", () => {
    const image = damaged((image) => image.fill(0, INFORMATION, MAP));
    expect(mfs.probe(probeWindow(new MemorySource(image), ""))).toEqual({
      confidence: 1,
      title: "MFS (by the backup of its master directory block)",
    });
    const volume = openBytes(image);
    expect(volume.description.label).toBe("Damaged");
    expect(volume.description.warnings).toContain(
      "the volume information is damaged; its backup was used",
    );
    expect(Buffer.compare(contentsOf(volume, nodeAt(volume, "/five")), noise(5000, 1))).toBe(0);
  });

  it.each([
    ["signature 0x0", 0, 0],
    ["the file directory starts at block 3", 14, 3],
    ["no allocation blocks", 18, 0],
    ["allocation block size 1536000001", 22, 1],
    ["the allocation blocks start at block 0", 28, 0],
    ["a volume name of 28 bytes", 36, 28 << 8],
  ])("is refused where there is none: %s", (problem, field, value) => {
    const image = damaged((image) => {
      if (field === 22) image.writeUInt16BE(0x5b8d, INFORMATION + 20);
      image.writeUInt16BE(field === 22 ? 0x8001 : value, INFORMATION + field);
    }).subarray(0, 700 * 512);
    expect(mfs.probe(probeWindow(new MemorySource(image), ""))).toBeUndefined();
    expect(() => openBytes(image)).toThrow(`mfs: volume information at 0x400: ${problem}`);
  });

  it("is refused in a file that ends in it", () => {
    const image = buildMfs([]).subarray(0, INFORMATION + 40);
    expect(mfs.probe(probeWindow(new MemorySource(image), ""))).toBeUndefined();
    expect(() => openBytes(image)).toThrow(ImageError);
    expect(() => openBytes(buildMfs([]).subarray(0, MAP + 9))).toThrow(/block map at 0x440: needs/);
  });

  it("claims no more than the block map can reach", () => {
    const volume = openBytes(damaged((image) => image.writeUInt16BE(0xffff, INFORMATION + 18)));
    expect(volume.description.warnings[0]).toBe(
      "of 65535 allocation blocks the block map reaches 4093",
    );
    expect(Buffer.compare(contentsOf(volume, nodeAt(volume, "/five")), noise(5000, 1))).toBe(0);
  });
});

describe("nodes of nothing", () => {
  const volume = openBytes(buildMfs(files));
  it.each([3 + 56 * 9, 4, 5])("are refused: %i", (node) => {
    expect(() => volume.listXattrs(2 * node)).toThrow(ImageError);
    expect(() => volume.read(node, 0, new Uint8Array(1), 0, 1)).toThrow(ImageError);
    expect(() => volume.lookup(node, "five")).toThrow(/is no directory/);
    expect(() => volume.readLink(node)).toThrow(/is no symbolic link/);
  });
  it("cannot read the root", () => {
    expect(() => volume.read(ROOT_NODE, 0, new Uint8Array(1), 0, 1)).toThrow(/the root is no file/);
  });
});

it.each([1, 2, 3])("never does worse than an ImageError (seed %i)", (seed) => {
  const random = seeded(seed);
  const below = (limit: number) => Math.floor(random() * limit);
  const whole = buildMfs(files, { order: scattered });
  // Volume information, the map's used entries at either end, directory entries.
  const regions = [
    [INFORMATION, 64],
    [MAP, 30],
    [DIRECTORY, 200],
  ];
  let opened = 0;
  for (let round = 0; round < 150; round++) {
    const image = Buffer.from(whole);
    for (let changes = 1 + below(4); changes > 0; changes--) {
      const [from, length] = regions[below(regions.length)];
      image[from + below(length)] = below(3) === 0 ? 0xff : below(256);
    }
    try {
      const volume = openBytes(image);
      opened++;
      for (const [path, { node }] of walk(volume, false)) {
        if (path === "/") continue;
        // A damaged length may be 4 GiB: the ends tell enough.
        for (const fork of [node, node + 1]) {
          for (const position of [0, 1024, 4096, 0xffff_0000]) {
            expectImageError(() => volume.read(fork, position, new Uint8Array(512), 0, 512));
          }
        }
        for (const name of volume.listXattrs(node)) {
          expectImageError(() => volume.readXattr(node, name));
        }
      }
    } catch (error) {
      if (!(error instanceof ImageError)) throw error;
    }
  }
  expect(opened).toBeGreaterThan(50);
});

function expectImageError(read: () => void): void {
  try {
    read();
  } catch (error) {
    if (!(error instanceof ImageError)) throw error;
  }
}
