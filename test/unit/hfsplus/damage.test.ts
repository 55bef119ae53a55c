import { describe, expect, it } from "vitest";
import { ImageError } from "../../../image-core/errors.js";
import { hfsplus } from "../../../image-core/filesystem/hfsplus/format.js";
import { open } from "../../../image-core/filesystem/hfsplus/open.js";
import { ROOT_NODE, S_IFDIR, type Volume } from "../../../image-core/filesystem/volume.js";
import { probeWindow } from "../../../image-core/probe.js";
import { MemorySource } from "../../../image-core/source/memory-source.js";
import { decmpfsAttribute, zlibChunk } from "../../fixtures/hfsplus/decmpfs.js";
import { withJournal } from "../../fixtures/hfsplus/journal.js";
import { HfsPlusBuilder, ROOT_CNID } from "../../fixtures/hfsplus/volume.js";
import { testContext } from "../../support/context.js";
import { attributesAt, contentsOf, namesIn, nodeAt, noise, openBytes } from "./support.js";

function sample(): Uint8Array {
  const builder = new HfsPlusBuilder({ nodeSize: 1024, blockSize: 1024 });
  const inodes = builder.folder(ROOT_CNID, "\0\0\0\0HFS+ Private Data");
  builder.file(inodes, "iNode5", { data: "shared", special: 2 });
  const folder = builder.folder(ROOT_CNID, "folder");
  for (let i = 0; i < 40; i++) builder.file(folder, `file ${i}`, { data: noise(i * 100, i) });
  builder.file(folder, "link", { finder: "hlnkhfs+", special: 5 });
  builder.file(folder, "scattered", { data: noise(40_000), fragments: 20 });
  const compressed = builder.file(folder, "compressed", { ownerFlags: 0x20 });
  builder.attribute(
    compressed,
    "com.apple.decmpfs",
    decmpfsAttribute(3, 900, zlibChunk(noise(900))),
  );
  builder.attribute(folder, "com.example.large", noise(30_000), 12);
  builder.folder(folder, "deeper");
  return builder.build();
}

