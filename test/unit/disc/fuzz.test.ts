/** Damaged sheets, descriptors and images: a disc that can be read, or an ImageError. Never long. */
import { describe, expect, it } from "vitest";
import { ImageError } from "../../../image-core/errors.js";
import { AudioVolume } from "../../../image-core/filesystem/audio/audio-volume.js";
import { Attributes, ROOT_NODE } from "../../../image-core/filesystem/volume.js";
import type { ContainerFormat, DiscLayout, Medium } from "../../../image-core/format.js";
import { probeWindow } from "../../../image-core/probe.js";
import { containerFormats } from "../../../image-core/registry.js";
import { MemorySource } from "../../../image-core/source/memory-source.js";
import { writeAlcohol } from "../../fixtures/disc/alcohol-writer.js";
import { writeCloneCd } from "../../fixtures/disc/clonecd-writer.js";
import { bytesOf, concat, type Folder, folderContext } from "../../fixtures/disc/folder.js";
import { writeNero } from "../../fixtures/disc/nero-writer.js";
import { noise, random, samplePcm } from "../../fixtures/disc/samples.js";
import { encodeImage } from "../../fixtures/disc/sector-encoder.js";
import { writeAiff, writeWave } from "../../fixtures/disc/sound-writer.js";

const ROUNDS = 150;
const iso = noise(20 * 2048, 31);
iso.set(Buffer.from("\x01CD001\x01"), 16 * 2048);
const raw = encodeImage(iso, "mode1");
const pcm = samplePcm(20, 32);
const bin = concat(raw, pcm);

const files: Folder = {
  "x.bin": bin,
  "x.img": bin,
  "x.mdf": bin,
  "x.wav": writeWave(pcm),
  "x.aif": writeAiff(pcm),
};

const subjects: [string, string, Uint8Array | string][] = [
  [
    "cue",
    "x.cue",
    'CATALOG 0000010271955\nTITLE "A"\nFILE "x.bin" BINARY\nTRACK 01 MODE1/2352\nINDEX 01 00:00:00\nTRACK 02 AUDIO\nFLAGS DCP\nPREGAP 00:02:00\nINDEX 01 00:00:20\nPOSTGAP 00:01:00\nREM SESSION 02\nREM LEAD-IN 01:00:00\nFILE "x.wav" WAVE\nTRACK 03 AUDIO\nINDEX 00 00:00:00\nINDEX 01 00:00:05\nFILE "x.aif" AIFF\nTRACK 04 AUDIO\nINDEX 01 00:00:00\n',
  ],
  [
    "cdrdao",
    "x.toc",
    'CD_ROM\nCD_TEXT { LANGUAGE_MAP { 0 : EN } LANGUAGE 0 { TITLE "A" SIZE_INFO { 1, 2 } } }\nTRACK MODE1_RAW\nDATAFILE "x.bin" 00:00:20\nZERO 00:02:00\nTRACK AUDIO\nISRC "USEM39600078"\nSILENCE 0:2:0\nSTART\nFILE "x.bin" #47040 10 588\nFILE "x.wav" 0\nINDEX 0:0:5\n',
  ],
  [
    "clonecd",
    "x.ccd",
    writeCloneCd(
      [
        { session: 1, number: 1, data: true, startLba: 0 },
        { session: 1, number: 2, data: false, startLba: 25, pregap: 5 },
        { session: 2, number: 3, data: true, startLba: 11440 },
      ],
      { 1: 30, 2: 11450 },
      "[CDText]\nEntries=1\nEntry 0=80 00 00 00 41 42 00 43 44 00 00 00 00 00 00 00\n",
    ),
  ],
  [
    "alcohol",
    "x.mds",
    writeAlcohol({
      medium: 0,
      files: ["*.mdf", "x.img"],
      tracks: [0, 1].map((i) => ({
        session: i + 1,
        number: i + 1,
        mode: i === 0 ? 0xaa : 0xa9,
        sectorBytes: 2352,
        subchannel: false,
        startLba: i * 12000,
        offset: i * raw.length,
        sectors: 20,
      })),
    }),
  ],
  ...([1, 2] as const).flatMap((version): [string, string, Uint8Array][] =>
    (["disc", "track"] as const).map((atOnce) => [
      "nero",
      "x.nrg",
      writeNero({
        version,
        atOnce,
        cdText: noise(180, 5),
        sessions: [
          [{ mode: 5, sectorBytes: 2352, pregap: 0, stored: raw, startLba: 0 }],
          [{ mode: 7, sectorBytes: 2352, pregap: 2, stored: pcm, startLba: 11420 }],
        ],
      }),
    ]),
  ),
  ["rawsector", "x.bin", raw],
];

/** A few bytes changed, a stretch cut out or doubled, the end cut off. */
function mutated(original: Uint8Array, next: () => number, tail: number): Uint8Array {
  const bytes = original.slice();
  const place = () =>
    next() % 4 === 0
      ? next() % bytes.length
      : bytes.length - 1 - (next() % Math.min(tail, bytes.length));
  switch (next() % 6) {
    case 0:
      return bytes.subarray(0, place());
    case 1: {
      const at = place();
      return concat(
        bytes.subarray(0, at),
        bytes.subarray(Math.min(bytes.length, at + (next() % 40))),
      );
    }
    case 2: {
      const at = place();
      return concat(bytes.subarray(0, at), bytes.subarray(Math.max(0, at - (next() % 60))));
    }
    default:
      for (let i = 1 + (next() % 6); i > 0; i--) {
        const edges = [0, 0xff, 0x7f, 0x80, 0x30 + (next() % 10), 0x22, 0x0a, next() & 0xff];
        bytes[place()] = edges[next() % edges.length];
      }
      return bytes;
  }
}

