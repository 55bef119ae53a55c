import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ImageError } from "../../../image-core/errors.js";
import { compareNames } from "../../../image-core/filesystem/apple/mac-names.js";
import { HfsEntry } from "../../../image-core/filesystem/hfs/catalog-record.js";
import { hfs } from "../../../image-core/filesystem/hfs/format.js";
import { open } from "../../../image-core/filesystem/hfs/open.js";
import { ROOT_NODE, S_IFDIR, S_IFREG, type Volume } from "../../../image-core/filesystem/volume.js";
import { probeWindow } from "../../../image-core/probe.js";
import { MemorySource } from "../../../image-core/source/memory-source.js";
import { HfsImage } from "../../fixtures/hfs/volume.js";
import { testContext } from "../../support/context.js";
import { run, scratch } from "../../support/tools.js";
import { walk } from "../../support/walk.js";
import { attributesAt, contentsOf, namesIn, nodeAt, noise } from "../hfsplus/support.js";

const folder = scratch("hfs");

function openBytes(bytes: Uint8Array, overrides = {}): Volume {
  return open(new MemorySource(bytes), testContext(overrides));
}

/** Whatever hfsutils make: both forks, folders, forks in many extents. */
function sample(): Uint8Array {
  const image = new HfsImage(join(folder, "sample"), "Sample", 800);
  image.makeFolder(":Folder");
  for (let i = 0; i < 20; i++) image.copy(`:Folder:filler ${i}`, noise(25_000, i));
  // Holes of 25,000 bytes for a file that then needs the extents overflow file.
  for (let i = 0; i < 20; i += 2) image.remove(`:Folder:filler ${i}`);
  image.copy(":scattered", noise(400_000, 99));
  image.copyForks(":forked", "forked", noise(1000, 7), noise(3000, 8), "TEXTttxt");
  return image.close();
}
const bytes = sample();

describe("a volume by hfsutils", () => {
  const volume = openBytes(bytes);

  it("is recognised and described", () => {
    expect(hfs.probe(probeWindow(new MemorySource(bytes), ""))).toEqual({
      confidence: 3,
      title: "HFS",
    });
    expect(volume.description).toMatchObject({ title: "HFS", label: "Sample", warnings: [] });
  });

  it("has its files and folders", () => {
    const names = ["Folder", "forked", "scattered"];
    expect(namesIn(volume, ROOT_NODE)).toEqual(names);
    const fillers = namesIn(volume, nodeAt(volume, "/Folder"));
    expect(fillers).toHaveLength(10);
    for (const name of fillers) {
      const data = noise(25_000, Number(name.slice(7)));
      expect(Buffer.compare(contentsOf(volume, nodeAt(volume, `/folder/${name}`)), data)).toBe(0);
    }
    expect(volume.parent(nodeAt(volume, "/Folder"))).toBe(ROOT_NODE);
    expect(nodeAt(volume, "/Folder/none")).toBe(0);
  });

  it("goes on in the extents overflow file", () => {
    const contents = contentsOf(volume, nodeAt(volume, "/scattered"), 10_000);
    expect(Buffer.compare(contents, noise(400_000, 99))).toBe(0);
    // More extents than the three of the catalog record, or this proves nothing.
    const mdb = new DataView(bytes.buffer, 1024);
    const extents = mdb.getUint16(0x1c) * 512 + mdb.getUint16(0x86) * mdb.getUint32(0x14);
    expect(new DataView(bytes.buffer).getUint32(extents + 20)).toBeGreaterThan(0);
  });

  it("has both forks and Finder information", () => {
    const node = nodeAt(volume, "/forked");
    expect(Buffer.compare(contentsOf(volume, node), noise(1000, 7))).toBe(0);
    expect(volume.listXattrs(node)).toEqual([
      "user.com.apple.FinderInfo",
      "user.com.apple.ResourceFork",
    ]);
    const info = volume.readXattr(node, "user.com.apple.FinderInfo") as Uint8Array;
    expect(Buffer.from(info.subarray(0, 8)).toString()).toBe("TEXTttxt");
    const fork = nodeAt(volume, "/forked..namedfork#rsrc");
    expect(Buffer.compare(contentsOf(volume, fork), noise(3000, 8))).toBe(0);
    const attributes = attributesAt(volume, "/forked");
    expect(attributes.mode).toBe(S_IFREG | 0o644);
    // Local time, as MacBinary has it.
    expect(attributes.mtime).toBe(3_700_000_000 - 2_082_844_800);
    const east = openBytes(bytes, { localOffset: () => 7200, owner: { uid: 5, gid: 6 } });
    expect(attributesAt(east, "/forked")).toMatchObject({
      mtime: attributes.mtime - 7200,
      uid: 5,
      gid: 6,
    });
  });
});

