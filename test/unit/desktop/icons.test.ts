/** Icons of volumes, made by other people's tools and compared with what those take out again. */
import { execFileSync } from "node:child_process";
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { autorunIcon } from "../../../daemon/desktop/icon/autorun.js";
import { showIcon } from "../../../daemon/desktop/icon/folder-icon.js";
import { readIcns } from "../../../daemon/desktop/icon/icns.js";
import { readIco } from "../../../daemon/desktop/icon/ico.js";
import { removeIcons } from "../../../daemon/desktop/icon/icon-cache.js";
import type { Picture } from "../../../daemon/desktop/icon/picture.js";
import { readPng } from "../../../daemon/desktop/icon/png-reader.js";
import { writePng } from "../../../daemon/desktop/icon/png-writer.js";
import {
  findResources,
  PROGRAM_HEAD_BYTES,
  readProgramIcon,
} from "../../../daemon/desktop/icon/program-icon.js";
import { volumeIcon } from "../../../daemon/desktop/icon/volume-icon.js";
import { ImageError } from "../../../image-core/errors.js";
import { run, scratch } from "../../support/tools.js";

const folder = scratch("icons");

/** A disc with a soft edge on nothing, every pixel of another colour. */
function drawn(size: number, ...more: string[]): string {
  const path = join(folder, `drawn-${size}-${more.join("")}.png`.replaceAll(/[:=%]/g, ""));
  const half = size / 2;
  run("convert", [
    ...["-size", `${size}x${size}`, "gradient:red-blue", "(", "-size", `${size}x${size}`],
    ...["xc:black", "-fill", "white", "-draw", `circle ${half},${half} ${half},1`],
    ...["-blur", "0x1", ")", "-alpha", "off", "-compose", "CopyOpacity", "-composite"],
    ...["-depth", more.includes("png:bit-depth=16") ? "16" : "8", ...more, `PNG:${path}`],
  ]);
  return path;
}

/** As ImageMagick reads it. */
function pixels(png: string | Buffer): Buffer {
  const [file, input] = typeof png === "string" ? [png, undefined] : ["png:-", png];
  return execFileSync("convert", [file, "-depth", "8", "rgba:-"], { input });
}

function expectPixels({ rgba }: Picture, expected: Buffer, tolerance = 0): void {
  expect(rgba.length).toBe(expected.length);
  let worst = 0;
  for (let i = 0; i < rgba.length; i += 4) {
    // Colours that nobody sees differ from program to program.
    const seen = rgba[i + 3] > 0 || expected[i + 3] > 0;
    for (let c = seen ? i : i + 3; c < i + 4; c++) {
      worst = Math.max(worst, Math.abs(rgba[c] - expected[c]));
    }
  }
  expect(worst).toBeLessThanOrEqual(tolerance);
}

function newFolder(name: string): string {
  const path = join(folder, name);
  mkdirSync(path);
  return path;
}

describe("PNG", () => {
  const kinds = [
    ["grey of 1 bit", "-colorspace", "gray", "-threshold", "50%", "-alpha", "off"],
    ["grey of 8 bits", "-colorspace", "gray", "-alpha", "off", "-define", "png:color-type=0"],
    ["grey of 16 bits", "-define", "png:color-type=0", "-define", "png:bit-depth=16"],
    ["colours of 8 bits", "-alpha", "off", "-define", "png:color-type=2"],
    ["colours of 16 bits", "-define", "png:color-type=2", "-define", "png:bit-depth=16"],
    ["a palette of 8 bits", "-alpha", "off", "-colors", "200", "-define", "png:color-type=3"],
    ["a palette of 4 bits", "-alpha", "off", "-colors", "14", "-define", "png:color-type=3"],
    ["a palette of 2 bits", "-alpha", "off", "-colors", "4", "-define", "png:color-type=3"],
    ["a palette with holes", "-channel", "A", "-threshold", "50%", "+channel", "-colors", "9"],
    ["grey and alpha", "-colorspace", "gray", "-define", "png:color-type=4"],
    ["colours and alpha", "-define", "png:color-type=6"],
    ["16 bits and alpha", "-define", "png:color-type=6", "-define", "png:bit-depth=16"],
  ];

  it.each(kinds)("of %s is read as others do, interlaced or not", (_, ...how) => {
    for (const interlace of ["None", "PNG"]) {
      const file = drawn(37, ...how, "-interlace", interlace);
      const picture = readPng(readFileSync(file));
      // From 16 bits others round.
      expectPixels(picture, pixels(file), how.includes("png:bit-depth=16") ? 1 : 0);
    }
  });

  it("is written so that others read the same", () => {
    const picture = readPng(readFileSync(drawn(61)));
    expectPixels(picture, pixels(writePng(picture)));
  });
});

