/** What is broken is named, what is whole stays readable. */
import { describe, expect, it } from "vitest";
import { ImageError } from "../../../image-core/errors.js";
import { open } from "../../../image-core/filesystem/udf/udf.js";
import { ROOT_NODE } from "../../../image-core/filesystem/volume.js";
import type { ByteSource } from "../../../image-core/source/byte-source.js";
import { MemorySource } from "../../../image-core/source/memory-source.js";
import { UdfBuilder } from "../../fixtures/udf/builder.js";
import { put16, put32, putTag } from "../../fixtures/udf/bytes.js";
import { pattern, sampleFiles } from "../../fixtures/udf/sample.js";
import { testContext } from "../../support/context.js";
import { walk } from "../../support/walk.js";
import { attributesAt, contentAt, namesIn, nodeAt, opened } from "./opened.js";

const two = () => [
  { name: "one", content: "1" },
  { name: "two", content: "2" },
];

describe("damaged volume descriptors", () => {
  it("are replaced by the reserve sequence", () => {
    const builder = new UdfBuilder({ files: two() });
    const image = builder.build();
    builder.block(34)[300] ^= 1;
    const volume = opened(image);
    expect(contentAt(volume, "/two").toString()).toBe("2");
    expect(volume.description.warnings.join()).toMatch(/type 6 in sector 34: CRC 0x/);
  });

  it("are named where both sequences are broken", () => {
    const builder = new UdfBuilder({ files: two() });
    const image = builder.build();
    builder.block(34)[300] ^= 1;
    builder.block(50)[4] ^= 1;
    expect(() => opened(image)).toThrow(/sector 34.*sector 50: the checksum of its tag is wrong/);
  });

  it("are checked by CRCs of whole sectors, and not by CRCs of more", () => {
    const builder = new UdfBuilder({ files: two() });
    const image = builder.build();
    for (let block = 257; block * 2048 < image.length; block++) {
      const bytes = builder.block(block);
      if (bytes[0] === 2 && bytes[1] === 0) bytes.fill(0);
    }
    const anchor = builder.block(256);
    anchor[1500] = 0x77;
    putTag(anchor, 0, 2, 256, 2048);
    expect(contentAt(opened(image), "/one").toString()).toBe("1");
    // As Linux does.
    const logicalVolume = builder.block(34);
    put16(logicalVolume, 10, 60_000);
    logicalVolume[4] = 0;
    logicalVolume[4] = logicalVolume.subarray(0, 16).reduce((sum, byte) => sum + byte, 0);
    expect(opened(image).description.warnings).toEqual([]);
    anchor[1500] = 0;
    expect(() => opened(image)).toThrow(/no anchor/);
  });

  it("prevail by sequence number", () => {
    const builder = new UdfBuilder({ files: two(), label: "new" });
    const image = builder.build();
    // An older one behind the newer: the terminator moves on by one.
    const older = builder.block(35);
    older.set(builder.block(34));
    older[85] = "X".charCodeAt(0);
    older.set(builder.block(34).subarray(84, 212), 84);
    put32(older, 16, 2);
    put32(older, 212, 512);
    putTag(older, 0, 6, 35, 512);
    expect(opened(image).description).toMatchObject({ label: "new", blockSize: 2048 });
  });

  it("go on where a volume descriptor pointer leads, and not for ever", () => {
    const builder = new UdfBuilder({ files: two() });
    const image = builder.build();
    for (const [at, block] of builder.block(34).entries()) builder.block(100)[at] = block;
    putTag(builder.block(100), 0, 6, 100, 512);
    const pointer = builder.block(34);
    pointer.fill(0);
    put32(pointer, 20, 2 * 2048);
    put32(pointer, 24, 100);
    putTag(pointer, 0, 3, 34, 512);
    expect(contentAt(opened(image), "/one").toString()).toBe("1");
    // Back to itself.
    put32(pointer, 20, 16 * 2048);
    put32(pointer, 24, 32);
    putTag(pointer, 0, 3, 34, 512);
    const volume = opened(image);
    expect(contentAt(volume, "/one").toString()).toBe("1");
    expect(volume.description.warnings.join()).toMatch(/more than 64 extents/);
  });

  it("are found by any anchor", () => {
    const builder = new UdfBuilder({ files: two(), unrecognised: true });
    const image = builder.build();
    builder.block(256).fill(0);
    expect(contentAt(opened(image), "/one").toString()).toBe("1");
    builder.block(2047).fill(0);
    expect(() => opened(image)).toThrow(/no anchor/);
  });

  it("tell of a volume that was not closed", () => {
    const image = new UdfBuilder({ files: two(), open: true }).build();
    expect(opened(image).description.warnings).toEqual([
      "the volume was not closed after it was last written to",
    ]);
  });

  it("with an absurd block size are refused", () => {
    const builder = new UdfBuilder({ files: two() });
    const image = builder.build();
    for (const sector of [34, 50]) {
      put32(builder.block(sector), 212, 3000);
      putTag(builder.block(sector), 0, 6, sector, 512);
    }
    expect(() => opened(image)).toThrow(/block size 3000/);
  });

  it("with an unknown kind of partition are refused by its name", () => {
    const builder = new UdfBuilder({ files: two(), partition: "sparable" });
    const image = builder.build();
    for (const sector of [34, 50]) {
      builder.block(sector).set(Buffer.from("*UDF Fancy Partition"), 440 + 5);
      putTag(builder.block(sector), 0, 6, sector, 512);
    }
    expect(() => opened(image)).toThrow(
      expect.objectContaining({ kind: "unsupported", message: expect.stringContaining("Fancy") }),
    );
  });
});