describe("names", () => {
  it("sort as the Mac sorts them", () => {
    const order = ["A", "a\u0301b", "\u00c4", "ab", "B", "_", "~"];
    const macRoman = (name: string) =>
      Uint8Array.from(name.normalize("NFC"), (c) => ({ á: 0x87, Ä: 0x80 })[c] ?? c.charCodeAt(0));
    const compare = (a: string, b: string) => {
      const [left, right] = [macRoman(a), macRoman(b)];
      return compareNames(left, 0, left.length, right, 0, right.length);
    };
    expect([...order].reverse().sort(compare)).toEqual([
      "A",
      "ab",
      "\u00c4",
      "a\u0301b",
      "B",
      "_",
      "~",
    ]);
    expect(compare("NAME", "name")).toBe(0);
  });

  it("are read in the charset that is asked for", () => {
    const image = new HfsImage(join(folder, "names"), "Names");
    image.copy(":abcd", noise(10));
    image.copy(":r1sum2", noise(20));
    const written = image.close();
    // hfsutils take no such bytes from a command line: put in afterwards, in the same order.
    const patch = (from: string, to: number[]) => {
      for (let at = 0; ; at++) {
        at = Buffer.from(written.buffer).indexOf(from, at, "latin1");
        if (at < 0) return;
        written.set(to, at);
      }
    };
    patch("abcd", [0x93, 0xfa, 0x96, 0x7b]);
    patch("r1sum2", [0x72, 0x8e, 0x73, 0x75, 0x2f, 0x8e]);
    const roman = openBytes(written, { options: { charset: "macroman" } });
    expect(namesIn(roman, ROOT_NODE)).toContain("r\u00e9su:\u00e9");
    expect(attributesAt(roman, "/R\u00c9SU:\u00e9").size).toBe(20);
    const japanese = openBytes(written, { options: { charset: "macjapanese" } });
    expect(namesIn(japanese, ROOT_NODE)).toContain("\u65e5\u672c");
    expect(attributesAt(japanese, "/\u65e5\u672c").size).toBe(10);
    expect(() => openBytes(written, { options: { charset: "klingon" } })).toThrow(/klingon/);
  });
});

describe("a volume in another script than Roman", () => {
  /** hfsutils take no such bytes from a command line: put in afterwards. Places of `from`. */
  function put(image: Uint8Array, from: string, to: readonly number[]): number[] {
    const places: number[] = [];
    const found = Buffer.from(image.buffer);
    for (
      let at = found.indexOf(from, 0, "latin1");
      at >= 0;
      at = found.indexOf(from, at, "latin1")
    ) {
      image.set(to, at);
      places.push(at);
    }
    return places;
  }

  it("is read by the script that the Finder noted, else by its names", () => {
    const image = new HfsImage(join(folder, "script"), "Script");
    image.copy(":abcd", noise(10));
    image.copy(":wxyzwxyzwx", noise(20));
    const written = image.close();
    const places = put(written, "abcd", [0xaa, 0xb0, 0xa6, 0xe1]);
    // Nothing but a note tells Greek from French.
    expect(openBytes(written).description.features).toEqual(["names in macroman"]);
    const noted = written.slice();
    // fdScript, in the record behind the padded key.
    for (const at of places) noted[at + 5 + 64] = 0x86;
    const greek = openBytes(noted);
    expect(greek.description.features).toEqual(["names in macgreek"]);
    expect(attributesAt(greek, "/\u03a3\u0391\u03a0\u03b1").size).toBe(10);
    // Katakana, of which a dozen tell enough.
    put(written, "wxyzwxyzwx", [0x83, 0x51, 0x81, 0x5b, 0x83, 0x80, 0x83, 0x66, 0x81, 0x5b]);
    const judged = openBytes(written);
    expect(judged.description.features).toEqual(["names in macjapanese"]);
    expect(attributesAt(judged, "/\u30b2\u30fc\u30e0\u30c7\u30fc").size).toBe(20);
    const asked = openBytes(noted, { options: { charset: "macroman" } });
    expect(asked.description.features).toEqual(["names in macroman"]);
  });
});

