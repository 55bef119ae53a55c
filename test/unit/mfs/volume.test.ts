import { describe, expect, it } from "vitest";
import { mfs } from "../../../image-core/filesystem/mfs/format.js";
import { ROOT_NODE, S_IFDIR, S_IFREG, type Volume } from "../../../image-core/filesystem/volume.js";
import { openImage } from "../../../image-core/open/open-image.js";
import { probeWindow } from "../../../image-core/probe.js";
import { MemorySource } from "../../../image-core/source/memory-source.js";
import { buildDiskCopy42, macBinary } from "../../fixtures/dmg/sparse.js";
import { buildMfs, type MfsFile, scattered } from "../../fixtures/mfs/volume.js";
import { testContext } from "../../support/context.js";
import { attributesAt, contentsOf, namesIn, nodeAt, noise } from "../hfsplus/support.js";
import { openBytes } from "./support.js";

const MAC_EPOCH = 2_082_844_800;
const FINDER_INFO = "user.com.apple.FinderInfo";
const RESOURCE_FORK = "user.com.apple.ResourceFork";

/** Type TEXT, creator MACA, Finder flag, location 64,32, folder 7. */
const finderInfo = Buffer.from("TEXTMACA\x01\0\0\x40\0\x20\0\x07", "latin1");

const files: MfsFile[] = [
  {
    name: "Desktop",
    resource: noise(2006, 1),
    finderInfo: Buffer.from("FNDRERIK\x40\0\0\0\0\0\0\0"),
  },
  { name: "both", data: noise(20_000, 2), resource: noise(3333, 3), finderInfo },
  { name: "empty" },
  { name: "locked", data: noise(1024, 4), locked: true, modified: 2_630_000_000 },
  { name: "undated", data: noise(1, 5), created: 2_640_000_000, modified: 0 },
];
const bytes = buildMfs(files, { name: "Sample" });

function expectFiles(volume: Volume, expected: readonly MfsFile[]): void {
  expect(namesIn(volume, ROOT_NODE)).toEqual(expected.map(({ name }) => name));
  for (const { name, data = new Uint8Array(0), resource } of expected) {
    const node = nodeAt(volume, `/${name}`);
    expect(Buffer.compare(contentsOf(volume, node, 700), data)).toBe(0);
    const fork = nodeAt(volume, `/${name}..namedfork#rsrc`);
    expect(fork).toBe(resource === undefined ? 0 : node + 1);
    if (resource === undefined) continue;
    expect(Buffer.compare(contentsOf(volume, fork), resource)).toBe(0);
    const attribute = volume.readXattr(node, RESOURCE_FORK) as Uint8Array;
    expect(Buffer.compare(attribute, resource)).toBe(0);
  }
}

describe("a floppy", () => {
  const volume = openBytes(bytes);

  it("is recognised and described", () => {
    expect(mfs.probe(probeWindow(new MemorySource(bytes), ""))).toEqual({
      confidence: 3,
      title: "MFS",
    });
    expect(volume.description).toEqual({
      format: "mfs",
      title: "MFS",
      label: "Sample",
      created: 2_600_000_000 - MAC_EPOCH,
      blockSize: 1024,
      features: ["names in macroman"],
      boot: undefined,
      warnings: [],
    });
    // 2 blocks of resource fork, 20 and 4, 1, 1; of 391 in all.
    expect(volume.statistics()).toMatchObject({ blocks: 391, freeBlocks: 363, files: 5 });
  });

  it("has both forks of its files", () => expectFiles(volume, files));

  it("tells startup disks and locked ones", () => {
    const startup = buildMfs([], { attributes: 0x8000, name: "" });
    startup.write("LK");
    expect(openBytes(startup).description).toMatchObject({
      label: "",
      features: ["names in macroman", "locked"],
      boot: ["Macintosh startup information"],
    });
  });

  it("has attributes", () => {
    const east = openBytes(bytes, { localOffset: () => 7200, owner: { uid: 5, gid: 6 } });
    expect(attributesAt(east, "/both")).toMatchObject({
      mode: S_IFREG | 0o644,
      nlink: 1,
      uid: 5,
      gid: 6,
      size: 20_000,
      blocks: (20 + 4) * 2,
      mtime: 2_620_000_000 - MAC_EPOCH - 7200,
    });
    expect(attributesAt(east, "/both..namedfork#rsrc")).toMatchObject({ size: 3333, blocks: 8 });
    expect(attributesAt(volume, "/locked")).toMatchObject({
      mode: S_IFREG | 0o444,
      mtime: 2_630_000_000 - MAC_EPOCH,
    });
    expect(attributesAt(volume, "/undated").mtime).toBe(2_640_000_000 - MAC_EPOCH);
    expect(attributesAt(volume, "/")).toMatchObject({
      ino: ROOT_NODE,
      mode: S_IFDIR | 0o755,
      size: 7,
      mtime: 2_650_000_000 - MAC_EPOCH,
    });
    const inos = ["/", "/both", "/both..namedfork#rsrc", "/empty"].map(
      (path) => attributesAt(volume, path).ino,
    );
    expect(new Set(inos).size).toBe(4);
    expect(Math.max(...inos)).toBeLessThanOrEqual(volume.maxNode);
  });

  it("shows Finder information as HFS does", () => {
    const node = nodeAt(volume, "/both");
    expect(volume.listXattrs(node)).toEqual([FINDER_INFO, RESOURCE_FORK]);
    const info = volume.readXattr(node, FINDER_INFO) as Uint8Array;
    expect(info).toHaveLength(32);
    expect(Buffer.compare(info.subarray(0, 16), finderInfo)).toBe(0);
    expect(volume.listXattrs(nodeAt(volume, "/empty"))).toEqual([]);
    expect(volume.readXattr(nodeAt(volume, "/empty"), FINDER_INFO)).toBeUndefined();
    expect(volume.readXattr(nodeAt(volume, "/empty"), RESOURCE_FORK)).toBeUndefined();
    expect(volume.listXattrs(ROOT_NODE)).toEqual([]);
    expect(volume.listXattrs(node + 1)).toEqual([]);
  });

  it("is its own parent", () => {
    expect(volume.lookup(ROOT_NODE, ".")).toBe(ROOT_NODE);
    expect(volume.lookup(ROOT_NODE, "..")).toBe(ROOT_NODE);
    expect(volume.parent(ROOT_NODE)).toBe(ROOT_NODE);
  });
});

