/** One disc (data and two audio tracks) in every container gives the same bytes. */
import { createHash } from "node:crypto";
import { closeSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { AudioVolume } from "../../../image-core/filesystem/audio/audio-volume.js";
import type { Medium } from "../../../image-core/format.js";
import { FileSource } from "../../../image-core/source/file-source.js";
import { MemorySource } from "../../../image-core/source/memory-source.js";
import { writeAlcohol } from "../../fixtures/disc/alcohol-writer.js";
import { writeCloneCd } from "../../fixtures/disc/clonecd-writer.js";
import {
  bytesOf,
  concat,
  contents,
  type Folder,
  folderContext,
  formatOf,
  openIn,
} from "../../fixtures/disc/folder.js";
import { writeNero } from "../../fixtures/disc/nero-writer.js";
import { sampleIso, samplePcm, swapped } from "../../fixtures/disc/samples.js";
import { cut, encodeImage, withSubchannel } from "../../fixtures/disc/sector-encoder.js";
import { writeAiff, writeWave } from "../../fixtures/disc/sound-writer.js";
import { run, scratch } from "../../support/tools.js";
import { walk } from "../../support/walk.js";

const folder = scratch("same-disc");
const iso = sampleIso(folder);
const n = iso.length / 2048;
const pcm = [samplePcm(40, 1), samplePcm(35, 2)];
const mode1 = encodeImage(iso, "mode1");
const form1 = encodeImage(iso, "form1");
const PREGAP = 150;
/** Where the audio tracks begin on the disc. */
const starts = [n + PREGAP, n + PREGAP + 40];

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

function expectData(medium: Medium): void {
  const bytes = contents(medium.source);
  expect(sha256(bytes.subarray(0, iso.length))).toBe(sha256(iso));
  expect(bytes.subarray(iso.length).every((byte) => byte === 0)).toBe(true);
  expect([...(medium.verify?.(() => {}) ?? [])]).toEqual([]);
}

/** `third`: where the last track begins. */
function expectWhole(medium: Medium, third = starts[1]): void {
  expectData(medium);
  expect(medium.source.size).toBe((third + 35) * 2048);
  const tracks = medium.disc?.sessions.flatMap((session) => session.tracks) ?? [];
  expect(tracks.map((track) => [track.number, track.startLba, track.length])).toEqual([
    [1, 0, n],
    [2, starts[0], 40],
    [3, third, 35],
  ]);
  expect(sha256(contents(tracks[0].source))).toBe(sha256(iso));
  if (medium.disc === undefined) throw new Error("no disc");
  const files = walk(new AudioVolume(medium.disc, { uid: 0, gid: 0 }), true);
  expect([...files.keys()].slice(1)).toEqual(["/Track 02.wav", "/Track 03.wav"]);
  pcm.forEach((samples, i) => {
    const file = files.get(`/Track 0${i + 2}.wav`);
    const wav = concat(soxHeader(samples.length), samples);
    expect(file?.attributes.size).toBe(wav.length);
    expect(file?.content).toBe(sha256(wav));
  });
}

/** As every program writes it; spelt out, so that it is not ours that is compared with ours. */
function soxHeader(length: number): Uint8Array {
  const size = (value: number) => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(value);
    return bytes.toString("hex");
  };
  return Buffer.from(
    `52494646${size(length + 36)}57415645666d7420100000000100020044ac000010b1020004001000 64617461${size(length)}`.replace(
      " ",
      "",
    ),
    "hex",
  );
}

const silence = new Uint8Array(PREGAP * 2352);
const rest = `  TRACK 02 AUDIO
    PREGAP 00:02:00
    INDEX 01 ${msf(n)}
  TRACK 03 AUDIO
    INDEX 01 ${msf(n + 40)}
`;

function msf(frame: number): string {
  const field = (value: number) => String(value).padStart(2, "0");
  return [Math.floor(frame / 4500), Math.floor(frame / 75) % 60, frame % 75].map(field).join(":");
}

const cueModes: [string, Uint8Array][] = [
  ["MODE1/2048", iso],
  ["MODE1/2352", mode1],
  ["MODE1/2448", withSubchannel(mode1, 2352, 96)],
  ["MODE2/2048", iso],
  ["MODE2/2336", cut(form1, 2352, 16, 2352)],
  ["MODE2/2352", form1],
  ["CDI/2336", cut(form1, 2352, 16, 2352)],
  ["CDI/2352", form1],
];

