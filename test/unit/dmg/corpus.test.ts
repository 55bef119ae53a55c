import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { ImageError } from "../../../image-core/errors.js";
import { MemorySource } from "../../../image-core/source/memory-source.js";
import { corpusBytes, corpusExpected, corpusImages } from "../../support/corpus.js";
import { run, scratch } from "../../support/tools.js";
import { contents, findings, openLayers, passphrase } from "./open.js";

const folder = scratch("dmg-corpus");
const images = corpusImages();
const bySuffix = (pattern: RegExp) => images.filter(({ image }) => pattern.test(image));
/** Larger disks are hashed by their beginnings: one is 16 GiB of zeros. */
const MOST = 160 * 1024 * 1024;

const udif = images.filter(({ kind }) => kind.startsWith("dmg-UDIF["));
const good = udif.filter(({ image }) => !image.startsWith("hostile/"));

describe.skipIf(images.length === 0)("corpus", () => {
  test.each(good)("$image: the disk that 7-Zip sees, and its own checksums", async ({ image }) => {
    const bytes = corpusBytes(image);
    const [layer] = await openLayers(new MemorySource(bytes));
    expect(layer.id).toBe("udif");
    expect(findings(layer.medium)).toEqual([]);
    const path = join(folder, basename(image));
    writeFileSync(path, bytes);
    const theirs = run("7z", ["x", "-tdmg", "-so", path]);
    const ours = contents(layer.medium.source, 1 << 20);
    expect(createHash("sha256").update(ours).digest("hex")).toBe(
      createHash("sha256").update(theirs).digest("hex"),
    );
  });

  const encrypted = images.filter(
    ({ image, kind, passphrase: text }) =>
      kind.startsWith("dmg-encrypted") && text !== undefined && !image.includes(".sparsebundle/"),
  );
  test.each(encrypted)("$image opens with its passphrase, and with no other", async (listed) => {
    const { image, kind } = listed;
    const source = new MemorySource(corpusBytes(image));
    const layers = await openLayers(source, passphrase(listed.passphrase as string));
    expect(layers[0].id).toBe("encrypted-dmg");
    expect(layers[0].title).toContain(kind.startsWith("dmg-encrypted-v1") ? "1" : "2");
    for (const { medium } of layers) expect(findings(medium)).toEqual([]);
    const disk = layers[layers.length - 1].medium.source;
    expectSignatures(image, contents({ ...sized(disk), size: Math.min(disk.size, MOST) }, 1 << 20));
    const refused = await openLayers(source, passphrase("another")).catch((error) => error);
    expect(refused.kind).toBe("wrong-passphrase");
    expect((await openLayers(source).catch((error) => error)).kind).toBe("encrypted");
  });

  test.each(bySuffix(/\.sparseimage$/))("$image", async ({ image, passphrase: text }) => {
    const layers = await openLayers(
      new MemorySource(corpusBytes(image)),
      text === undefined ? {} : passphrase(text),
    );
    expect(layers.at(-1)?.id).toBe("sparseimage");
    expectSignatures(image, contents(layers[layers.length - 1].medium.source));
  });

  test.each(bySuffix(/\.sparsebundle\/Info\.plist$/))("$image", async ({ image }) => {
    const inside = images.filter(
      (other) => dirname(image) === other.image.slice(0, dirname(image).length),
    );
    const secret = inside.find(({ passphrase: text }) => text !== undefined)?.passphrase;
    const names = inside.map((other) => other.image.slice(dirname(image).length + 1));
    const [layer] = await openLayers(new MemorySource(corpusBytes(image)), {
      ...(secret === undefined ? {} : passphrase(secret)),
      neighbourNames: (below = "") =>
        names.filter((name) => dirname(name) === (below || ".")).map((name) => basename(name)),
      neighbour: (name) => new MemorySource(corpusBytes(join(dirname(image), name))),
    });
    expect(layer.id).toBe("sparsebundle");
    const disk = contents(layer.medium.source);
    if (secret === undefined) {
      // The bands are 0 and 2 of three, of 1024 bytes and 512.
      const band = (name: string) => corpusBytes(join(dirname(image), "bands", name));
      const expected = Buffer.alloc(3072);
      expected.set(band("0"));
      expected.set(band("2"), 2048);
      expect(Buffer.compare(disk, expected)).toBe(0);
    } else expect(disk.toString("latin1", 512, 520)).toBe("EFI PART");
  });

  test.each(bySuffix(/^img\/ciderpress2\/(Installer|prodos)/))("$image", async ({ image }) => {
    const [layer] = await openLayers(new MemorySource(corpusBytes(image)));
    expect(findings(layer.medium)).toEqual([]);
    const disk = contents(layer.medium.source);
    // An HFS volume; a ProDOS volume directory in block 2.
    if (layer.id === "diskcopy42") expect(disk.readUInt16BE(1024)).toBe(0x4244);
    else expect(disk[1024 + 4] >> 4).toBe(15);
  });

  test.each(images.filter(({ image }) => image.startsWith("hostile/")))(
    "$image: bytes or an ImageError",
    async ({ image }) => {
      const started = performance.now();
      const source = new MemorySource(corpusBytes(image));
      try {
        await openLayers(source, { name: basename(image) });
      } catch (error) {
        expect(error).toBeInstanceOf(ImageError);
      }
      expect(performance.now() - started).toBeLessThan(3000);
    },
  );
});

const sized = (source: { read: (typeof MemorySource.prototype)["read"] }) => ({
  read: source.read.bind(source),
});

/** What the listings of other readers say lies where. */
function expectSignatures(image: string, disk: Buffer): void {
  for (const { offset, filesystem } of corpusExpected(image) ?? []) {
    if (filesystem.startsWith("hfsplus")) {
      expect(disk.toString("latin1", offset + 1024, offset + 1026)).toMatch(/^(H\+|HX|BD)$/);
    } else if (filesystem.startsWith("apfs")) {
      expect(disk.toString("latin1", offset + 32, offset + 36)).toBe("NXSB");
    } else if (filesystem.startsWith("vfat")) {
      expect(disk.readUInt16LE(offset + 510)).toBe(0xaa55);
    }
  }
}