/** Samples of everything the medium offers: its size may be that of a whole disc. */
function use(medium: Medium): void {
  const buffer = new Uint8Array(3 * 4096);
  const sample = (size: number, read: (position: number) => number) => {
    for (const position of [0, 2047, Math.floor(size / 2), size - 5000, size - 1, size]) {
      if (position < 0 || position > size) continue;
      const wanted = Math.min(buffer.length, size - position);
      expect(unless(() => read(position), wanted)).toBe(wanted);
    }
  };
  sample(medium.source.size, (position) => medium.source.read(position, buffer, 0, buffer.length));
  const volume = new AudioVolume(medium.disc as DiscLayout, { uid: 0, gid: 0 });
  const attributes = new Attributes();
  volume.readDirectory(ROOT_NODE, 0, (name, node) => {
    expect(volume.lookup(ROOT_NODE, name)).toBe(node);
    volume.attributes(node, attributes);
    sample(attributes.size, (position) => volume.read(node, position, buffer, 0, buffer.length));
    return true;
  });
  let findings = 0;
  for (const finding of medium.verify?.(() => {}) ?? []) {
    expect(finding.message.length).toBeLessThan(300);
    if (++findings === 50) break;
  }
}

/** What `run` gives; `otherwise` where it throws what it may. */
function unless<T>(run: () => T, otherwise: T): T {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof ImageError)) throw error;
    return otherwise;
  }
}

describe.each(subjects)("%s %s", (id, name, original) => {
  it("survives mutation", async () => {
    const format = containerFormats.find((other) => other.id === id) as ContainerFormat;
    const { open } = (await format.load?.()) ?? { open: undefined };
    if (open === undefined) throw new Error(`${id} does not open`);
    const next = random(id.length + bytesOf(original).length);
    const slowest = { ms: 0 };
    let opened = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const bytes = mutated(bytesOf(original), next, id === "nero" ? 400 : 100_000);
      const started = performance.now();
      for (const other of containerFormats) other.probe(probeWindow(new MemorySource(bytes), name));
      unless(() => {
        const medium = open(
          new MemorySource(bytes),
          folderContext({ ...files, [name]: bytes }, name),
        );
        opened++;
        use(medium);
      }, undefined);
      slowest.ms = Math.max(slowest.ms, performance.now() - started);
    }
    // Both outcomes are met, or the test tests nothing.
    expect(opened).toBeGreaterThan(ROUNDS / 30);
    if (id !== "rawsector") expect(opened).toBeLessThan(ROUNDS);
    expect(slowest.ms).toBeLessThan(2000);
  });
});

it("sound files survive mutation", async () => {
  const { open } = await import("../../../image-core/container/cue/cue.js");
  const next = random(99);
  for (const [name, original] of [
    ["x.wav", writeWave(pcm)],
    ["x.aif", writeAiff(pcm)],
  ] as const) {
    const sheet = new TextEncoder().encode(
      `FILE ${name} WAVE\nTRACK 01 AUDIO\nINDEX 01 00:00:00\n`,
    );
    for (let round = 0; round < ROUNDS; round++) {
      const head = mutated(original.subarray(0, 100), next, 100);
      const folder = { [name]: concat(head, original.subarray(100)) };
      unless(() => use(open(new MemorySource(sheet), folderContext(folder, "x.cue"))), undefined);
    }
  }
});

describe("a megabyte of anything", () => {
  const begun: [string, string][] = [
    ["x.cue", 'FILE "x.bin" BINARY\nTRACK 01 AUDIO\nINDEX 01 00:00:00\nTITLE "'],
    ["x.toc", 'TRACK AUDIO\nFILE "x.bin" 0\nISRC "'],
    ["x.ccd", "[CloneCD]\n[Entry 0]\nPoint=1\nPLBA=0\n"],
  ];
  it.each(["a", '"', "\\a", "\n", "é", "é\n", "{ ", "/"])("%j takes no time", async (text) => {
    for (const [name, start] of begun) {
      const sheet = new Uint8Array(Buffer.from(start + text.repeat(1e6 / text.length), "latin1"));
      const format = containerFormats.find((other) => {
        return other.probe(probeWindow(new MemorySource(sheet), name)) !== undefined;
      });
      const module = await format?.load?.();
      const started = performance.now();
      unless(() => {
        module?.open(new MemorySource(sheet), folderContext(files, name));
      }, undefined);
      expect(performance.now() - started).toBeLessThan(4000);
    }
  });

  it("more is refused", async () => {
    const { open } = await import("../../../image-core/container/cue/cue.js");
    const sheet = new MemorySource(new Uint8Array(1024 * 1024 + 1));
    expect(() => open(sheet, folderContext(files, "x.cue"))).toThrow(/1048577 bytes/);
  });
});