describe("CUE", () => {
  it.each(cueModes)("one file, %s", async (mode, data) => {
    const sheet = `FILE "disc.bin" BINARY\n  TRACK 01 ${mode}\n    INDEX 01 00:00:00\n${rest}`;
    const disc = { "disc.cue": sheet, "disc.bin": concat(data, ...pcm) };
    expect(formatOf(disc, "disc.cue")?.id).toBe("cue");
    expectWhole(await openIn(disc, "disc.cue"));
  });

  it("a file a track, with the pregap in the second", async () => {
    const sheet = `FILE "a.bin" BINARY\r\nTRACK 01 MODE1/2352\r\nINDEX 01 00:00:00\r\nFILE "b.bin" BINARY\r\nTRACK 02 AUDIO\r\nINDEX 00 00:00:00\r\nINDEX 01 00:02:00\r\nFILE "c.bin" BINARY\r\nTRACK 03 AUDIO\r\nINDEX 01 00:00:00\r\n`;
    const files = { "a.bin": mode1, "b.bin": concat(silence, pcm[0]), "c.bin": pcm[1] };
    expectWhole(await openIn({ "x.cue": sheet, ...files }, "x.cue"));
  });

  it.each([
    ["WAVE", (samples: Uint8Array) => writeWave(samples)],
    ["AIFF", (samples: Uint8Array) => writeAiff(samples)],
    ["MOTOROLA", (samples: Uint8Array) => swapped(samples)],
  ])("sound in %s files, POSTGAP for the gap", async (type, write) => {
    const sheet = `FILE data.iso BINARY\nTRACK 01 MODE1/2048\nINDEX 01 00:00:00\nPOSTGAP 00:02:00\nFILE 2.snd ${type}\nTRACK 02 AUDIO\nINDEX 01 00:00:00\nFILE 3.snd ${type}\nTRACK 03 AUDIO\nINDEX 01 00:00:00`;
    const files = { "data.iso": iso, "2.snd": write(pcm[0]), "3.snd": write(pcm[1]) };
    expectWhole(await openIn({ "x.cue": sheet, ...files }, "x.cue"));
  });

  it("INDEX 00 at the end of the file before, as rippers leave it", async () => {
    const sheet = `FILE 1.bin BINARY\nTRACK 01 MODE1/2352\nINDEX 01 00:00:00\nTRACK 02 AUDIO\nINDEX 00 ${msf(n)}\nFILE 2.wav WAVE\nINDEX 01 00:00:00\nFILE 3.wav WAVE\nTRACK 03 AUDIO\nINDEX 01 00:00:00`;
    const sound = { "2.wav": writeWave(pcm[0]), "3.wav": writeWave(pcm[1]) };
    const disc: Folder = { "x.cue": sheet, "1.bin": concat(mode1, silence), ...sound };
    expectWhole(await openIn(disc, "x.cue"));
  });

  it("as bchunk takes the same sheet apart", async () => {
    const sheet = `FILE "disc.bin" BINARY\n  TRACK 01 MODE1/2352\n    INDEX 01 00:00:00\n  TRACK 02 AUDIO\n    INDEX 01 ${msf(n)}\n  TRACK 03 AUDIO\n    INDEX 01 ${msf(n + 40)}\n`;
    const bin = concat(mode1, ...pcm);
    writeFileSync(join(folder, "disc.bin"), bin);
    writeFileSync(join(folder, "disc.cue"), sheet);
    run("bchunk", ["-w", "disc.bin", "disc.cue", "bchunk"], { cwd: folder });
    const medium = await openIn({ "disc.cue": sheet, "disc.bin": bin }, "disc.cue");
    const tracks = medium.disc?.sessions[0].tracks ?? [];
    const theirs = (name: string) => new Uint8Array(readFileSync(join(folder, name)));
    expect(sha256(contents(tracks[0].source))).toBe(sha256(theirs("bchunk01.iso")));
    expect(sha256(contents(tracks[1].source))).toBe(sha256(theirs("bchunk02.wav").subarray(44)));
    expect(sha256(contents(tracks[2].source))).toBe(sha256(theirs("bchunk03.wav").subarray(44)));
  });
});

