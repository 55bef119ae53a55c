import { openSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { open } from "../../../image-core/filesystem/hfsplus/open.js";
import {
  Attributes,
  ROOT_NODE,
  S_IFBLK,
  S_IFDIR,
  S_IFIFO,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
} from "../../../image-core/filesystem/volume.js";
import type { HostRange } from "../../../image-core/source/byte-source.js";
import { FileSource } from "../../../image-core/source/file-source.js";
import { HfsPlusBuilder, ROOT_CNID } from "../../fixtures/hfsplus/volume.js";
import { testContext } from "../../support/context.js";
import { scratch } from "../../support/tools.js";
import { walk } from "../../support/walk.js";
import { attributesAt, contentsOf, namesIn, nodeAt, noise, openBytes } from "./support.js";

const folder = scratch("hfsplus");

describe("B-trees", () => {
  it.each([512, 1024, 4096, 8192, 32768])("have nodes of %i bytes", (nodeSize) => {
    const builder = new HfsPlusBuilder({ nodeSize, blockSize: nodeSize });
    const count = nodeSize <= 1024 ? 300 : 2000;
    for (let i = 0; i < count; i++) builder.file(ROOT_CNID, `file ${i}`, { data: `contents ${i}` });
    const folder = builder.folder(ROOT_CNID, "folder");
    builder.file(folder, "inside");
    const volume = openBytes(builder.build());
    const walked = walk(volume);
    expect(walked.size).toBe(count + 3);
    const node = nodeAt(volume, "/file 137");
    expect(Buffer.from(contentsOf(volume, node)).toString()).toBe("contents 137");
    expect(nodeAt(volume, "/FOLDER/Inside")).toBe(walked.get("/folder/inside")?.node);
    expect(nodeAt(volume, "/file 137x")).toBe(0);
    expect(volume.maxNode).toBeGreaterThanOrEqual(node);
  });

  it("continue listings behind any entry", () => {
    const builder = new HfsPlusBuilder();
    for (let i = 0; i < 500; i++) builder.file(ROOT_CNID, `file ${i}`);
    const volume = openBytes(builder.build());
    const whole = namesIn(volume, ROOT_NODE);
    const pieces: string[] = [];
    let cookie = 0;
    for (let more = true; more; ) {
      more = false;
      let room = 7;
      volume.readDirectory(ROOT_NODE, cookie, (name, _node, _type, next) => {
        if (room-- === 0) return false;
        more = true;
        pieces.push(name);
        cookie = next;
        return true;
      });
    }
    expect(pieces).toEqual(whole);
    expect(whole).toHaveLength(500);
  });
});

describe("names", () => {
  const builder = new HfsPlusBuilder();
  // As a Mac stores it: decomposed.
  builder.file(ROOT_CNID, "Cafe\u0301", { data: "decomposed" });
  builder.file(ROOT_CNID, "12/31", { data: "slash" });
  builder.file(ROOT_CNID, "a:b", { data: "colon" });
  // As some tools store it: composed. It shows like the one above.
  builder.file(ROOT_CNID, "Caf\u00e9", { data: "composed" });
  builder.file(ROOT_CNID, "\u00fcber", { data: "composed only" });
  // A compatibility ideograph: NFC replaces it, TN1150 leaves it alone.
  builder.file(ROOT_CNID, "\uf900", { data: "ideograph" });
  builder.file(ROOT_CNID, "..", { data: "dots" });
  builder.file(ROOT_CNID, "\ud800x", { data: "surrogate" });
  const volume = openBytes(builder.build());
  const text = (name: string) =>
    Buffer.from(contentsOf(volume, volume.lookup(ROOT_NODE, name))).toString();

  it("are shown composed, and every one is found as it is shown", () => {
    const shown: Record<string, string> = {};
    for (const name of namesIn(volume, ROOT_NODE)) shown[name] = text(name);
    const suffixed = Object.keys(shown).find((name) => name.startsWith("Caf\u00e9\u241b#"));
    expect(suffixed).toBeDefined();
    expect(shown).toEqual({
      "Caf\u00e9": "decomposed",
      [suffixed as string]: "composed",
      "12:31": "slash",
      "a\u241b3Ab": "colon",
      "\u00fcber": "composed only",
      "\u8c48": "ideograph",
      "\u241b2E\u241b2E": "dots",
      "\u241buD800x": "surrogate",
    });
  });

  it("are found in any case and decomposed", () => {
    expect(text("CAF\u00c9")).toBe("decomposed");
    expect(text("cafe\u0301")).toBe("decomposed");
  });

  it("keep their case on case-sensitive volumes", () => {
    const sensitive = new HfsPlusBuilder({ caseSensitive: true });
    sensitive.file(ROOT_CNID, "name", { data: "small" });
    sensitive.file(ROOT_CNID, "NAME", { data: "capitals" });
    const opened = openBytes(sensitive.build());
    expect(opened.description.title).toBe("HFSX (case-sensitive)");
    expect(namesIn(opened, ROOT_NODE)).toEqual(["NAME", "name"]);
    expect(Buffer.from(contentsOf(opened, nodeAt(opened, "/NAME"))).toString()).toBe("capitals");
    expect(nodeAt(opened, "/Name")).toBe(0);
  });
});

describe("forks", () => {
  const data = noise(100 * 4096 - 17);
  const builder = new HfsPlusBuilder();
  builder.file(ROOT_CNID, "scattered", { data, fragments: 60 });
  builder.file(ROOT_CNID, "both", { data: "data", resource: noise(70_000, 7) });
  builder.file(ROOT_CNID, "liar", { data: noise(5000), claimedSize: 50_000 });
  const volume = openBytes(builder.build());

  it("go on in the extents overflow file", () => {
    const node = nodeAt(volume, "/scattered");
    for (const step of [1000, 4096, 1 << 20]) {
      expect(Buffer.compare(contentsOf(volume, node, step), data)).toBe(0);
    }
    const part = new Uint8Array(10_000);
    expect(volume.read(node, 200_001, part, 0, part.length)).toBe(part.length);
    expect(Buffer.compare(part, data.subarray(200_001, 210_001))).toBe(0);
    expect(volume.read(node, data.length, part, 0, 1)).toBe(0);
  });

  it("show resources as an attribute and as a file that is never listed", () => {
    const node = nodeAt(volume, "/both");
    expect(volume.listXattrs(node)).toEqual(["user.com.apple.ResourceFork"]);
    const value = volume.readXattr(node, "user.com.apple.ResourceFork") as Uint8Array;
    expect(Buffer.compare(value, noise(70_000, 7))).toBe(0);
    const fork = nodeAt(volume, "/both..namedfork#rsrc");
    expect(fork).not.toBe(node);
    expect(Buffer.compare(contentsOf(volume, fork), noise(70_000, 7))).toBe(0);
    expect(attributesAt(volume, "/both..namedfork#rsrc").ino).not.toBe(
      attributesAt(volume, "/both").ino,
    );
    expect(nodeAt(volume, "/scattered..namedfork#rsrc")).toBe(0);
    expect(namesIn(volume, ROOT_NODE)).toEqual(["both", "liar", "scattered"]);
  });

  it("are readable as far as their extents go", () => {
    const node = nodeAt(volume, "/liar");
    const part = new Uint8Array(8192);
    expect(volume.read(node, 0, part, 0, 8192)).toBe(8192);
    expect(Buffer.compare(part.subarray(0, 5000), noise(5000))).toBe(0);
    expect(() => volume.read(node, 8000, part, 0, 8192)).toThrow(/nothing holds byte 8192/);
  });

  it("are located extent by extent", () => {
    const image = builder.build();
    const path = join(folder, "located.img");
    writeFileSync(path, image);
    const fd = openSync(path, "r");
    const located = open(new FileSource(fd), testContext());
    const node = nodeAt(located, "/scattered");
    const bytes = Buffer.alloc(data.length);
    const range: HostRange = { fd: 0, position: 0, length: 0 };
    for (let at = 0; at < data.length; at += range.length) {
      expect(located.locate?.(node, at, data.length - at, range)).toBe(true);
      bytes.set(image.subarray(range.position, range.position + range.length), at);
    }
    expect(Buffer.compare(bytes, data)).toBe(0);
    expect(located.locate?.(node, data.length, 1, range)).toBe(false);
  });
});

describe("attributes", () => {
  const builder = new HfsPlusBuilder({ label: "Attributes" });
  const special = { uid: 0, gid: 0 };
  builder.file(ROOT_CNID, "disk", { ...special, mode: 0o60640, special: (14 << 24) | 70_000 });
  builder.file(ROOT_CNID, "pipe", { mode: 0o10600 });
  builder.file(ROOT_CNID, "link", { mode: 0o120755, data: "target/e\u0301", finder: "slnkrhap" });
  builder.file(ROOT_CNID, "classic", { mode: 0, finder: "TEXTttxt", uid: 0, gid: 0 });
  builder.file(ROOT_CNID, "classic link", { mode: 0, finder: "slnkrhap", data: "classic" });
  builder.file(ROOT_CNID, "early", { modified: 1 });
  builder.file(ROOT_CNID, "late", { modified: 0xffffffff });
  const info = new Uint8Array(32).fill(1);
  builder.file(ROOT_CNID, "info", { finder: info });
  const counted = builder.folder(ROOT_CNID, "counted", {
    flags: 0x10,
    folderCount: 3,
    mode: 0o41777,
  });
  builder.attribute(counted, "com.apple.metadata:kind", "folder");
  const tagged = builder.file(ROOT_CNID, "tagged");
  builder.attribute(tagged, "com.example.small", "small");
  builder.attribute(tagged, "com.example.large", noise(40_000), 1);
  builder.attribute(tagged, "com.example.scattered", noise(90_000, 3), 20);
  builder.attribute(tagged, "user.linux", "prefixed");
  const volume = openBytes(builder.build());

  it("tell type, mode, owner and device", () => {
    const disk = attributesAt(volume, "/disk");
    expect(disk.mode).toBe(S_IFBLK | 0o640);
    expect([disk.rdevMajor, disk.rdevMinor]).toEqual([14, 70_000]);
    expect(attributesAt(volume, "/pipe").mode).toBe(S_IFIFO | 0o600);
    expect(attributesAt(volume, "/classic").mode).toBe(S_IFREG | 0o644);
    const sticky = attributesAt(volume, "/counted");
    expect(sticky.mode).toBe(S_IFDIR | 0o1777);
    expect(sticky.nlink).toBe(5);
    expect(attributesAt(volume, "/info").uid).toBe(501);
  });

  it("tell where symbolic links lead", () => {
    expect(attributesAt(volume, "/link").mode & S_IFMT).toBe(S_IFLNK);
    expect(volume.readLink(nodeAt(volume, "/link"))).toBe("target/e\u0301");
    expect(volume.listXattrs(nodeAt(volume, "/link"))).toEqual([]);
    expect(volume.readLink(nodeAt(volume, "/classic link"))).toBe("classic");
  });

  it("tell dates from 1904 to 2040", () => {
    expect(attributesAt(volume, "/early").mtime).toBe(1 - 2_082_844_800);
    expect(attributesAt(volume, "/late").mtime).toBe(2_212_122_495);
  });

  it("have Finder information without the fields macOS keeps to itself", () => {
    const expected = new Uint8Array(32).fill(1).fill(0, 16, 24).fill(0, 28);
    const node = nodeAt(volume, "/info");
    expect(volume.readXattr(node, "user.com.apple.FinderInfo")).toEqual(expected);
    expect(
      volume.readXattr(nodeAt(volume, "/tagged"), "user.com.apple.FinderInfo"),
    ).toBeUndefined();
  });

  it("are stored in records, in forks and in forks with overflow", () => {
    const node = nodeAt(volume, "/tagged");
    expect(volume.listXattrs(node)).toEqual([
      "user.com.example.large",
      "user.com.example.scattered",
      "user.com.example.small",
      "user.linux",
    ]);
    const read = (name: string) => Buffer.from(volume.readXattr(node, name) as Uint8Array);
    expect(read("user.com.example.small").toString()).toBe("small");
    expect(read("user.com.example.large").equals(noise(40_000))).toBe(true);
    expect(read("user.com.example.scattered").equals(noise(90_000, 3))).toBe(true);
    expect(read("user.linux").toString()).toBe("prefixed");
    expect(volume.readXattr(node, "user.none")).toBeUndefined();
    expect(volume.listXattrs(nodeAt(volume, "/counted"))).toEqual(["user.com.apple.metadata:kind"]);
  });

  it("describe the volume", () => {
    expect(volume.description).toMatchObject({
      format: "hfsplus",
      title: "HFS+",
      label: "Attributes",
      created: 3_700_000_000 - 2_082_844_800,
      blockSize: 4096,
    });
    const root = new Attributes();
    volume.attributes(ROOT_NODE, root);
    expect(root.ino).toBe(2);
  });
});