describe("a damaged metadata partition", () => {
  const build = () => {
    const builder = new UdfBuilder({
      partition: "metadata",
      revision: 0x250,
      files: sampleFiles(),
    });
    return { builder, image: builder.build() };
  };

  it("is read from the mirror where the main file's entry is bad", () => {
    const { builder, image } = build();
    builder.block(272 + 2)[60] ^= 1;
    const volume = opened(image);
    expect(contentAt(volume, "/dir/inner.txt").toString()).toBe("inside");
    expect(volume.description.warnings.join()).toMatch(/metadata partition: .*CRC/);
  });

  it("is read from the mirror block by block", () => {
    const { builder, image } = build();
    // The file set, the root, an entry, and the first block of a directory.
    const first = Math.floor(Buffer.from(image).indexOf("entry number 0 of many") / 2048);
    const damaged = [272 + 512, 272 + 513, builder.entryBlocks.get("inner.txt")!, first];
    for (const block of damaged) builder.block(block).fill(0x55);
    const files = walk(opened(image));
    const whole = walk(opened(build().image));
    expect([...files.keys()].sort()).toEqual([...whole.keys()].sort());
    expect(files.get("/chained.bin")!.content).toBe(whole.get("/chained.bin")!.content);
    expect(files.get("/many/entry number 399 of many")).toBeDefined();
  });

  it("is read from the mirror where a directory's end is missing, listed in one part or many", () => {
    const { builder, image } = build();
    const last = Math.floor(Buffer.from(image).indexOf("entry number 399 of many") / 2048);
    builder.block(last).fill(0);
    const names = namesIn(opened(build().image), "/many");
    expect(namesIn(opened(image), "/many")).toEqual(names);
    const volume = opened(image);
    const many = nodeAt(volume, "/many");
    const parts: string[] = [];
    let cookie = 0;
    for (let taken = -1; taken !== 0; ) {
      taken = 0;
      volume.readDirectory(many, cookie, (name, _node, _type, next) => {
        if (taken === 7) return false;
        taken++;
        parts.push(name);
        cookie = next;
        return true;
      });
    }
    expect(parts).toEqual(names);
    expect(volume.description.warnings.join()).not.toMatch(/bytes of damage/);
  });

  it("is refused without either", () => {
    const { builder, image } = build();
    builder.block(272 + 2)[60] ^= 1;
    builder.block(272 + 3)[60] ^= 1;
    expect(() => opened(image)).toThrow(/neither the metadata file nor its mirror/);
  });
});