describe("cdrdao", () => {
  const toc = `CD_ROM\nTRACK MODE1_RAW\nDATAFILE "d.bin" ${msf(n)}\n// gap\nTRACK AUDIO\nPREGAP 0:2:0\nFILE "d.bin" #${n * 2352} 0 ${msf(40)}\nTRACK AUDIO\nFILE "d.bin" #${n * 2352} ${msf(40)} ${msf(35)}\n`;
  const bin = concat(mode1, ...pcm.map(swapped));

  it("one file, sound big-endian", async () => {
    const disc = { "d.toc": toc, "d.bin": bin };
    expect(formatOf(disc, "d.toc")?.id).toBe("cdrdao");
    expectWhole(await openIn(disc, "d.toc"));
  });

  it("SWAP, START, samples, WAVE, ZERO", async () => {
    const own = `CD_ROM\nTRACK MODE1\nDATAFILE "d.iso"\nZERO 00:02:00\nTRACK AUDIO\nFILE "2.raw" SWAP 0 ${40 * 588}\nTRACK AUDIO\nFILE "3.wav" 0 100\nFILE "3.wav" 100\n`;
    const disc = { "d.toc": own, "d.iso": iso, "2.raw": pcm[0], "3.wav": writeWave(pcm[1]) };
    expectWhole(await openIn(disc, "d.toc"));
  });

  it("SILENCE and START for the pregap", async () => {
    const own = toc.replace("PREGAP 0:2:0", "SILENCE 0:2:0\nSTART");
    expectWhole(await openIn({ "d.toc": own, "d.bin": bin }, "d.toc"));
  });

  it("as toc2cue translates it", async () => {
    // It wants one file throughout, whose parts follow each other, and 4 seconds a track.
    const audio = samplePcm(300, 3);
    const own = `CD_ROM\nTRACK MODE1_RAW\nDATAFILE "t.bin" ${msf(n)}\nTRACK AUDIO\nFILE "t.bin" #${n * 2352} 0 ${msf(300)}\nSTART 00:00:20\n`;
    const file = concat(mode1, swapped(audio));
    writeFileSync(join(folder, "t.bin"), file);
    writeFileSync(join(folder, "t.toc"), own);
    run("toc2cue", ["t.toc", "t.cue"], { cwd: folder });
    const cue = readFileSync(join(folder, "t.cue"), "latin1");
    const ours = await openIn({ "t.toc": own, "t.bin": file }, "t.toc");
    const theirs = await openIn({ "t.cue": cue, "t.bin": file }, "t.cue");
    const layout = (medium: Medium) =>
      medium.disc?.sessions[0].tracks.map((track) => [track.startLba, track.length]);
    expect(layout(ours)).toEqual(layout(theirs));
    expectData(ours);
    expectData(theirs);
    const sound = contents(ours.disc?.sessions[0].tracks[1].source ?? ours.source);
    expect(sha256(sound)).toBe(sha256(audio.subarray(20 * 2352)));
  });
});

describe("CloneCD", () => {
  const ccd = writeCloneCd(
    [
      { session: 1, number: 1, data: true, startLba: 0 },
      { session: 1, number: 2, data: false, startLba: starts[0], pregap: PREGAP },
      { session: 1, number: 3, data: false, startLba: starts[1] },
    ],
    { 1: starts[1] + 35 },
  );
  const img = concat(mode1, silence, ...pcm);

  it("with the image beside it", async () => {
    const disc = { "Disc.CCD": ccd, "DISC.img": img };
    expect(formatOf(disc, "Disc.CCD")?.id).toBe("clonecd");
    expectWhole(await openIn(disc, "Disc.CCD"));
  });

  it("the data as ccd2iso has it", async () => {
    writeFileSync(join(folder, "c.img"), mode1);
    run("ccd2iso", ["c.img", "c.iso"], { cwd: folder });
    const theirs = new Uint8Array(readFileSync(join(folder, "c.iso")));
    const medium = await openIn({ "c.img": mode1 }, "c.img");
    expect(sha256(contents(medium.source))).toBe(sha256(theirs));
  });
});