/** Samples for damaging, as they are made. */
const samples: { name: string; bytes: Buffer; read: (bytes: Uint8Array) => unknown }[] = [];

describe("ICNS", () => {
  it.each([16, 32, 48, 128])("of %i pixels is what icns2png takes out", (size) => {
    const icon = join(folder, `${size}.icns`);
    run("png2icns", [icon, drawn(size)]);
    const out = newFolder(`icns-${size}`);
    run("icns2png", ["-x", "-o", out, icon]);
    const [extracted] = readdirSync(out);
    const bytes = readFileSync(icon);
    expectPixels(readIcns(bytes), pixels(join(out, extracted)));
    if (size === 48) samples.push({ name: "icns", bytes, read: readIcns });
  });

  /** What no tool here writes. */
  function icns(...elements: [type: string, data: Buffer][]): Buffer {
    const parts = elements.map(([type, data]) => Buffer.concat([header(type, data.length), data]));
    const body = Buffer.concat(parts);
    return Buffer.concat([header("icns", body.length), body]);
  }

  function header(type: string, length: number): Buffer {
    const bytes = Buffer.from(`${type}....`, "latin1");
    bytes.writeUInt32BE(length + 8, 4);
    return bytes;
  }

  it("of several sizes gives the one that is shown", () => {
    const ofSizes = (...types: [string, number][]) =>
      icns(...types.map(([type, size]): [string, Buffer] => [type, readFileSync(drawn(size))]));
    const all = ofSizes(["ic07", 128], ["ic14", 512], ["ic08", 256], ["ic11", 32]);
    const icon = join(folder, "all.icns");
    writeFileSync(icon, all);
    const out = newFolder("icns-all");
    run("icns2png", ["-x", "-o", out, icon]);
    const extracted = readdirSync(out).find((name) => name.includes("_256x256"))!;
    expectPixels(readIcns(all), pixels(join(out, extracted)));
    expect(readIcns(ofSizes(["ic09", 512], ["ic07", 128])).width).toBe(512);
    expect(readIcns(ofSizes(["ic11", 32], ["ic07", 128], ["icp4", 16])).width).toBe(128);
  });

  it("passes over JPEG 2000 and takes the next best", () => {
    const jpeg = Buffer.from("0000000c6a5020200d0a870a", "hex");
    const png = readFileSync(drawn(64));
    expect(readIcns(icns(["ic08", jpeg], ["ic12", png])).width).toBe(64);
    // As png2icns makes the large ones.
    const icon = join(folder, "all.icns");
    run("png2icns", [icon, ...[16, 32, 128, 256, 512].map((size) => drawn(size))]);
    expect(readIcns(readFileSync(icon)).width).toBe(128);
    expect(() => readIcns(icns(["ic08", jpeg]))).toThrow(/icns: element ic08 is neither/);
  });

  it("of alpha and colours, packed together", () => {
    // Each channel: 100 as they are, then the rest of 256 repeated.
    const channel = (first: number) => {
      const literal = Array.from({ length: 100 }, (_, i) => (first + i) & 255);
      return [99, ...literal, 255, 7, 128 + 23, 9];
    };
    const argb = [1, 2, 3, 4].flatMap((n) => channel(n * 10));
    const bytes = icns(["ic04", Buffer.from([...Buffer.from("ARGB"), ...argb])]);
    const { rgba } = readIcns(bytes);
    expect([...rgba.subarray(0, 8)]).toEqual([20, 30, 40, 10, 21, 31, 41, 11]);
    expect([...rgba.subarray(229 * 4, 231 * 4)]).toEqual([7, 7, 7, 7, 9, 9, 9, 9]);
    samples.push({ name: "ARGB", bytes, read: readIcns });
  });
});