describe("a damaged virtual allocation table", () => {
  it("is searched for behind what a drive adds", () => {
    const image = new UdfBuilder({ partition: "virtual", revision: 0x200, files: two() }).build();
    const longer = new Uint8Array(image.length + 152 * 2048);
    longer.set(image);
    expect(contentAt(opened(longer), "/one").toString()).toBe("1");
  });

  it("is searched for behind a disc's unrecorded end, and behind an unreadable one", () => {
    const image = new UdfBuilder({ partition: "virtual", revision: 0x200, files: two() }).build();
    const longer = new Uint8Array(image.length + 70 * 2 ** 20);
    longer.set(image);
    expect(contentAt(opened(longer), "/one").toString()).toBe("1");
    const whole = new MemorySource(longer);
    const source: ByteSource = {
      size: image.length + 100 * 2048,
      read(position, target, offset, length) {
        if (position + length > image.length)
          throw new ImageError("corrupt", "test", "bad sectors");
        return whole.read(position, target, offset, length);
      },
    };
    expect(contentAt(open(source, testContext()), "/one").toString()).toBe("1");
  });

  it("is missed", () => {
    const builder = new UdfBuilder({ partition: "virtual", revision: 0x200, files: two() });
    const image = builder.build();
    builder.block(2047)[100] ^= 1;
    expect(() => opened(image)).toThrow(/virtual allocation table is missing/);
  });
});

describe("a damaged file", () => {
  it("fails alone", () => {
    const builder = new UdfBuilder({ files: two() });
    const image = builder.build();
    builder.block(builder.entryBlocks.get("one")!)[60] ^= 1;
    const volume = opened(image);
    expect(namesIn(volume, "/")).toEqual(["one", "two"]);
    expect(() => attributesAt(volume, "/one")).toThrow(/file entry at 0x.*CRC/);
    expect(contentAt(volume, "/two").toString()).toBe("2");
  });

  it("whose tag says another place is refused", () => {
    const builder = new UdfBuilder({ files: two() });
    const image = builder.build();
    const block = builder.entryBlocks.get("one")!;
    const bytes = builder.block(block);
    putTag(bytes, 0, 261, 4711, 177);
    expect(() => attributesAt(opened(image), "/one")).toThrow(/block 4711 instead of/);
  });

  it("with extents outside the image fails where it is read", () => {
    const files = [{ name: "cut", content: pattern(9000), allocation: "short" as const }];
    const builder = new UdfBuilder({ files });
    const image = builder.build();
    const bytes = builder.block(builder.entryBlocks.get("cut")!);
    // The second of three extents.
    put32(bytes, 176 + 12, 0x00ffffff);
    putTag(bytes, 0, 261, builder.entryBlocks.get("cut")! - 272, 200);
    const volume = opened(image);
    const node = nodeAt(volume, "/cut");
    const target = new Uint8Array(9000);
    expect(volume.read(node, 0, target, 0, 4096)).toBe(4096);
    expect(() => volume.read(node, 4096, target, 0, 100)).toThrow(
      /0 of 100 bytes lie in the image/,
    );
    expect(volume.read(node, 8192, target, 0, 100)).toBe(100);
  });

  it("with a chain of descriptors in a circle is refused", () => {
    const files = [{ name: "loop", content: pattern(30_000), allocation: "chained" as const }];
    const builder = new UdfBuilder({ files });
    const image = builder.build();
    const entry = builder.block(builder.entryBlocks.get("loop")!);
    const first = new DataView(entry.buffer, entry.byteOffset).getUint32(176 + 20, true);
    const extent = builder.block(272 + first);
    // Nothing but the way back to itself.
    put32(extent, 20, 8);
    put32(extent, 24, 2048 + 3 * 2 ** 30);
    put32(extent, 28, first);
    putTag(extent, 0, 258, first, 32);
    expect(() => contentAt(opened(image), "/loop")).toThrow(/occurs twice/);
  });

  it("with entries of strategy 4096 in a circle is refused", () => {
    const builder = new UdfBuilder({ files: [{ name: "loop", content: "x", rewrites: 1 }] });
    const image = builder.build();
    const first = builder.entryBlocks.get("loop")!;
    const last = builder.block(first + 2);
    expect(last[0] | (last[1] << 8)).toBe(261);
    const indirect = builder.block(first + 3);
    indirect.set(builder.block(first + 1));
    put32(indirect, 40, first - 272);
    putTag(indirect, 0, 259, first + 3 - 272, 52);
    expect(() => attributesAt(opened(image), "/loop")).toThrow(/has no end/);
  });

  it("with descriptors that do not fit its entry is refused", () => {
    const builder = new UdfBuilder({ files: two() });
    const image = builder.build();
    const block = builder.entryBlocks.get("one")!;
    put32(builder.block(block), 168, 5000);
    putTag(builder.block(block), 0, 261, block - 272, 177);
    expect(() => attributesAt(opened(image), "/one")).toThrow(/do not fit in a block/);
  });

  it("longer than 2^53 is refused", () => {
    const builder = new UdfBuilder({ files: two() });
    const image = builder.build();
    const block = builder.entryBlocks.get("one")!;
    put32(builder.block(block), 60, 0x7fffffff);
    putTag(builder.block(block), 0, 261, block - 272, 177);
    expect(() => attributesAt(opened(image), "/one")).toThrow(/exceeds 2\^53/);
  });
});