describe("Alcohol", () => {
  const tracks = (bytes: number, mode: number) => [
    { number: 1, mode, startLba: 0, offset: 0, sectors: n },
    { number: 2, mode: 0xa9, startLba: starts[0], offset: n * bytes, sectors: 40 },
    { number: 3, mode: 0xa9, startLba: starts[1], offset: (n + 40) * bytes, sectors: 35 },
  ];

  it.each([
    ["mode 1", 0xaa, mode1, 0],
    ["mode 2", 0xab, form1, 0],
    ["mode 2 form 1 with subchannel", 0xac, form1, 96],
    ["mode 1 with subchannel", 0xaa, mode1, 96],
  ])("%s", async (_, mode, data, extra) => {
    const sectorBytes = 2352 + extra;
    const mds = writeAlcohol({
      medium: 0,
      files: ["*.mdf"],
      widechar: extra !== 0,
      tracks: tracks(sectorBytes, mode).map((track) => ({
        session: 1,
        sectorBytes,
        subchannel: extra !== 0,
        ...track,
      })),
    });
    const whole = concat(data, ...pcm);
    const mdf = extra === 0 ? whole : withSubchannel(whole, 2352, extra);
    const disc = { "a.mds": mds, "A.MDF": mdf };
    expect(formatOf(disc, "a.mds")?.id).toBe("alcohol");
    expectWhole(await openIn(disc, "a.mds"));
  });

  it("a DVD split into files", async () => {
    const mds = writeAlcohol({
      medium: 0x10,
      files: ["d.mdf", "d.md1", "d.md2"],
      tracks: [
        {
          session: 1,
          number: 1,
          mode: 0xaa,
          sectorBytes: 2048,
          subchannel: false,
          startLba: 0,
          offset: 0,
          sectors: n,
        },
      ],
    });
    const disc = {
      "d.mds": mds,
      "d.mdf": iso.subarray(0, 50 * 2048),
      "d.md1": iso.subarray(50 * 2048, 120 * 2048),
      "d.md2": iso.subarray(120 * 2048),
    };
    const medium = await openIn(disc, "d.mds");
    expectData(medium);
    expect(medium.source.size).toBe(iso.length);
  });

  it("the data as mdf2iso has it", async () => {
    writeFileSync(join(folder, "m.mdf"), mode1);
    run("mdf2iso", ["m.mdf", "m.iso"], { cwd: folder });
    const medium = await openIn({ "m.mdf": mode1 }, "m.mdf");
    const theirs = new Uint8Array(readFileSync(join(folder, "m.iso")));
    expect(sha256(contents(medium.source))).toBe(sha256(theirs));
  });
});

describe("Nero", () => {
  const audio = (stored: Uint8Array, i: number, pregap: number, extra: number) => ({
    mode: extra === 0 ? 7 : 0x10,
    sectorBytes: 2352 + extra,
    pregap,
    stored: extra === 0 ? stored : withSubchannel(stored, 2352, extra),
    startLba: starts[i],
  });
  const kinds: [string, number, number, Uint8Array, number][] = [
    ["mode 1 cooked", 0, 2048, iso, 0],
    ["mode 2 form 1 cooked", 2, 2048, iso, 0],
    ["mode 2", 3, 2336, cut(form1, 2352, 16, 2352), 0],
    ["mode 1 whole", 5, 2352, mode1, 0],
    ["mode 2 whole", 6, 2352, form1, 0],
    ["mode 1 with subchannel", 0xf, 2448, withSubchannel(mode1, 2352, 96), 96],
    ["mode 2 with subchannel", 0x11, 2448, withSubchannel(form1, 2352, 96), 96],
  ];
  const all = kinds.flatMap((kind) =>
    ([1, 2] as const).flatMap((version) =>
      (["disc", "track"] as const).map((atOnce) => ({ kind, version, atOnce, name: kind[0] })),
    ),
  );

  it.each(all)("version $version, $atOnce at once, $name", async ({ kind, version, atOnce }) => {
    const [, mode, sectorBytes, stored, extra] = kind;
    const gap = atOnce === "disc" ? PREGAP : 0;
    const nrg = writeNero({
      version,
      atOnce,
      sessions: [
        [
          { mode, sectorBytes, pregap: gap, stored, startLba: 0 },
          audio(pcm[0], 0, gap, extra),
          audio(pcm[1], 1, 0, extra),
        ],
      ],
    });
    expect(formatOf({ "x.nrg": nrg }, "x.nrg")?.id).toBe("nero");
    // At once, each track has a pregap of its own.
    const third = starts[1] + (atOnce === "disc" ? 0 : PREGAP);
    expectWhole(await openIn({ "x.nrg": nrg }, "x.nrg"), third);
  });

  it("the data as nrg2iso has it", async () => {
    const nrg = writeNero({
      version: 2,
      atOnce: "disc",
      sessions: [[{ mode: 0, sectorBytes: 2048, pregap: 150, stored: iso, startLba: 0 }]],
    });
    writeFileSync(join(folder, "n.nrg"), nrg);
    run("nrg2iso", ["n.nrg", "n.iso"], { cwd: folder });
    const theirs = new Uint8Array(readFileSync(join(folder, "n.iso")));
    // nrg2iso copies up to the footer: the chunks are still behind the data.
    expect(sha256(theirs.subarray(0, iso.length))).toBe(sha256(iso));
    expectData(await openIn({ "n.nrg": nrg }, "n.nrg"));
  });
});

