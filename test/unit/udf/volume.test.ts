/** Volumes with everything in them, in every kind of partition and size of block. */

import { closeSync, openSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { open } from "../../../image-core/filesystem/udf/udf.js";
import { Attributes, ROOT_NODE, S_IFMT } from "../../../image-core/filesystem/volume.js";
import { FileSource } from "../../../image-core/source/file-source.js";
import { HUGE_HOLE_BYTES, UdfBuilder } from "../../fixtures/udf/builder.js";
import { pattern, sampleFiles } from "../../fixtures/udf/sample.js";
import type { FileSpec, PartitionKind } from "../../fixtures/udf/spec.js";
import { testContext } from "../../support/context.js";
import { scratch } from "../../support/tools.js";
import { walk } from "../../support/walk.js";
import { attributesAt, contentAt, namesIn, nodeAt, opened } from "./opened.js";

const cases: [PartitionKind, number, number][] = [
  ["physical", 0x102, 2048],
  ["physical", 0x150, 1024],
  ["physical", 0x201, 4096],
  ["virtual150", 0x150, 2048],
  ["virtual", 0x200, 2048],
  ["sparable", 0x150, 2048],
  ["sparable", 0x201, 4096],
  ["metadata", 0x250, 2048],
  ["metadata", 0x260, 4096],
];

describe.each(cases)("a volume of a %s partition, revision %i, blocks of %i bytes", (...args) => {
  const [partition, revision, blockSize] = args;
  const image = new UdfBuilder({
    partition,
    revision,
    blockSize,
    files: sampleFiles(),
    spared: [0, 2, 3],
  }).build();
  const volume = opened(image, { owner: { uid: 12, gid: 34 } });

  it("is described", () => {
    expect(volume.description).toMatchObject({
      format: "udf",
      title: `UDF ${revision >> 8}.${(revision & 0xff).toString(16).padStart(2, "0")}`,
      label: "Label",
      uuid: "0123456789abcdef",
      created: 1_000_000_000,
      blockSize,
      warnings: [],
    });
    const statistics = volume.statistics();
    expect(statistics).toMatchObject({ blockSize, freeBlocks: 77, files: 7 });
    expect(statistics.blocks).toBeGreaterThan(1700);
  });

  it("gives the contents of every form of allocation", () => {
    const holes = Buffer.from(pattern(50_000, 9));
    for (let at = 2 * blockSize; at < holes.length; at += 4 * blockSize) {
      holes.fill(0, at, Math.min(holes.length, at + 2 * blockSize));
    }
    const expected: [string, Uint8Array][] = [
      ["/embedded.txt", Buffer.from("some text\n")],
      ["/empty", Buffer.alloc(0)],
      ["/short.bin", pattern(9000)],
      ["/long.bin", pattern(20_000, 3)],
      ["/extended.bin", pattern(20_000, 5)],
      ["/chained.bin", pattern(70_000, 7)],
      ["/holes.bin", holes],
      ["/rewritten.txt", Buffer.from("third time\n")],
      ["/hard", pattern(9000)],
      ["/dir/inner.txt", Buffer.from("inside")],
      ["/日本語.txt", Buffer.from("x")],
    ];
    for (const [path, content] of expected) {
      expect(Buffer.compare(contentAt(volume, path), content), path).toBe(0);
    }
  });

  it("reads any stretch of a scattered file", () => {
    const whole = Buffer.from(pattern(70_000, 7));
    const node = nodeAt(volume, "/chained.bin");
    const target = new Uint8Array(9000);
    for (let position = 0; position < 72_000; position += 4099) {
      const got = volume.read(node, position, target, 100, 8200);
      expect(got).toBe(Math.max(0, Math.min(8200, 70_000 - position)));
      expect(
        Buffer.compare(target.subarray(100, 100 + got), whole.subarray(position, position + got)),
      ).toBe(0);
    }
  });

  it("shows every attribute", () => {
    expect(attributesAt(volume, "/embedded.txt")).toMatchObject({
      mode: 0o100444,
      uid: 12,
      gid: 34,
    });
    // Owner rw, group r, others r; set-id and sticky bits of the ICB's flags.
    expect(attributesAt(volume, "/owned")).toMatchObject({ mode: 0o107644, uid: 1000, gid: 2000 });
    expect(attributesAt(volume, "/dir")).toMatchObject({ mode: 0o40555, nlink: 2 });
    expect(attributesAt(volume, "/blk")).toMatchObject({ rdevMajor: 8, rdevMinor: 17 });
    expect(attributesAt(volume, "/chr")).toMatchObject({ rdevMajor: 4, rdevMinor: 64 });
    const types = ["/blk", "/chr", "/fifo", "/socket", "/link"].map(
      (path) => attributesAt(volume, path).mode & S_IFMT,
    );
    expect(types).toEqual([0o60000, 0o20000, 0o10000, 0o140000, 0o120000]);
    expect(attributesAt(volume, "/east.txt")).toMatchObject({
      mtime: 1_700_000_000 - 330 * 60,
      mtimeNs: 123_456_000,
      atime: 1_700_000_000 - 330 * 60,
    });
    expect(attributesAt(volume, "/before 1970").mtime).toBe(-86_400 * 365);
    expect(attributesAt(volume, "/holes.bin").size).toBe(50_000);
  });

  it("follows links, hard and symbolic", () => {
    expect(nodeAt(volume, "/hard")).toBe(nodeAt(volume, "/short.bin"));
    expect(volume.readLink(nodeAt(volume, "/link"))).toBe("/usr/.././bin");
    expect(volume.readLink(nodeAt(volume, "/relative"))).toBe("../dir/inner.txt");
    expect(attributesAt(volume, "/relative").size).toBe("../dir/inner.txt".length);
  });

  it("leaves out deleted and hidden entries", () => {
    const names = namesIn(volume, "/");
    expect(names).not.toContain("deleted");
    expect(names).not.toContain("hidden");
    expect(volume.lookup(ROOT_NODE, "deleted")).toBe(0);
    expect(volume.lookup(ROOT_NODE, "hidden")).toBe(0);
    expect(names).toContain("ünïcode");
  });

  it("lists a directory from any cookie", () => {
    const directory = nodeAt(volume, "/many");
    const all: string[] = [];
    let cookie = 0;
    for (let more = true; more; ) {
      more = false;
      let taken = 0;
      volume.readDirectory(directory, cookie, (name, _node, _type, next) => {
        if (taken === 7) {
          more = true;
          return false;
        }
        all.push(name);
        cookie = next;
        taken++;
        return true;
      });
    }
    expect(all).toEqual(Array.from({ length: 400 }, (_, i) => `entry number ${i} of many`));
    expect(volume.lookup(directory, "entry number 399 of many")).toBe(
      nodeAt(volume, "/embedded.txt"),
    );
    expect(volume.lookup(directory, "entry number 400 of many")).toBe(0);
  });

  it("finds parents", () => {
    const deep = nodeAt(volume, "/dir/deep");
    expect(volume.parent(deep)).toBe(nodeAt(volume, "/dir"));
    expect(volume.lookup(deep, "..")).toBe(nodeAt(volume, "/dir"));
    expect(volume.lookup(deep, ".")).toBe(deep);
    expect(volume.parent(ROOT_NODE)).toBe(ROOT_NODE);
  });

  it("shows streams and extended attributes", () => {
    const node = nodeAt(volume, "/streams.txt");
    expect(volume.listXattrs(node)).toEqual([
      "user.udf.*UDF DVD CGMS Info",
      "user.first",
      "user.*UDF Macintosh Resource Fork",
    ]);
    expect(volume.readXattr(node, "user.first")).toEqual(Uint8Array.from(Buffer.from("one")));
    const cgms = volume.readXattr(node, "user.udf.*UDF DVD CGMS Info");
    expect(Buffer.from(cgms!).toString()).toBe("hello, EA...");
    expect(volume.readXattr(node, "user.second")).toBeUndefined();
    expect(volume.listXattrs(nodeAt(volume, "/dir"))).toEqual([]);
  });

  it("keeps node ids within bounds and apart", () => {
    const nodes = new Map<number, number>();
    for (const { node, attributes } of walk(volume).values()) {
      expect(Number.isSafeInteger(node) && node > 0 && node <= volume.maxNode).toBe(true);
      expect(attributes.ino).toBe(node);
      nodes.set(node, attributes.mode);
    }
    // A fresh volume answers for ids it never gave out.
    const again = opened(image);
    const attributes = new Attributes();
    for (const [node, mode] of nodes) {
      again.attributes(node, attributes);
      expect(attributes.mode).toBe(mode);
    }
  });
});

describe("locating", () => {
  it("names every recorded extent, and no hole", () => {
    const image = new UdfBuilder({ files: sampleFiles() }).build();
    const path = `${scratch("udf-locate")}/image`;
    writeFileSync(path, image);
    const fd = openSync(path, "r");
    const volume = open(new FileSource(fd), testContext());
    for (const file of ["/embedded.txt", "/short.bin", "/chained.bin", "/holes.bin"]) {
      const node = nodeAt(volume, file);
      const content = contentAt(volume, file);
      const range = { fd: 0, position: 0, length: 0 };
      for (let at = 0; at < content.length; ) {
        if (volume.locate!(node, at, content.length, range)) {
          const there = Buffer.from(image.subarray(range.position, range.position + range.length));
          expect(Buffer.compare(there, content.subarray(at, at + range.length))).toBe(0);
          at += range.length;
        } else {
          expect(file).toBe("/holes.bin");
          expect(content[at]).toBe(0);
          at += 2048;
        }
      }
      expect(volume.locate!(node, content.length, 1, range)).toBe(false);
    }
    closeSync(fd);
  });

  it("reads beyond 4 GiB", () => {
    const hole = HUGE_HOLE_BYTES;
    const size = hole + 9000;
    const files: FileSpec[] = [
      { name: "huge", content: pattern(9000), allocation: "huge", informationLength: size },
    ];
    const volume = opened(new UdfBuilder({ files }).build());
    expect(hole).toBeGreaterThan(2 ** 32);
    expect(attributesAt(volume, "/huge").size).toBe(size);
    const node = nodeAt(volume, "/huge");
    const target = new Uint8Array(200).fill(0xaa);
    expect(volume.read(node, hole - 100, target, 0, 200)).toBe(200);
    expect(target.subarray(0, 100)).toEqual(new Uint8Array(100));
    expect(target.subarray(100)).toEqual(pattern(9000).subarray(0, 100));
    expect(volume.read(node, size - 50, target, 0, 200)).toBe(50);
    expect(volume.read(node, size, target, 0, 200)).toBe(0);
  });

  it("covers what the descriptors cover, the rest is an error", () => {
    const files: FileSpec[] = [
      { name: "short", content: pattern(9000), allocation: "long", informationLength: 9999 },
    ];
    const volume = opened(new UdfBuilder({ files }).build());
    const target = new Uint8Array(100);
    expect(volume.read(nodeAt(volume, "/short"), 8900, target, 0, 100)).toBe(100);
    expect(() => volume.read(nodeAt(volume, "/short"), 9000, target, 0, 100)).toThrow(
      /extents hold 9000 of 9999/,
    );
  });
});
