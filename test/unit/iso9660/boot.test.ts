/** El Torito: catalogs, platforms, emulation, sizes. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { buildIso, file, folder } from "../../fixtures/iso9660/iso-builder.js";
import { le32 } from "../../fixtures/iso9660/susp-entries.js";
import { run, scratch } from "../../support/tools.js";
import { contentsAt, namesIn, nodeAt, volumeOf } from "./volume-of.js";

const VIEW = { options: { view: "boot" } };

function validation(platform: number): number[] {
  const bytes = [1, platform, ...Array(28).fill(0), 0x55, 0xaa];
  const sum = bytes.reduce((total, byte, i) => total + (i % 2 === 0 ? byte : byte * 256), 0);
  const check = (0x10000 - (sum & 0xffff)) & 0xffff;
  bytes[28] = check & 255;
  bytes[29] = check >> 8;
  return bytes;
}

function entry(block: number, media: number, sectors: number, indicator = 0x88): number[] {
  const head = [indicator, media, 0, 0, 0, 0, sectors & 255, sectors >> 8, ...le32(block)];
  return [...head, ...Array(20).fill(0)];
}

const section = (platform: number, count: number, last: boolean) => [
  last ? 0x91 : 0x90,
  platform,
  count,
  ...Array(29).fill(0),
];

describe("the boot catalog", () => {
  it("lists all platforms, sections and kinds of emulation, each with its size", () => {
    const disk = new Uint8Array(70_000).fill(7);
    disk.fill(0, 446, 510).set([0x55, 0xaa], 510);
    disk.set([0x80, 0, 0, 0, 6, 0, 0, 0, ...le32(1), ...le32(99)], 446);
    const images = [
      new Uint8Array(2048).fill(1),
      new Uint8Array(1_474_560).fill(2),
      disk,
      new Uint8Array(4096).fill(4),
      new Uint8Array(2048).fill(5),
    ];
    const catalog = (blocks: number[]) =>
      Uint8Array.from([
        ...validation(0),
        ...entry(blocks[0], 0, 4),
        ...section(1, 2, false),
        ...entry(blocks[1], 2, 1),
        ...[0x44, ...Array(31).fill(0)],
        ...entry(blocks[2], 4, 1),
        ...section(2, 1, false),
        ...entry(blocks[3], 0, 8, 0),
        ...section(0xef, 1, true),
        ...entry(blocks[4], 0, 4),
        ...entry(1, 0, 1),
      ]);
    const iso = buildIso(folder("", [file("A.;1", "a")]), { boot: { catalog, images } });
    const volume = volumeOf(iso, VIEW);
    expect(namesIn(volume)).toEqual([
      "1-BIOS.img",
      "2-PowerPC-1.44M-floppy.img",
      "3-PowerPC-hard-disk.img",
      "4-Mac.img",
      "5-EFI.img",
      "boot.cat",
    ]);
    const sizes = [2048, 1_474_560, 100 * 512, 4096, 2048];
    sizes.forEach((size, i) => {
      const name = namesIn(volume)[i];
      expect(contentsAt(volume, name, 65_536).equals(images[i].subarray(0, size))).toBe(true);
    });
    expect(volume.lookup(1, "none")).toBe(0);
    expect(volume.description.boot).toEqual([
      "El Torito BIOS, no emulation",
      "El Torito PowerPC, 1.44M floppy",
      "El Torito PowerPC, hard disk",
      "El Torito Mac, no emulation, not bootable",
      "El Torito EFI, no emulation",
    ]);
    const all = volumeOf(iso, { options: { view: "all" } });
    expect(nodeAt(all, "/boot/5-EFI.img")).toBeGreaterThan(1);
  });

  it("warns of a catalog that is not one", () => {
    const boot = { catalog: () => new Uint8Array(2048), images: [] };
    const volume = volumeOf(buildIso(folder("", []), { boot }));
    expect(volume.description.boot).toBeUndefined();
    expect(volume.description.warnings.join()).toMatch(/no boot catalog/);
  });
});

describe("images by xorriso", () => {
  it("gives the whole file where the load size is a part of it", () => {
    const work = scratch("iso9660-boot");
    mkdirSync(join(work, "tree"));
    const loader = Buffer.alloc(30_000, "isolinux ");
    writeFileSync(join(work, "tree/loader.bin"), loader);
    const fat = join(work, "tree/efi.img");
    run("mkfs.vfat", ["-C", fat, "1440"]);
    run("xorriso", [
      ...["-as", "mkisofs", "-quiet", "-R", "-o", join(work, "boot.iso")],
      ...["-b", "loader.bin", "-c", "boot.cat", "-no-emul-boot", "-boot-load-size", "4"],
      ...["-eltorito-alt-boot", "-e", "efi.img", "-no-emul-boot", join(work, "tree")],
    ]);
    const volume = volumeOf(readFileSync(join(work, "boot.iso")), VIEW);
    expect(namesIn(volume)).toEqual(["1-BIOS.img", "2-EFI.img", "boot.cat"]);
    expect(contentsAt(volume, "1-BIOS.img").equals(loader)).toBe(true);
    expect(contentsAt(volume, "2-EFI.img").equals(readFileSync(fat))).toBe(true);
  });
});