describe("ICO", () => {
  it.each([1, 4, 8, 24, 32])("of %i bits a pixel is what icotool takes out", (bits) => {
    const icon = join(folder, `${bits}.ico`);
    // A picture with few colours, so that icotool need not choose.
    const few = drawn(48, "-channel", "A", "-threshold", "50%", "+channel", "-colors", "2");
    run("icotool", ["-c", "-b", `${bits}`, "-o", icon, bits > 8 ? drawn(48) : few]);
    const out = join(folder, `${bits}.ico.png`);
    run("icotool", ["-x", "-o", out, icon]);
    const bytes = readFileSync(icon);
    expectPixels(readIco(bytes), pixels(out));
    samples.push({ name: `ico of ${bits} bits`, bytes, read: readIco });
  });

  it("of PNG in several sizes gives the one that is shown", () => {
    const icon = join(folder, "png.ico");
    const raw = drawn(256);
    run("icotool", ["-c", "-o", icon, drawn(16), drawn(32), `--raw=${raw}`]);
    expectPixels(readIco(readFileSync(icon)), pixels(raw));
  });
});

describe("a program's icon", () => {
  it.each(["i686", "x86_64"])("is what wrestool takes out (%s)", (machine) => {
    const place = newFolder(machine);
    const resource = ["7 ICON one.ico", "9 ICON two.ico", 'named ICON "one.ico"'];
    writeFileSync(join(place, "icons.rc"), `${resource.join("\n")}\n`);
    run("icotool", ["-c", "-o", join(place, "one.ico"), drawn(16), drawn(48)]);
    run("icotool", ["-c", "-o", join(place, "two.ico"), drawn(32)]);
    const windres = ["--preprocessor=cat", "icons.rc", "icons.o"];
    run(`${machine}-w64-mingw32-windres`, windres, { cwd: place });
    const dll = join(place, "icons.dll");
    run(`${machine}-w64-mingw32-ld`, ["-shared", "-o", dll, join(place, "icons.o")]);
    const bytes = readFileSync(dll);
    const read = (program: Uint8Array, index: number) => {
      const section = findResources(program.subarray(0, PROGRAM_HEAD_BYTES));
      if (section === undefined) throw new ImageError("unsupported", "pe", "no resources");
      const part = program.subarray(section.offset, section.offset + section.size);
      return readProgramIcon(part, section, index);
    };
    const extracted = (name: string, size: number) => {
      const icon = join(place, `${name}.ico`);
      run("wrestool", ["-x", "-t14", `-n${name}`, "-o", icon, dll]);
      run("icotool", ["-x", "-w", `${size}`, "-o", join(place, `${name}.png`), icon]);
      return pixels(join(place, `${name}.png`));
    };
    expectPixels(read(bytes, -9), extracted("9", 32));
    expectPixels(read(bytes, -7), extracted("7", 48));
    // Names come before numbers.
    expectPixels(read(bytes, 0), extracted("NAMED", 48));
    expectPixels(read(bytes, 2), extracted("9", 32));
    expect(read(bytes, 99).width).toBe(48);
    samples.push({ name: machine, bytes, read: (damaged) => read(damaged, -9) });
  });

  it("is none where a program has no resources", () => {
    expect(findResources(Buffer.concat([Buffer.from("MZ"), Buffer.alloc(200)]))).toBeUndefined();
    expect(() => findResources(Buffer.from("MZ"))).toThrow(ImageError);
  });
});

it("is bounded and complains in order, however it is damaged", () => {
  samples.push({ name: "png", bytes: readFileSync(drawn(20)), read: readPng });
  let seed = 1;
  const random = (below: number) => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
    return (seed >>> 8) % below;
  };
  const heads: Record<string, number> = { i686: 1024, x86_64: 1024 };
  let complaints = 0;
  for (const { name, bytes, read } of samples) {
    for (let i = 0; i < 300; i++) {
      let damaged = Buffer.from(bytes);
      for (let n = random(4); n >= 0; n--) {
        damaged[random(heads[name] ?? damaged.length)] = [0, 1, 127, 128, 255][random(5)];
      }
      if (i % 3 === 0) damaged = damaged.subarray(0, random(damaged.length));
      try {
        read(damaged);
      } catch (error) {
        expect(error, name).toBeInstanceOf(ImageError);
        complaints++;
      }
    }
  }
  expect(samples).toHaveLength(10);
  expect(complaints).toBeGreaterThan(500);
});

