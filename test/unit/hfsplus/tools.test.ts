import { linkSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { decompose } from "../../../image-core/filesystem/hfsplus/unicode-compare.js";
import { ROOT_NODE, S_IFLNK, S_IFMT } from "../../../image-core/filesystem/volume.js";
import { HfsPlusBuilder, ROOT_CNID } from "../../fixtures/hfsplus/volume.js";
import { run, scratch } from "../../support/tools.js";
import { walk } from "../../support/walk.js";
import { attributesAt, contentsOf, namesIn, nodeAt, noise, openBytes } from "./support.js";

const folder = scratch("hfsplus-tools");

/** The Apple_HFS entry of the hybrid's partition map, in 512 byte blocks. */
function hfsPartition(disc: Uint8Array): Uint8Array {
  const view = new DataView(disc.buffer, disc.byteOffset);
  for (let block = 1; block < 64; block++) {
    for (const size of [512, 2048]) {
      const at = block * size;
      if (view.getUint16(at) !== 0x504d) continue;
      if (Buffer.from(disc.subarray(at + 48, at + 57)).toString() !== "Apple_HFS") continue;
      const start = view.getUint32(at + 8) * size;
      if (view.getUint16(start + 1024) === 0x482b) {
        return disc.subarray(start, start + view.getUint32(at + 12) * size);
      }
    }
  }
  throw new Error("xorriso wrote no HFS+ partition");
}

describe("a hybrid disc by xorriso", () => {
  it("has the same files in its HFS+ volume", () => {
    const source = join(folder, "source");
    mkdirSync(join(source, "sub"), { recursive: true });
    writeFileSync(join(source, "hello.txt"), "hello");
    writeFileSync(join(source, "12:31"), "colon");
    writeFileSync(join(source, "sub", "\u00dcn\u00efc\u00f6de \u2603"), noise(100_000));
    for (let i = 0; i < 300; i++) writeFileSync(join(source, "sub", `file ${i}`), `contents ${i}`);
    linkSync(join(source, "hello.txt"), join(source, "hard"));
    symlinkSync("sub/file 7", join(source, "link"));
    const path = join(folder, "hybrid.iso");
    run("xorriso", [
      "-as",
      "mkisofs",
      "-quiet",
      "-hfsplus",
      "-R",
      "-V",
      "Hybrid",
      "-o",
      path,
      source,
    ]);
    const volume = openBytes(hfsPartition(new Uint8Array(readFileSync(path))));
    expect(volume.description).toMatchObject({ title: "HFS+", label: "Hybrid" });
    expect(namesIn(volume, ROOT_NODE)).toEqual(["12:31", "hard", "hello.txt", "link", "sub"]);
    expect(walk(volume).size).toBe(1 + 5 + 301);
    const unicode = nodeAt(volume, "/sub/\u00dcn\u00efc\u00f6de \u2603");
    expect(Buffer.compare(contentsOf(volume, unicode), noise(100_000))).toBe(0);
    expect(attributesAt(volume, "/link").mode & S_IFMT).toBe(S_IFLNK);
    expect(volume.readLink(nodeAt(volume, "/link"))).toBe("sub/file 7");
    for (let i = 0; i < 300; i++) {
      const node = nodeAt(volume, `/sub/FILE ${i}`);
      expect(Buffer.from(contentsOf(volume, node)).toString()).toBe(`contents ${i}`);
    }
  });
});

describe("a volume of our builder", () => {
  it("is read alike by The Sleuth Kit and blkid", () => {
    const builder = new HfsPlusBuilder({ label: "Judged", nodeSize: 8192 });
    const sub = builder.folder(ROOT_CNID, "sub");
    for (let i = 0; i < 200; i++) builder.file(sub, `file ${i}`, { data: noise(i * 50, i) });
    const cnid = builder.file(ROOT_CNID, "scattered", { data: noise(200_000), fragments: 30 });
    const path = join(folder, "built.img");
    const image = builder.build();
    writeFileSync(path, image);
    const volume = openBytes(image);
    const listed = run("fls", ["-r", "-p", "-F", path])
      .toString()
      .split("\n")
      .map((line) => line.split("\t")[1])
      .filter((name) => name !== undefined && !name.startsWith("$"));
    const walked = [...walk(volume)]
      .filter(([, { attributes }]) => (attributes.mode & S_IFMT) === 0o100000)
      .map(([name]) => name.slice(1));
    expect(listed.sort()).toEqual(walked.sort());
    expect(run("icat", [path, String(cnid)]).equals(noise(200_000))).toBe(true);
    expect(run("blkid", ["-p", "-o", "value", "-s", "UUID", path]).toString().trim()).toBe(
      volume.description.uuid,
    );
  });
});

describe("decomposition", () => {
  it("leaves alone what TN1150 leaves alone", () => {
    expect(decompose("\u00e9\u212b\uf900\u1e69\uac00")).toBe(
      "e\u0301\u212b\uf900s\u0323\u0307\u1100\u1161",
    );
    expect(decompose("plain \u{2f800}")).toBe("plain \u{2f800}");
  });
});