describe("a damaged directory", () => {
  it("loses the entries that are damaged, and no other", () => {
    const files = Array.from({ length: 100 }, (_, i) => ({ name: `file ${i}`, content: `${i}` }));
    const directory = { name: "d", children: files, allocation: "long" as const };
    const builder = new UdfBuilder({ files: [directory] });
    const image = builder.build();
    const at = Buffer.from(image).indexOf("file 50");
    image[at - 39] ^= 0xff;
    const volume = opened(image);
    const names = namesIn(volume, "/d");
    expect(names).not.toContain("file 50");
    expect(names).toHaveLength(99);
    expect(contentAt(volume, "/d/file 99").toString()).toBe("99");
    expect(volume.description.warnings.join()).toMatch(/bytes of damage/);
  });

  it("shows names that occur again under others", () => {
    const files = ["same", "same", "same~2", "same"].map((name, i) => ({ name, content: `${i}` }));
    const volume = opened(new UdfBuilder({ files }).build());
    expect(namesIn(volume, "/")).toEqual(["same", "same~3", "same~2", "same~4"]);
    expect(contentAt(volume, "/same~3").toString()).toBe("1");
    expect(contentAt(volume, "/same~4").toString()).toBe("3");
  });

  it("numbers them the same whoever asks first", () => {
    const files = ["same", "other", "same", "same~2"].map((name, i) => ({ name, content: `${i}` }));
    const image = new UdfBuilder({ files }).build();
    const whole = opened(image);
    const nodes = namesIn(whole, "/").map((name) => nodeAt(whole, name));
    expect(opened(image).lookup(ROOT_NODE, "same~3")).toBe(nodes[2]);
    expect(opened(image).lookup(ROOT_NODE, "same~2")).toBe(nodes[3]);
    expect(opened(image).lookup(ROOT_NODE, "same~4")).toBe(0);
    let cookie = 0;
    const first = opened(image);
    first.readDirectory(ROOT_NODE, 0, (_name, _node, _type, next) => {
      const more = cookie === 0;
      if (more) cookie = next;
      return more;
    });
    const rest: string[] = [];
    // A server that has just been started goes on where the one before it ended.
    opened(image).readDirectory(ROOT_NODE, cookie, (name) => rest.push(name) > 0);
    expect(rest).toEqual(["other", "same~3", "same~2"]);
  });

  it("tells of one whose end is garbage", () => {
    const files = Array.from({ length: 100 }, (_, i) => ({ name: `file ${i}`, content: `${i}` }));
    const directory = { name: "d", children: files, allocation: "long" as const };
    const image = new UdfBuilder({ files: [directory] }).build();
    const at = Buffer.from(image).indexOf("file 99");
    image.fill(0x55, at - 39, at + 7);
    const volume = opened(image);
    expect(namesIn(volume, "/d")).toHaveLength(99);
    expect(volume.description.warnings.join()).toMatch(/bytes of damage/);
  });

  it("keeps names safe", () => {
    const names = ["a/b", ".", "..", "nul\0nul", "lone \ud800"];
    const volume = opened(
      new UdfBuilder({ files: names.map((name) => ({ name, content: "x" })) }).build(),
    );
    const shown = ["a␛2Fb", "␛2E", "␛2E␛2E", "nul␛00nul", "lone ␛uD800"];
    expect(namesIn(volume, "/")).toEqual(shown);
    for (const name of shown) expect(volume.lookup(ROOT_NODE, name)).not.toBe(0);
  });
});