describe("a damaged volume", () => {
  it("is opened by its alternate header", () => {
    const image = sample();
    image.fill(0, 1024, 1536);
    expect(hfsplus.probe(probeWindow(new MemorySource(image), ""))?.title).toMatch(/alternate/);
    const volume = openBytes(image);
    expect(volume.description.warnings).toContain(
      "the volume header is damaged; the alternate was used",
    );
    expect(namesIn(volume, ROOT_NODE)).toEqual(["folder"]);
  });

  it("is refused where neither header is one", () => {
    const image = sample();
    image.fill(0, 1024, 1536);
    image.fill(0, image.length - 1024);
    expect(hfsplus.probe(probeWindow(new MemorySource(image), ""))).toBeUndefined();
    expect(() => openBytes(image)).toThrow(/volume header at 0x400: signature 0x0/);
    expect(() => openBytes(image.subarray(0, 1100))).toThrow(ImageError);
  });

  it("is opened by its alternate header where the first leads to no catalog", () => {
    const image = sample();
    const header = new DataView(image.buffer, 1024);
    header.setUint32(288, header.getUint32(288) + 1);
    const volume = openBytes(image);
    expect(volume.description.warnings).toContain(
      "the volume header is damaged; the alternate was used",
    );
    expect(namesIn(volume, ROOT_NODE)).toEqual(["folder"]);
    header.setUint16(image.length - 2048, 0);
    expect(() => openBytes(image)).toThrow(/catalog B-tree header/);
  });

  it("shows what needs no extents overflow file", () => {
    const image = sample();
    const header = new DataView(image.buffer, 1024);
    image.fill(0xee, header.getUint32(208) * 1024, header.getUint32(208) * 1024 + 512);
    const volume = openBytes(image);
    expect(volume.description.warnings).toEqual([
      expect.stringMatching(
        /^what lies in more than eight extents cannot be read: .*B-tree header/,
      ),
    ]);
    expect(contentsOf(volume, nodeAt(volume, "/folder/file 7"))).toEqual(noise(700, 7));
    expect(() => contentsOf(volume, nodeAt(volume, "/folder/scattered"))).toThrow(ImageError);
  });

  it("shows what needs no attributes file", () => {
    const image = sample();
    const header = new DataView(image.buffer, 1024);
    image.fill(0xee, header.getUint32(368) * 1024, header.getUint32(368) * 1024 + 512);
    const volume = openBytes(image);
    expect(volume.description.warnings).toEqual([
      expect.stringMatching(/^extended attributes and compressed files cannot be read: /),
    ]);
    expect(contentsOf(volume, nodeAt(volume, "/folder/file 7"))).toEqual(noise(700, 7));
    // Its size is not that of its empty data fork.
    expect(() => attributesAt(volume, "/folder/compressed")).toThrow(ImageError);
    expect(() => volume.listXattrs(nodeAt(volume, "/folder"))).toThrow(ImageError);
  });

  it("shows folders whose threads are missing", () => {
    const builder = new HfsPlusBuilder({ nodeSize: 1024 });
    const outer = builder.folder(ROOT_CNID, "outer");
    const inner = builder.folder(outer, "inner");
    builder.file(inner, "file", { data: "contents" });
    const image = builder.build();
    loseThread(image, outer, "outer");
    loseThread(image, inner, "inner");
    const volume = openBytes(image);
    expect(namesIn(volume, nodeAt(volume, "/outer"))).toEqual(["inner"]);
    const folder = nodeAt(volume, "/outer/inner");
    expect(namesIn(volume, folder)).toEqual(["file"]);
    expect(volume.parent(folder)).toBe(nodeAt(volume, "/outer"));
  });

  it("has no folder without thread beneath itself", () => {
    const builder = new HfsPlusBuilder({ nodeSize: 1024 });
    const outer = builder.folder(ROOT_CNID, "outer");
    const inner = builder.folder(outer, "inner");
    const image = builder.build();
    loseThread(image, outer, "outer");
    loseThread(image, inner, "inner");
    // The record of "inner" now says that it is "outer" itself.
    const record = Buffer.from(image).indexOf(Buffer.from("\0i\0n\0n\0e\0r\0\x01", "latin1"));
    new DataView(image.buffer).setUint32(record + 10 + 8, outer);
    const volume = openBytes(image);
    const beneath = nodeAt(volume, "/outer/inner");
    expect(beneath).not.toBe(0);
    expect(() => namesIn(volume, beneath)).toThrow(/its thread says 2/);
  });

  it("is opened within its wrapper", () => {
    const volume = sample();
    const wrapper = new Uint8Array(20 * 512 + volume.length);
    const view = new DataView(wrapper.buffer);
    view.setUint16(1024, 0x4244);
    view.setUint32(1024 + 0x14, 1024);
    view.setUint16(1024 + 0x1c, 4);
    view.setUint16(1024 + 0x7c, 0x482b);
    view.setUint16(1024 + 0x7e, 8);
    view.setUint16(1024 + 0x80, volume.length / 1024);
    wrapper.set(volume, 4 * 512 + 8 * 1024);
    const source = new MemorySource(wrapper);
    expect(hfsplus.probe(probeWindow(source, ""))?.title).toBe("HFS+ in an HFS wrapper");
    const opened = openBytes(wrapper);
    expect(opened.description.features).toContain("HFS wrapper");
    const node = nodeAt(opened, "/folder/file 7");
    expect(Buffer.compare(contentsOf(opened, node), noise(700, 7))).toBe(0);
  });

  it("has no folder beneath itself", () => {
    const builder = new HfsPlusBuilder();
    const folder = builder.folder(ROOT_CNID, "folder");
    builder.folder(folder, "inside");
    const image = builder.build();
    // The record of "inside" now says that it is "folder" itself.
    const at = Buffer.from(image).indexOf(Buffer.from("\0i\0n\0s\0i\0d\0e\0\x01", "latin1"));
    new DataView(image.buffer).setUint32(at + 12 + 8, folder);
    const volume = openBytes(image);
    const inside = nodeAt(volume, "/folder/inside");
    expect(inside).not.toBe(0);
    expect(() => namesIn(volume, inside)).toThrow(/its thread says 2/);
  });

  it("has no leaves without end", () => {
    const builder = new HfsPlusBuilder({ nodeSize: 512, blockSize: 512 });
    for (let i = 10; i < 30; i++) builder.file(ROOT_CNID, `file ${i}`);
    const image = builder.build();
    const header = new DataView(image.buffer, 1024);
    const catalog = header.getUint32(288) * 512;
    // The root's records fill leaves 1 and up; leaf 9 goes back to leaf 4.
    new DataView(image.buffer).setUint32(catalog + 9 * 512, 4);
    expect(() => namesIn(openBytes(image), ROOT_NODE)).toThrow(/lead back to themselves/);
  });

  it.each([1, 2, 3, 4])("never does worse than an ImageError (seed %i)", (seed) => {
    const plain = sample();
    const journaled = withJournal(plain, [[{ position: 2048, bytes: plain.slice(2048, 4096) }]]);
    const metadata = plain.length;
    let state = seed;
    const random = (below: number) => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return Math.floor((state / 2 ** 32) * below);
    };
    const header = new DataView(plain.buffer, 1024);
    const regions = [
      [1024, 512],
      [header.getUint32(208) * 1024, 512 * 4],
      [header.getUint32(288) * 1024, header.getUint32(276)],
      [header.getUint32(368) * 1024, header.getUint32(356)],
      [metadata, 4096],
    ];
    let refused = 0;
    for (let round = 0; round < 120; round++) {
      const image = journaled.slice();
      for (let changes = 1 + random(6); changes > 0; changes--) {
        const [start, length] = regions[random(regions.length)];
        const at = Math.min(image.length - 1, start + random(length));
        image[at] = random(3) === 0 ? 0xff : random(256);
      }
      refused += exercise(image);
    }
    // Most damage leaves something to read, some leaves nothing.
    expect(refused).toBeLessThan(120);
  });
});

