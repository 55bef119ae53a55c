/** What real volumes hold and formatters of today do not write, and what hostile ones pretend. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ImageError } from "../../../image-core/errors.js";
import { open } from "../../../image-core/filesystem/fat/fat.js";
import { fat } from "../../../image-core/filesystem/fat/format.js";
import {
  Attributes,
  ROOT_NODE,
  S_IFMT,
  S_IFREG,
  type Volume,
} from "../../../image-core/filesystem/volume.js";
import type { OpenOptions } from "../../../image-core/format.js";
import { probeWindow } from "../../../image-core/probe.js";
import { MemorySource } from "../../../image-core/source/memory-source.js";
import {
  type BuiltVolume,
  buildFat12,
  longEntries,
  shortEntry,
} from "../../fixtures/fat/builder.js";
import { random } from "../../fixtures/fat/random.js";
import { testContext } from "../../support/context.js";
import { run, scratch } from "../../support/tools.js";
import { walk } from "../../support/walk.js";

const folder = scratch("fat-odd");
const END = 0xfff;
const floppy360: Omit<BuiltVolume, "fat" | "root"> = {
  kib: 360,
  secPerClus: 2,
  fatSz: 2,
  rootEntCnt: 112,
  media: 0xfd,
};

function opened(volume: Partial<BuiltVolume>, options: OpenOptions = {}): Volume {
  const bytes = buildFat12({ ...floppy360, fat: [], root: [], ...volume });
  return open(new MemorySource(bytes), testContext({ options }));
}

const names = (volume: Volume) => [...walk(volume).keys()].filter((path) => path !== "/").sort();

for (const [kib, secPerClus, fatSz, rootEntCnt, media, bytsPerSec = 512] of [
  [160, 1, 1, 64, 0xfe],
  [180, 1, 2, 64, 0xfc],
  [320, 2, 1, 112, 0xff],
  [360, 2, 2, 112, 0xfd],
  [320, 2, 1, 112, 0xfa],
  [360, 2, 2, 112, 0xf8],
  [640, 2, 2, 112, 0xfb],
  [1232, 1, 2, 192, 0xfe, 1024],
]) {
  test(`${kib}K floppy of media 0x${media.toString(16)}, without parameter block`, () => {
    const clusterSize = secPerClus * bytsPerSec;
    const bytes = buildFat12({
      kib,
      bytsPerSec,
      secPerClus,
      fatSz,
      rootEntCnt,
      media,
      fat: [3, END],
      root: [shortEntry({ name: "COMMAND COM", cluster: 2, size: clusterSize + 3 })],
      clusters: new Map(
        [
          [2, new Uint8Array(1024).fill(7)],
          [3, Uint8Array.of(1, 2, 3)],
        ].map(([c, b]) => [c as number, (b as Uint8Array).subarray(0, clusterSize)]),
      ),
      withoutBpb: true,
    });
    const source = new MemorySource(bytes);
    expect(fat.probe(probeWindow(source, ""))?.title).toBe("FAT12");
    const volume = open(source, testContext());
    const target = new Uint8Array(2000);
    const node = volume.lookup(ROOT_NODE, "COMMAND.COM");
    expect(volume.read(node, 0, target, 0, 2000)).toBe(clusterSize + 3);
    expect([...target.subarray(clusterSize - 1, clusterSize + 3)]).toEqual([7, 1, 2, 3]);
  });
}

for (const volume of [
  { bytsPerSec: 128, kib: 64, rootEntCnt: 64 },
  { bytsPerSec: 256, kib: 256, rootEntCnt: 64 },
  { bytsPerSec: 8192, kib: 1024, rootEntCnt: 512 },
  { bytsPerSec: 16_384, kib: 1024, rootEntCnt: 512 },
  { bpbAt: 0x50, kib: 315, media: 0xfc },
]) {
  test(`${JSON.stringify(volume)}: odd sectors, and the parameter block of the Apricot`, () => {
    const content = Buffer.from("what the file holds");
    const bytes = buildFat12({
      ...floppy360,
      ...volume,
      fat: [END],
      root: [shortEntry({ name: "FILE    TXT", cluster: 2, size: content.length })],
      clusters: new Map([[2, content]]),
    });
    const source = new MemorySource(bytes);
    expect(fat.probe(probeWindow(source, ""))?.title).toBe("FAT12");
    const opened = open(source, testContext());
    const target = Buffer.alloc(100);
    const node = opened.lookup(ROOT_NODE, "FILE.TXT");
    expect(opened.read(node, 0, target, 0, 100)).toBe(content.length);
    expect(target.subarray(0, content.length)).toEqual(content);
    // Without a FAT behind it, such a block is noise.
    const start = volume.bytsPerSec ?? 512;
    bytes.fill(0, start, start + 3);
    expect(fat.probe(probeWindow(new MemorySource(bytes), ""))).toBeUndefined();
  });
}

test("names: NT's lower case, Shift_JIS behind 0x05, code pages, deleted entries, end of directory", () => {
  const root = [
    shortEntry({ name: "LOWER   TXT", flags: 0x18 }),
    shortEntry({ name: "BASE    TXT", flags: 0x08 }),
    shortEntry({ name: "EXT     TXT", flags: 0x10 }),
    shortEntry({ name: "\xe5ELETED TXT" }),
    shortEntry({ name: "\x81RGER      " }),
    shortEntry({ name: "A LABEL    ", attr: 0x08 }),
    shortEntry({ name: "\x05\x5c       " }),
    new Uint8Array(32),
    shortEntry({ name: "BEHIND     " }),
  ];
  expect(names(opened({ root }))).toEqual(
    ["/EXT.txt", "/base.TXT", "/lower.txt", "/\u00fcRGER", "/\u03c3\\"].sort(),
  );
  expect(opened({ root }).description.label).toBe("A LABEL");
  expect(names(opened({ root }, { charset: "shift_jis" }))).toContain(
    `/${new TextDecoder("shift_jis").decode(Uint8Array.of(0xe5, 0x5c))}`,
  );
});

for (const [charset, codePage, stored] of [
  ["shift_jis", "cp932", ["説明書.DOC", "ﾃﾞｰﾀ.TXT", "新規"]],
  ["cp866", "cp866", ["ЧИТАЙ.TXT", "ИГРЫ", "ДОКУМЕНТ.DOC"]],
  ["gb18030", "cp936", ["用户手册.DOC", "安装说明.TXT"]],
  ["cp852", "cp852", ["KSIĄŻKA.TXT", "ŁÓDŹ", "ŚWIĘTA.DOC", "ZAŻÓŁĆ.TXT", "GĘŚLĄ"]],
  ["cp437", "cp437", ["PRÜFUNG.DOC", "LÖSUNG.TXT"]],
] as const) {
  test(`short names in ${charset} are known by themselves`, () => {
    const root = stored.map((name) => {
      const [base, extension = ""] = name
        .split(".")
        .map((part) => run("iconv", ["-t", codePage], { input: part, stdio: "pipe" }));
      const bytes = Buffer.alloc(11, " ");
      bytes.set(base, 0);
      bytes.set(Buffer.from(extension), 8);
      return shortEntry({ name: bytes.toString("latin1") });
    });
    const expected = stored.map((name) => `/${name}`).sort();
    expect(names(opened({ root }))).toEqual(expected);
    // In a subdirectory as well, and where part of the volume cannot be read.
    const root2 = [
      shortEntry({ name: "BAD        ", attr: 0x10, cluster: 3000 }),
      shortEntry({ name: "SUB        ", attr: 0x10, cluster: 2 }),
    ];
    const volume = opened({
      root: root2,
      fat: [END],
      clusters: new Map([[2, Buffer.concat(root)]]),
    });
    const sub = volume.lookup(ROOT_NODE, "SUB");
    const found: string[] = [];
    volume.readDirectory(sub, 0, (name) => found.push(`/${name}`) > 0);
    expect(found.sort()).toEqual(expected);
    // Noise is no language.
    const noise = shortEntry({ name: "\x01\x9f\x03\xe4\x80\x02\x88\x11  " });
    const noisy = { root: [...root, noise] };
    expect(names(opened(noisy))).toEqual(names(opened(noisy, { charset: "cp437" })));
  });
}

test("long names: whole ones with the right checksum, orphans ignored, lone surrogates escaped", () => {
  const wrong = longEntries("Orphaned long name", { name: "ORPHAN     " });
  wrong[0][13] ^= 1;
  const gap = longEntries("A name of more than thirteen units", { name: "GAP        " });
  gap.splice(1, 1);
  const root = [
    ...longEntries("🎵 exactly 13", { name: "A          " }),
    ...longEntries("\ud83c lone", { name: "B          " }),
    ...wrong,
    ...gap,
    ...longEntries("slash/name", { name: "C          " }),
    ...longEntries("dotted", { name: ".          " }).slice(0, 1),
  ];
  expect(names(opened({ root }))).toEqual(
    ["/GAP", "/ORPHAN", "/slash␛2Fname", "/␛uD83C lone", "/🎵 exactly 13"].sort(),
  );
});

test("names that are there twice are told apart, and each is found", () => {
  const root = ["SAME", "OTHER", "SAME", "SAME"].map((name, i) =>
    shortEntry({ name: name.padEnd(11), size: i, cluster: 2 }),
  );
  root.push(...longEntries("SAME (2)", { name: "SAME2      ", cluster: 2 }));
  const volume = opened({ root, fat: [END] });
  expect(names(volume)).toEqual(["/OTHER", "/SAME", "/SAME (2)", "/SAME (3)", "/SAME (4)"]);
  const nodes = new Set(
    ["SAME", "SAME (2)", "SAME (3)", "SAME (4)"].map((name) => volume.lookup(ROOT_NODE, name)),
  );
  expect(nodes.size).toBe(4);
  expect(nodes.has(0)).toBe(false);
});

test("times: hundredths of creation, date of access, zero dates", () => {
  const date = (1998 - 1980) * 512 + 5 * 32 + 17;
  const time = 13 * 2048 + 45 * 32 + 29;
  const volume = opened({
    root: [
      shortEntry({
        name: "A          ",
        times: { created: [date, time, 199], accessed: date, written: [date, time] },
      }),
      shortEntry({ name: "B          ", times: { written: [0, 0] } }),
    ],
  });
  const a = new Attributes();
  volume.attributes(volume.lookup(ROOT_NODE, "A"), a);
  const written = Date.UTC(1998, 4, 17, 13, 45, 58) / 1000;
  expect([a.mtime, a.ctime, a.ctimeNs, a.atime]).toEqual([
    written,
    written + 1,
    990_000_000,
    Date.UTC(1998, 4, 17) / 1000,
  ]);
  volume.attributes(volume.lookup(ROOT_NODE, "B"), a);
  expect([a.mtime, a.ctime, a.ctimeNs, a.atime]).toEqual([
    315_532_800, 315_532_800, 0, 315_532_800,
  ]);
});

test("a chain that ends early, runs in a circle or into bad clusters: what is whole is read", () => {
  for (const last of [END, 0xff7, 0, 0xff0, 4000]) {
    const volume = opened({
      root: [shortEntry({ name: "CUT        ", cluster: 2, size: 5000 })],
      fat: [3, last],
    });
    const node = volume.lookup(ROOT_NODE, "CUT");
    const target = new Uint8Array(5000);
    expect(volume.read(node, 0, target, 0, 2048)).toBe(2048);
    expect(() => volume.read(node, 0, target, 0, 2049)).toThrow(ImageError);
    expect(() => volume.read(node, 4000, target, 0, 10)).toThrow(ImageError);
  }
  const circle = opened({
    root: [shortEntry({ name: "CIRCLE     ", cluster: 2, size: 0xffffffff })],
    fat: [3, 2],
  });
  expect(() =>
    circle.read(circle.lookup(ROOT_NODE, "CIRCLE"), 2 ** 31, new Uint8Array(1), 0, 1),
  ).toThrow(/circle/);
});

test("directories that hold themselves, their parents or each other's clusters end", () => {
  const directory = (name: string, cluster: number) =>
    shortEntry({ name: name.padEnd(11), attr: 0x10, cluster });
  const concat = (...entries: Uint8Array[]) => Uint8Array.from(Buffer.concat(entries));
  const volume = opened({
    root: [directory("A", 2), directory("B", 3), directory("AGAIN", 2), directory("EMPTY", 0)],
    fat: [END, 4, END],
    clusters: new Map([
      [2, concat(directory("SELF", 2), directory("B", 3), shortEntry({ name: "FILE       " }))],
      [
        3,
        concat(...Array.from({ length: 32 }, (_, i) => shortEntry({ name: `F${i}`.padEnd(11) }))),
      ],
      [4, concat(directory("MIDDLE", 4), shortEntry({ name: "LAST       " }))],
    ]),
  });
  const found = names(volume);
  expect(found).toContain("/A/FILE");
  expect(found).toContain("/B/LAST");
  expect(found).not.toContain("/A/SELF");
  expect(found.filter((path) => path.endsWith("/FILE"))).toHaveLength(1);
  expect(found.filter((path) => path.split("/").length > 4)).toEqual([]);
});

test("a directory whose chain runs in a circle is listed once and says so", () => {
  const volume = opened({
    root: [shortEntry({ name: "DIR        ", attr: 0x10, cluster: 2 })],
    fat: [2],
    clusters: new Map([
      [
        2,
        Uint8Array.from(
          Buffer.concat(
            Array.from({ length: 32 }, (_, i) => shortEntry({ name: `F${i}`.padEnd(11) })),
          ),
        ),
      ],
    ]),
  });
  const dir = volume.lookup(ROOT_NODE, "DIR");
  let cookie = 0;
  let count = 0;
  volume.readDirectory(dir, 0, (_name, _node, _type, next) => {
    cookie = next;
    count++;
    return true;
  });
  expect(count).toBe(32);
  expect(() => volume.readDirectory(dir, cookie, () => true)).toThrow(/comes back to cluster 2/);
});

function mkfs(name: string, kib: number, ...options: string[]): Uint8Array {
  const path = join(folder, name);
  run("mkfs.fat", [...options, "-C", path, `${kib}`]);
  const text = join(folder, "text");
  execFileSync("sh", [
    "-c",
    `echo hello > ${text} && MTOOLS_SKIP_CHECK=1 mcopy -i ${path} ${text} ::`,
  ]);
  return new Uint8Array(readFileSync(path));
}

test("the first FAT damaged: the second is used, and said to be", () => {
  const bytes = mkfs("second", 1440);
  bytes.fill(0, 512, 10 * 512);
  const volume = open(new MemorySource(bytes), testContext());
  expect(names(volume)).toEqual(["/text"]);
  expect(volume.description.warnings[0]).toMatch(/first FAT is damaged/);
  expect(walk(volume).get("/text")?.content).not.toMatch(/error/);
});

test("FAT32 without mirroring: the FAT that is active counts", () => {
  const bytes = mkfs("active", 40_000, "-F", "32", "-s", "1", "-n", "ACTIVE");
  const view = new DataView(bytes.buffer);
  view.setUint16(40, 0x81, true);
  const first = 32 * 512;
  bytes.fill(0xaa, first, first + view.getUint32(36, true) * 512);
  const volume = open(new MemorySource(bytes), testContext());
  expect(volume.description.features).toContain("FAT 2 active alone");
  expect(names(volume)).toEqual(["/text"]);
  view.setUint16(40, 0x87, true);
  expect(() => open(new MemorySource(bytes), testContext())).toThrow(ImageError);
});

for (const reserved of ["1", "64"]) {
  test(`FAT16 with fewer clusters than FAT16 has, as its label and FAT say, FAT at sector ${reserved}`, () => {
    const bytes = mkfs(`undersized${reserved}`, 8192, "-F", "16", "-s", "1", "-R", reserved);
    new DataView(bytes.buffer).setUint16(19, 2000, true);
    const source = new MemorySource(bytes.subarray(0, 2000 * 512));
    expect(fat.probe(probeWindow(source, ""))?.title).toBe("FAT16");
    const volume = open(source, testContext());
    expect(volume.description.title).toBe("FAT16");
    expect(names(volume)).toEqual(["/text"]);
  });
}

test("random damage: every walk ends, in files or in an ImageError", () => {
  const next = random(42);
  const images = [
    mkfs("fuzz12", 200, "-s", "1"),
    mkfs("fuzz16", 2200, "-F", "16", "-s", "1").subarray(0, 300_000),
    mkfs("fuzz32", 34_000, "-F", "32", "-s", "1").subarray(0, 700_000),
    buildFat12({
      ...floppy360,
      fat: [3, END, END, END],
      root: [
        shortEntry({ name: "DIR        ", attr: 0x10, cluster: 4 }),
        ...longEntries("some long name", { name: "LONG       ", cluster: 2, size: 1500 }),
      ],
      clusters: new Map([[4, shortEntry({ name: "SUB        ", attr: 0x10, cluster: 5 })]]),
    }),
  ];
  const places = [
    [0, 64],
    [512, 64],
    [32 * 512, 64],
    [1536, 600],
    [5 * 512, 4096],
    [42 * 512, 4096],
    [0x82000, 2048],
  ];
  let walked = 0;
  const deadline = Date.now() + 15_000;
  for (let round = 0; round < 500 && Date.now() < deadline; round++) {
    const bytes = new Uint8Array(images[round % images.length]);
    for (let i = next(8); i >= 0; i--) {
      const [start, length] = places[next(places.length)];
      const at = start + next(length);
      if (at < bytes.length) bytes[at] = next(4) === 0 ? 0xff : next(256);
    }
    const source = new MemorySource(bytes);
    fat.probe(probeWindow(source, ""));
    try {
      const volume = open(source, testContext());
      volume.statistics();
      for (const { node, attributes } of walk(volume, false).values()) {
        if ((attributes.mode & S_IFMT) !== S_IFREG || attributes.size === 0) continue;
        const length = Math.min(1000, attributes.size);
        expect(readOrFail(volume, node, length)).toBe(length);
      }
      walked++;
    } catch (error) {
      expect(error).toBeInstanceOf(ImageError);
    }
  }
  expect(walked).toBeGreaterThan(20);
});

/** What `read` returns, or the length where it refuses as it should. */
function readOrFail(volume: Volume, node: number, length: number): number {
  try {
    return volume.read(node, 0, new Uint8Array(length), 0, length);
  } catch (error) {
    expect(error).toBeInstanceOf(ImageError);
    return length;
  }
}