describe("a file without its sheet", () => {
  const stored: [string, Uint8Array][] = [
    ["2352, mode 1", mode1],
    ["2352, mode 2", form1],
    ["2448", withSubchannel(mode1, 2352, 96)],
    ["2368", withSubchannel(form1, 2352, 16)],
    ["2336", cut(form1, 2352, 16, 2352)],
    ["2056", cut(form1, 2352, 16, 2072)],
    ["2332", cut(form1, 2352, 16, 2348)],
    ["2340, mode 1", cut(mode1, 2352, 12, 2352)],
    ["2340, mode 2", cut(form1, 2352, 12, 2352)],
    ["2432", withSubchannel(cut(form1, 2352, 16, 2352), 2336, 96)],
    ["2144", withSubchannel(iso, 2048, 96)],
  ];
  it.each(stored)("%s bytes, whatever its name", async (_, data) => {
    for (const name of ["x.bin", "x.img", "x.mdf", "x.iso", "x"]) {
      expect(formatOf({ [name]: data }, name)?.id).toBe("rawsector");
    }
    const medium = await openIn({ "x.bin": data }, "x.bin");
    expectData(medium);
    expect(medium.source.size).toBe(iso.length);
  });

  it("with audio behind the data: zeros", async () => {
    const medium = await openIn({ "x.bin": concat(mode1, silence, ...pcm) }, "x.bin");
    expectData(medium);
    expect(medium.source.size).toBe((n + PREGAP + 75) * 2048);
  });

  it("with the pregap before LBA 0 in front", async () => {
    const gap = encodeImage(new Uint8Array(150 * 2048), "mode1", -150);
    const medium = await openIn({ "x.bin": concat(gap, mode1) }, "x.bin");
    expectData(medium);
    expect(medium.source.size).toBe(iso.length);
  });

  it("a plain ISO image is not taken for one", () => {
    expect(formatOf({ "x.bin": iso }, "x.bin")?.id).not.toBe("rawsector");
  });
});

describe("locate", () => {
  /** Opens the sheet with real files around it. */
  const openReal = async (name: string, sheet: Uint8Array | string, file: string) => {
    const format = formatOf({ [name]: sheet }, name);
    const module = await format?.load?.();
    const fd = openSync(file, "r");
    const own = typeof sheet === "string" ? new MemorySource(bytesOf(sheet)) : new FileSource(fd);
    const context = { ...folderContext({}, name), neighbour: () => new FileSource(fd) };
    return { fd, medium: module?.open(own, context) as Medium };
  };
  const range = { fd: -1, position: -1, length: -1 };

  it("names data stored as 2048 bytes, and no other", async () => {
    const path = join(folder, "locate.bin");
    writeFileSync(path, concat(iso, ...pcm));
    const sheet = (mode: string) =>
      `FILE "x.bin" BINARY\nTRACK 01 ${mode}\nINDEX 01 00:00:00\nTRACK 02 AUDIO\nINDEX 01 ${msf(n)}\n`;
    const cooked = await openReal("x.cue", sheet("MODE1/2048"), path);
    expect(cooked.medium.source.locate?.(5000, 1e9, range)).toBe(true);
    expect(range).toEqual({ fd: cooked.fd, position: 5000, length: iso.length - 5000 });
    expect(cooked.medium.source.locate?.(iso.length, 100, range)).toBe(false);
    writeFileSync(join(folder, "raw.bin"), mode1);
    const raw = `FILE "x.bin" BINARY\nTRACK 01 MODE1/2352\nINDEX 01 00:00:00\n`;
    const whole = await openReal("x.cue", raw, join(folder, "raw.bin"));
    expect(whole.medium.source.locate?.(0, 100, range)).toBe(false);
    closeSync(cooked.fd);
    closeSync(whole.fd);
  });

  it("behind the pregap that a Nero image stores", async () => {
    const track = { mode: 0, sectorBytes: 2048, pregap: 150, stored: iso, startLba: 0 };
    const nrg = writeNero({ version: 2, atOnce: "disc", sessions: [[track]] });
    const path = join(folder, "locate.nrg");
    writeFileSync(path, nrg);
    const { fd, medium } = await openReal("x.nrg", nrg, path);
    expect(medium.source.locate?.(2048, 4096, range)).toBe(true);
    expect(range).toEqual({ fd, position: 151 * 2048, length: 4096 });
    closeSync(fd);
  });
});