/** Makes a folder's thread a record of no known type. */
function loseThread(image: Uint8Array, cnid: number, name: string): void {
  const thread = Buffer.alloc(10 + 2 * name.length);
  thread.writeUInt16BE(3);
  thread.writeUInt16BE(name.length, 8);
  for (let i = 0; i < name.length; i++) thread.writeUInt16BE(name.charCodeAt(i), 10 + 2 * i);
  const bytes = Buffer.from(image.buffer);
  for (let at = bytes.indexOf(thread.subarray(0, 4)); at >= 0; ) {
    const isKeyed = bytes.readUInt32BE(at - 6) === cnid && bytes.readUInt16BE(at - 2) === 0;
    if (isKeyed && bytes.indexOf(thread.subarray(8), at) === at + 8) {
      bytes.writeUInt16BE(0x7777, at);
      return;
    }
    at = bytes.indexOf(thread.subarray(0, 4), at + 1);
  }
  throw new Error(`no thread of ${name}`);
}

/** Opens and reads all of an image; 1 where it could not be opened. Only ImageErrors are let pass. */
function exercise(image: Uint8Array): number {
  let volume: Volume | undefined;
  expectImageErrors(() => {
    hfsplus.probe(probeWindow(new MemorySource(image), ""));
    volume = open(new MemorySource(image), testContext());
  });
  if (volume === undefined) return 1;
  const opened = volume;
  const pending = [ROOT_NODE];
  const buffer = new Uint8Array(50_000);
  let visited = 0;
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    const directory = node;
    const names = new Set<string>();
    expectImageErrors(() => {
      opened.readDirectory(directory, 0, (name, child, type, cookie) => {
        expect(names.has(name)).toBe(false);
        names.add(name);
        expect(Number.isSafeInteger(cookie) && cookie > 0 && child <= opened.maxNode).toBe(true);
        if (type === S_IFDIR) pending.push(child);
        else expectImageErrors(() => opened.read(child, 0, buffer, 0, buffer.length));
        expectImageErrors(() => {
          for (const xattr of opened.listXattrs(child)) opened.readXattr(child, xattr);
        });
        return true;
      });
    });
    for (const name of names) {
      expectImageErrors(() => expect(opened.lookup(directory, name)).not.toBe(0));
    }
    expect(++visited).toBeLessThan(1000);
  }
  return 0;
}

function expectImageErrors(act: () => void): void {
  try {
    act();
  } catch (error) {
    if (!(error instanceof ImageError)) throw error;
  }
}