describe("directories with more than one entry", () => {
  it("never make a circle", () => {
    const files = [
      { name: "a", children: [{ name: "b", children: [{ name: "up", hardLinkTo: "a" }] }] },
    ];
    const builder = new UdfBuilder({ files });
    const image = builder.build();
    expect([...walk(opened(image)).keys()]).toEqual(["/", "/a", "/a/b"]);
  });

  it("count where they name their parent", () => {
    const files = [
      { name: "a", children: [{ name: "c", children: [{ name: "f", content: "x" }] }] },
      { name: "b", children: [{ name: "other", hardLinkTo: "c" }] },
    ];
    const found = walk(opened(new UdfBuilder({ files }).build()));
    expect([...found.keys()].sort()).toEqual(["/", "/a", "/a/c", "/a/c/f", "/b"]);
  });

  it("are shown though all name a wrong parent", () => {
    const leaf = { name: "leaf", children: [{ name: "f", content: "x" }], wrongParent: 1 };
    const files = [{ name: "a", children: [{ name: "b", children: [leaf], wrongParent: 1 }] }];
    const volume = opened(new UdfBuilder({ files }).build());
    expect([...walk(volume).keys()].sort()).toEqual([
      "/",
      "/a",
      "/a/b",
      "/a/b/leaf",
      "/a/b/leaf/f",
    ]);
    expect(volume.parent(nodeAt(volume, "/a/b/leaf"))).toBe(nodeAt(volume, "/a/b"));
  });
});

describe("a sector that cannot be read", () => {
  it("takes neither its neighbours' attributes nor the listing with it", () => {
    const files = Array.from({ length: 40 }, (_, i) => ({ name: `file${i}`, content: "x" }));
    const builder = new UdfBuilder({ files });
    const bytes = builder.build();
    const lost = builder.entryBlocks.get("file20")! * 2048;
    const memory = new MemorySource(bytes);
    const source: ByteSource = {
      size: memory.size,
      read(position, target, offset, length) {
        if (position < lost + 2048 && position + length > lost) {
          throw new ImageError("checksum", "test", "an unreadable sector");
        }
        return memory.read(position, target, offset, length);
      },
    };
    const volume = open(source, testContext());
    expect(namesIn(volume, "/")).toHaveLength(40);
    for (const { name } of files) {
      if (name === "file20") {
        expect(() => attributesAt(volume, `/${name}`)).toThrow("an unreadable sector");
      } else expect(attributesAt(volume, `/${name}`).size).toBe(1);
    }
  });
});

describe("extended attributes that are damaged", () => {
  it("end the list", () => {
    const attributes = new Uint8Array(24 + 20);
    put32(attributes, 24, 2048);
    put32(attributes, 32, 5);
    const files = [{ name: "f", content: "x", extendedAttributes: attributes }];
    const volume = opened(new UdfBuilder({ files }).build());
    expect(volume.listXattrs(nodeAt(volume, "/f"))).toEqual([]);
  });
});