describe("a hybrid disc by genisoimage", () => {
  it("has the same files in its HFS volume", () => {
    const source = join(folder, "source");
    mkdirSync(join(source, "sub"), { recursive: true });
    writeFileSync(join(source, "hello.txt"), "hello");
    writeFileSync(join(source, "sub", "noise"), noise(100_000));
    const path = join(folder, "hybrid.iso");
    run("genisoimage", ["-quiet", "-hfs", "-V", "Hybrid", "-o", path, source]);
    const volume = openBytes(new Uint8Array(readFileSync(path)));
    expect(volume.description.label).toBe("Hybrid");
    expect(namesIn(volume, ROOT_NODE)).toEqual(["Desktop DB", "Desktop DF", "hello.txt", "sub"]);
    expect(attributesAt(volume, "/sub").mode).toBe(S_IFDIR | 0o755);
    expect(Buffer.compare(contentsOf(volume, nodeAt(volume, "/sub/noise")), noise(100_000))).toBe(
      0,
    );
  });
});

describe("catalog records", () => {
  const traits = { drAlBlkSiz: 512, localOffset: () => 0 };

  it("that machfs writes, short of some Finder information, are read", () => {
    const record = new Uint8Array(50);
    const view = new DataView(record.buffer);
    record[0] = 1;
    view.setUint16(4, 3);
    view.setUint32(6, 2);
    view.setUint32(14, 3_700_000_000);
    const entry = new HfsEntry(9, 1, "root", record, traits);
    expect(entry).toMatchObject({ isFolder: true, cnid: 2, valence: 3 });
    expect(entry.modified).toBe(3_700_000_000 - 2_082_844_800);
    expect(entry.finderInfo).toEqual(new Uint8Array(32));
  });

  it("without dates or forks are refused", () => {
    const file = new Uint8Array(90);
    file[0] = 2;
    expect(() => new HfsEntry(9, 2, "file", file, traits)).toThrow(/90 of 98 bytes/);
    const folder = new Uint8Array(16);
    folder[0] = 1;
    expect(() => new HfsEntry(9, 2, "folder", folder, traits)).toThrow(/16 of 18 bytes/);
  });
});

describe("a damaged volume", () => {
  it("is opened by its alternate Master Directory Block", () => {
    const image = bytes.slice();
    image.fill(0, 1024, 1536);
    expect(hfs.probe(probeWindow(new MemorySource(image), ""))?.title).toMatch(/alternate/);
    const volume = openBytes(image);
    expect(volume.description.warnings).toContain(
      "the Master Directory Block is damaged; the alternate was used",
    );
    expect(namesIn(volume, ROOT_NODE)).toHaveLength(3);
    image.fill(0, image.length - 1024);
    expect(hfs.probe(probeWindow(new MemorySource(image), ""))).toBeUndefined();
    expect(() => openBytes(image)).toThrow(/Master Directory Block at 0x400: signature 0x0/);
  });

  it.each([1, 2, 3])("never does worse than an ImageError (seed %i)", (seed) => {
    let state = seed;
    const random = (below: number) => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return Math.floor((state / 2 ** 32) * below);
    };
    const mdb = new DataView(bytes.buffer, 1024);
    const start = mdb.getUint16(0x1c) * 512;
    const block = mdb.getUint32(0x14);
    const regions = [
      [1024, 162],
      [start + mdb.getUint16(0x86) * block, 2048],
      [start + mdb.getUint16(0x96) * block, 4096],
    ];
    let opened = 0;
    for (let round = 0; round < 100; round++) {
      const image = bytes.slice();
      for (let changes = 1 + random(5); changes > 0; changes--) {
        const [from, length] = regions[random(regions.length)];
        image[from + random(length)] = random(3) === 0 ? 0xff : random(256);
      }
      try {
        const volume = openBytes(image);
        opened++;
        walk(volume);
      } catch (error) {
        if (!(error instanceof ImageError)) throw error;
      }
    }
    expect(opened).toBeGreaterThan(10);
  });
});
