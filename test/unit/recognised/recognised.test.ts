/** What is named although it is not read: real images of the corpus, files of common tools, damage. */
import { readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import {
  recognisedContainers,
  recognisedFilesystems,
} from "../../../image-core/filesystem/recognised/formats.js";
import { Confidence } from "../../../image-core/format.js";
import { candidates, probeWindow } from "../../../image-core/probe.js";
import { MemorySource } from "../../../image-core/source/memory-source.js";
import { random } from "../../fixtures/fat/random.js";
import { corpusBytes, corpusImages } from "../../support/corpus.js";
import { run, scratch } from "../../support/tools.js";

const folder = scratch("recognised");

function titles(bytes: Uint8Array): string[] {
  const window = probeWindow(new MemorySource(bytes), "");
  return [
    ...candidates(recognisedContainers, window),
    ...candidates(recognisedFilesystems, window),
  ].map(({ title }) => title);
}

/** By the first word of the corpus's kind, or of what lies in the raw image. */
const byKind: Readonly<Record<string, RegExp>> = {
  apfs: /^APFS container/,
  btrfs: /^btrfs/,
  cramfs: /^cramfs/,
  "crypto_LUKS:1": /^LUKS encrypted volume version 1/,
  erofs: /^EROFS/,
  "ewf-E01": /^EnCase image \(E01\)$/,
  LVM2_member: /^LVM2 physical volume of "\w+" UUID \w{6}(-\w{4}){5}-\w{6}$/,
  "parallels-hdd": /^Parallels/,
  qcow1: /^QEMU disk image \(QCOW\) version 1/,
  qcow2: /^QEMU disk image \(QCOW2\) version 2/,
  qcow3: /^QEMU disk image \(QCOW2\) version 3/,
  romfs: /^romfs/,
  "squashfs3:3.1": /^SquashFS 3\.1/,
  "squashfs:4.0": /^SquashFS 4\.0/,
  "ufs:2": /^UFS2/,
  vhd: /^Virtual PC disk image \(VHD\) (fixed|dynamic|differencing)$/,
  vhdx: /^Hyper-V/,
  vmdk: /^VMware disk image \(VMDK\) (version [1-3]( monolithicSparse| streamOptimized|$)|\w+)/,
  xfs: /^XFS version [45]/,
};

for (const { image, kind } of corpusImages()) {
  const word = kind.replace(/^raw > /, "").split(/\\? /)[0];
  const expected = word.startsWith("LVM2") ? byKind.LVM2_member : byKind[word];
  if (expected === undefined) continue;
  test(image, () => {
    expect(titles(corpusBytes(image))[0]).toMatch(expected);
  });
}

test("ordinary FAT, ISO 9660, NTFS, HFS+ and ext images of the corpus are taken for nothing else", () => {
  let seen = 0;
  for (const { image, kind } of corpusImages()) {
    if (!/^raw > (vfat|exfat|iso9660|udf|ntfs|hfs|hfsplus|ext)\b/.test(kind)) continue;
    // A volume may hold a superblock of another on purpose, but nothing surer than its own.
    if (image.includes("minix-magic")) continue;
    expect(titles(corpusBytes(image)), image).toEqual([]);
    seen++;
  }
  expect(seen === 0 || seen > 40).toBe(true);
});

test("files of common tools", () => {
  const text = join(folder, "text");
  writeFileSync(text, "one line\nand another\n");
  const made = (name: string, program: string, ...args: string[]) => {
    const path = join(folder, name);
    const output = run(
      program,
      args.map((arg) => (arg === "@" ? path : arg)),
    );
    if (output.length > 0 && args.includes("-c")) writeFileSync(path, output);
    return titles(new Uint8Array(readFileSync(path)))[0];
  };
  expect(made("a.gz", "gzip", "-c", text)).toBe("gzip-compressed file (unpack it first)");
  expect(made("a.bz2", "bzip2", "-c", text)).toBe("bzip2-compressed file (unpack it first)");
  expect(made("a.xz", "xz", "-c", text)).toBe("xz-compressed file (unpack it first)");
  expect(made("a.7z", "7z", "a", "@", text)).toBe("7-Zip archive (unpack it first)");
  expect(made("a.zip", "7z", "a", "@", text)).toBe("ZIP archive (unpack it first)");
  expect(made("a.wim", "7z", "a", "-twim", "@", text)).toBe("Windows imaging file (WIM)");
  expect(made("a.tar", "tar", "-cf", "@", text)).toBe("tar archive (unpack it first)");
  expect(titles(new Uint8Array(readFileSync(text)))).toEqual(["text file (not a disk image)"]);
  expect(titles(new Uint8Array(readFileSync("/proc/self/exe")).subarray(0, 1 << 20))).toEqual([
    "ELF program (not a disk image)",
  ]);
  expect(titles(Buffer.from("\n<!DOCTYPE html><html><body>404</body></html>"))[0]).toMatch(
    /web page/,
  );
  expect(titles(Buffer.from("%PDF-1.7\n%\xe2\xe3\xcf\xd3", "latin1"))).toContain(
    "PDF document (not a disk image)",
  );
});

test("volumes made by the tools of util-linux and squashfs-tools", () => {
  const sized = (name: string) => {
    const path = join(folder, name);
    writeFileSync(path, "");
    truncateSync(path, 1 << 20);
    return path;
  };
  const swap = sized("swap");
  run("mkswap", ["-L", "swappy", swap]);
  expect(titles(readFileSync(swap))).toEqual(['Linux swap space "swappy"']);
  for (const version of ["1", "2", "3"]) {
    const minix = sized(`minix${version}`);
    run("mkfs.minix", [`-${version}`, minix]);
    expect(titles(readFileSync(minix))).toEqual([`Minix ${version}`]);
  }
  const squash = join(folder, "squash");
  run("mksquashfs", [folder, squash, "-comp", "zstd", "-quiet", "-no-progress", "-e", "squash"]);
  expect(titles(readFileSync(squash))).toEqual(["SquashFS 4.0 zstd"]);
});

/** Signatures by hand: offset from the start (or end), bytes. */
const byHand: [title: RegExp, offset: number, bytes: string][] = [
  [/^BitLocker/, 3, "-FVE-FS-"],
  [/^ReFS/, 3, "ReFS\0\0\0\0"],
  [/^UFS1.*big-endian/, 8192 + 1372, "\0\x01\x19\x54"],
  [/^UFS1 \(FFS\)$/, 8192 + 1372, "\x54\x19\x01\0"],
  [/^ZFS pool/, 16_384, "\x01\x01\0\0\0\0\0\0\0\0\0\x01\0\0\0\x24\0\0\0\x20\0\0\0\x07version"],
  [/^JFS "disk"/, 32_768, `JFS1${"\0".repeat(148)}disk`],
  [/^ReiserFS "r"/, 65_536 + 52, `ReIsEr2Fs${"\0".repeat(39)}r`],
  [
    /^bcachefs "b"/,
    4120,
    `\xc6\x85\x73\xf6\x66\xce\x90\xa9\xd9\x6a\x60\xcf\x80\x3d\xf7\xef${"\0".repeat(32)}b`,
  ],
  [/^F2FS 1\.16 "ü1"$/, 1024, `\x10\x20\xf5\xf2\x01\0\x10\0${"\0".repeat(116)}\xfc\x001\0`],
  [/^Virtual PC disk image \(VHD\) fixed$/, -512, `conectix${"\0".repeat(55)}\x02`],
  [
    /^VMware disk image \(VMDK\) vmfsThin$/,
    0,
    '# Disk DescriptorFile\nversion=1\ncreateType="vmfsThin"\n',
  ],
  [/^Linux swap space with a suspended system "s"$/, 1052, `s${"\0".repeat(3033)}S1SUSPEND`],
  [/^Stratis/, 516, "!Stra0tis\x86\xff\x02"],
  [/^PC-98 disk image/, 0, "T98HDDIMAGE.R0"],
  [/^EnCase image \(Ex01\)/, 0, "EVF2\x0d\x0a\x81\0"],
  [/^ProDOS "NEW.DISK"/, 1024, `\0\0\x03\0\xf8NEW.DISK${"\0".repeat(22)}\x27\x0d`],
  [/^LUKS encrypted volume version 2 "secret"/, 0, `LUKS\xba\xbe\0\x02${"\0".repeat(16)}secret`],
  [
    /^VirtualBox disk image \(VDI\) version 1\.1 dynamic$/,
    64,
    "\x7f\x10\xda\xbe\x01\0\x01\0\x90\x01\0\0\x01\0\0\0",
  ],
  [/^MAME disk image \(CHD\) version 5/, 0, "MComprHD\0\0\0\x7c\0\0\0\x05"],
  [/^MagicISO/, -64, "bbis"],
  [/^DiscJuggler/, -8, "\x06\0\0\x80\0\x10\0\0"],
  [/^AppImage type 2/, 0, "\x7fELF\x02\x01\x01\0AI\x02"],
  [/^VMware VMFS/, 1 << 20, "\x0d\xd0\x01\xc0"],
  [/^Amiga filesystem \(FFS\)/, 0, "DOS\x01"],
  [/^3DO disc/, 0, "\x01ZZZZZ\x01\0"],
  [/^Xbox disc/, 65_536, "MICROSOFT*XBOX*MEDIA"],
  [/^CD-i disc/, 32_768, "\x01CD-I \x01"],
  [/^PC Engine CD/, 2080, "PC Engine CD-ROM SYSTEM"],
  [/^PC-FX disc/, 0, "PC-FX:Hu_CD-ROM "],
];

for (const [title, offset, bytes] of byHand) {
  test(`${title}`, () => {
    const image = new Uint8Array(2 << 20);
    image.set(Buffer.from(bytes, "latin1"), offset < 0 ? image.length + offset : offset);
    const [first] = titles(image);
    expect(first).toMatch(title);
  });
}

test("an ISO image that begins as a program or an archive is left to ISO 9660", () => {
  const image = new Uint8Array(1 << 17);
  image.set(Buffer.from("CD001"), 32_769);
  for (const begin of ["\x7fELF\x02\x01\x01\0AI\x01", "PK\x03\x04", "\x1f\x8b\x08"]) {
    image.set(Buffer.from(begin, "latin1"));
    expect(titles(image)).toEqual([]);
  }
});

test("no probe throws on any bytes, and none but text is taken for certain by chance", () => {
  const next = random(5);
  for (let round = 0; round < 300; round++) {
    const bytes = new Uint8Array(next(3) === 0 ? next(70) : next(200_000));
    for (let i = 0; i < bytes.length; i += 1 + next(3)) bytes[i] = next(256);
    const window = probeWindow(new MemorySource(bytes), "");
    for (const format of [...recognisedContainers, ...recognisedFilesystems]) {
      const match = format.probe(window);
      if (match !== undefined) expect(match.confidence).toBeLessThan(Confidence.certain);
    }
  }
});