describe("allocation blocks", () => {
  it.each([
    ["scattered", { order: scattered }],
    ["of six sectors", { size: 2880, allocationBlockSize: 3072, order: scattered }],
    ["of a directory elsewhere", { directoryStart: 9, directoryBlocks: 3 }],
  ])("%s are read", (_, layout) => {
    const image = buildMfs(files, { name: "Sample", ...layout });
    const volume = openBytes(image);
    expect(volume.description.warnings).toEqual([]);
    expectFiles(volume, files);
  });

  it("may be more than two blocks can map", () => {
    const large = [{ name: "filler", data: noise(700 * 1024) }, ...files];
    const volume = openBytes(buildMfs(large, { size: 4096, directoryStart: 10, order: scattered }));
    expectFiles(volume, large);
  });

  it("are located", () => {
    const positions: number[] = [];
    const source = Object.assign(new MemorySource(bytes), {
      locate(position: number, length: number, range: { position: number; length: number }) {
        positions.push(position);
        range.position = position;
        range.length = length;
        return true;
      },
    });
    const volume = openBytes(bytes, {}, source);
    const range = { fd: -1, position: 0, length: 0 };
    expect(volume.locate?.(nodeAt(volume, "/both"), 5000, 100_000, range)).toBe(true);
    expect(range.length).toBe(15_000);
    const held = bytes.subarray(range.position, range.position + range.length);
    expect(Buffer.compare(held, noise(20_000, 2).subarray(5000))).toBe(0);
    expect(positions).toHaveLength(1);
  });
});

describe("names", () => {
  it("are up to 255 bytes long, in blocks that no entry crosses", () => {
    const many = Array.from({ length: 40 }, (_, i) => ({
      name: `${i}`.padEnd(1 + ((i * 37) % 255), "n"),
      data: noise(10 + i, i),
    }));
    many.push({ name: "x".repeat(255), data: noise(7) });
    const volume = openBytes(buildMfs(many, { directoryBlocks: 40 }));
    expectFiles(volume, many);
    // One entry at a time, as a full buffer would have it.
    const names: string[] = [];
    let cookie = 0;
    for (let taken = true; taken; ) {
      taken = false;
      volume.readDirectory(ROOT_NODE, cookie, (name, _node, _type, next) => {
        if (taken) return false;
        names.push(name);
        cookie = next;
        taken = true;
        return true;
      });
    }
    expect(names).toEqual(many.map(({ name }) => name));
  });

  it("are in a Mac script, with a colon for a slash", () => {
    const slash = Uint8Array.of(0x72, 0x8e, 0x73, 0x75, 0x2f, 0x8e);
    const image = buildMfs([
      { name: slash, data: noise(20) },
      { name: "in:out", data: noise(30) },
      { name: Uint8Array.of(0x93, 0xfa, 0x96, 0x7b), data: noise(10) },
    ]);
    const roman = openBytes(image);
    expect(namesIn(roman, ROOT_NODE).slice(0, 2)).toEqual(["résu:é", "in␛3Aout"]);
    expect(attributesAt(roman, "/résu:é").size).toBe(20);
    expect(attributesAt(roman, "/RÉSU:é").size).toBe(20);
    expect(attributesAt(roman, "/in␛3Aout").size).toBe(30);
    expect(nodeAt(roman, "/resu:e")).toBe(0);
    const japanese = openBytes(image, { options: { charset: "macjapanese" } });
    expect(attributesAt(japanese, "/日本").size).toBe(10);
    expect(japanese.description.features).toEqual(["names in macjapanese"]);
  });

  it("may differ in their version number only", () => {
    const volume = openBytes(
      buildMfs([
        { name: "same", data: noise(1) },
        { name: "same", data: noise(2), version: 1 },
        { name: "", data: noise(3) },
      ]),
    );
    expect(namesIn(volume, ROOT_NODE)).toEqual(["same", "same␛#56", "␛"]);
    expect(attributesAt(volume, "/same").size).toBe(1);
    expect(attributesAt(volume, "/SAME").size).toBe(1);
    expect(attributesAt(volume, "/same␛#56").size).toBe(2);
    expect(attributesAt(volume, "/␛").size).toBe(3);
  });
});

describe("an image file", () => {
  const diskCopy = buildDiskCopy42(bytes, new Uint8Array((bytes.length / 512) * 12));

  it.each([
    ["raw", bytes],
    ["Disk Copy 4.2", diskCopy],
    ["Disk Copy 4.2 in MacBinary", macBinary(diskCopy, new Uint8Array(0))],
  ])("is opened: %s", async (_, image) => {
    const { volume, description } = await openImage(
      new MemorySource(image),
      testContext({ name: "floppy.img" }),
    );
    expect(description).toMatchObject({ volume: { format: "mfs", label: "Sample" }, warnings: [] });
    expectFiles(volume, files);
  });
});