describe("autorun.inf", () => {
  it.each([
    ["[autorun]\r\nopen=setup.exe\r\nicon=disc.ico\r\n", ["disc.ico"], 0],
    ["[AutoRun]\nICON = setup.exe,2", ["setup.exe"], 2],
    ["[autorun]\nicon=.\\Icons\\a b.DLL,-101 \n", ["Icons", "a b.DLL"], -101],
    ['[autorun]\nicon="with, comma.ico",3', ["with, comma.ico"], 3],
    ["\ufeff[autorun]\nlabel=x\nDefaultIcon=\\x.ico,", ["x.ico"], 0],
  ])("%j", (text, path, index) => {
    expect(autorunIcon(Buffer.from(text))).toEqual({ path, index });
    const wide = Buffer.from(`\ufeff${text}`, "utf16le");
    expect(autorunIcon(wide)).toEqual({ path, index });
  });

  it.each([
    "[setup]\nicon=disc.ico",
    "icon=disc.ico",
    "[autorun]\nicon=..\\..\\etc\\passwd",
    "[autorun]\nicon=C:\\a.ico",
    "[autorun]\nicon=%SystemRoot%\\a.dll",
    "[autorun]\nicon=",
    "",
  ])("names no icon: %j", (text) => {
    expect(autorunIcon(Buffer.from(text))).toBeUndefined();
  });
});

describe("a volume's icon", () => {
  const makeIco = (path: string, size: number) => run("icotool", ["-c", "-o", path, drawn(size)]);

  it("is found in whatever spelling, behind the volume's own", async () => {
    const volume = newFolder("spelling");
    mkdirSync(join(volume, "Data"));
    writeFileSync(join(volume, "AUTORUN.INF"), "[autorun]\r\nicon=DATA\\disc.ico\r\n");
    expect(await volumeIcon(volume)).toBeUndefined();
    makeIco(join(volume, "Data/Disc.ICO"), 48);
    expect((await volumeIcon(volume))?.width).toBe(48);
    run("png2icns", [join(volume, ".VolumeIcon.icns"), drawn(128)]);
    expect((await volumeIcon(volume))?.width).toBe(128);
  });

  it("is never one that lies elsewhere, or that is no file", async () => {
    const volume = newFolder("elsewhere");
    const outside = join(folder, "outside.ico");
    makeIco(outside, 32);
    symlinkSync(outside, join(volume, "disc.ico"));
    symlinkSync(folder, join(volume, "folder"));
    const autorun = join(volume, "autorun.inf");
    for (const icon of ["disc.ico", "folder\\outside.ico"]) {
      writeFileSync(autorun, `[autorun]\nicon=${icon}\n`);
      expect(await volumeIcon(volume)).toBeUndefined();
    }
    writeFileSync(autorun, "[autorun]\nicon=pipe\n");
    run("mkfifo", [join(volume, "pipe")]);
    expect(await volumeIcon(volume)).toBeUndefined();
    mkdirSync(join(volume, ".VolumeIcon.icns"));
    expect(await volumeIcon(volume)).toBeUndefined();
  });
});

describe("a folder's icon", () => {
  afterEach(() => vi.unstubAllEnvs());

  it("is kept in the cache, which stays small, and goes where the next image has none", async () => {
    const bin = newFolder("bin");
    const log = join(folder, "gio.log");
    writeFileSync(join(bin, "gio"), `#!/bin/sh\necho "$@" >> '${log}'\n`, { mode: 0o755 });
    vi.stubEnv("PATH", `${bin}:${process.env.PATH}`);
    const caches = join(folder, "caches");
    vi.stubEnv("XDG_CACHE_HOME", caches);
    const volume = newFolder("with icon");
    const plain = newFolder("plain");
    await showIcon(plain);
    // Nothing was ever set, so there is nothing to take back.
    expect(readdirSync(folder)).not.toContain("gio.log");
    run("png2icns", [join(volume, ".VolumeIcon.icns"), drawn(128)]);
    await showIcon(volume);
    const icons = join(caches, "isomount/icons");
    const [name] = readdirSync(icons);
    expect(statSync(icons).mode & 0o777).toBe(0o700);
    expectPixels(readPng(readFileSync(join(icons, name))), pixels(drawn(128)));
    await showIcon(plain);
    expect(readFileSync(log, "utf8").split("\n")).toEqual([
      `set ${volume} metadata::custom-icon file://${join(icons, name)}`,
      `set -t unset ${plain} metadata::custom-icon`,
      "",
    ]);
    for (let i = 0; i < 150; i++) {
      const old = join(icons, `${i}.png`);
      writeFileSync(old, "");
      utimesSync(old, i, i);
    }
    run("png2icns", [join(volume, ".VolumeIcon.icns"), drawn(48)]);
    await showIcon(volume);
    const left = readdirSync(icons);
    expect(left).toHaveLength(100);
    expect(left).toContain(name);
    expect(left).toContain("149.png");
    expect(left).not.toContain("51.png");
    removeIcons();
    expect(readdirSync(caches)).toEqual([]);
  });
});
