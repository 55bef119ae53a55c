/** The audio tracks of a disc as a volume; CD-Text packs. */
import { closeSync, openSync, readSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { open as openCue } from "../../../image-core/container/cue/cue.js";
import { decodeCdText } from "../../../image-core/container/disc/cd-text.js";
import { AudioVolume } from "../../../image-core/filesystem/audio/audio-volume.js";
import { Attributes, ROOT_NODE, S_IFREG } from "../../../image-core/filesystem/volume.js";
import type { DiscLayout, DiscTrack } from "../../../image-core/format.js";
import { FileSource } from "../../../image-core/source/file-source.js";
import { MemorySource } from "../../../image-core/source/memory-source.js";
import { folderContext, openIn } from "../../fixtures/disc/folder.js";
import { samplePcm } from "../../fixtures/disc/samples.js";
import { corpusBytes, corpusMissing } from "../../support/corpus.js";
import { run, scratch } from "../../support/tools.js";
import { walk } from "../../support/walk.js";

const owner = { uid: 7, gid: 8 };
const pcm = samplePcm(3, 21);

function disc(...titles: [title?: string, performer?: string][]): DiscLayout {
  const tracks = titles.map(([title, performer], i): DiscTrack => {
    const source = new MemorySource(pcm);
    return { number: i + 1, kind: "audio", startLba: i * 3, length: 3, source, title, performer };
  });
  return { performer: "Band", title: "Album", sessions: [{ number: 1, tracks }] };
}

describe("AudioVolume", () => {
  it("names files by CD-Text", () => {
    const volume = new AudioVolume(
      disc(["One", "Band"], ["Two", "Guest"], [], ["AC/DC\0\n"], ["é".repeat(300)], ["  "]),
      owner,
    );
    expect([...walk(volume).keys()]).toEqual([
      "/",
      "/01 - One.wav",
      "/02 - Guest - Two.wav",
      "/Track 03.wav",
      "/04 - AC␛2FDC .wav",
      `/05 - ${"é".repeat(123)}.wav`,
      "/Track 06.wav",
    ]);
    expect(volume.description.label).toBe("Band - Album");
    expect(volume.maxNode).toBe(7);
  });

  it("overwrites every attribute", () => {
    const volume = new AudioVolume(disc(["One"]), owner);
    const attributes = new Attributes();
    for (const key of Object.keys(attributes))
      (attributes as never as Record<string, number>)[key] = -1;
    volume.attributes(2, attributes);
    expect(attributes).toEqual({
      ...new Attributes(),
      ino: 2,
      mode: S_IFREG | 0o444,
      uid: 7,
      gid: 8,
      size: 44 + pcm.length,
      blocks: Math.ceil(pcm.length / 512),
    });
  });

  it("reads across the header at every position", () => {
    const volume = new AudioVolume(disc(["One"]), owner);
    const whole = new Uint8Array(44 + pcm.length);
    expect(volume.read(2, 0, whole, 0, whole.length + 10)).toBe(whole.length);
    expect(Buffer.from(whole.subarray(44)).equals(pcm)).toBe(true);
    for (const position of [
      0,
      1,
      43,
      44,
      45,
      2000,
      whole.length - 1,
      whole.length,
      whole.length + 9,
    ]) {
      for (const length of [1, 5, 100]) {
        const part = new Uint8Array(length + 2).fill(0xee);
        const got = volume.read(2, position, part, 1, length);
        expect(got).toBe(Math.max(0, Math.min(length, whole.length - position)));
        expect(part[0]).toBe(0xee);
        expect(part[got + 1]).toBe(0xee);
        const expected = whole.subarray(position, position + got);
        expect(Buffer.from(part.subarray(1, 1 + got)).equals(expected)).toBe(true);
      }
    }
  });

  it("looks up, goes on from cookies, refuses other nodes", () => {
    const volume = new AudioVolume(disc(["One"], ["Two"]), owner);
    expect(volume.lookup(ROOT_NODE, "02 - Two.wav")).toBe(3);
    expect(volume.lookup(ROOT_NODE, "nothing")).toBe(0);
    expect(volume.lookup(ROOT_NODE, "..")).toBe(ROOT_NODE);
    const seen: string[] = [];
    volume.readDirectory(ROOT_NODE, 1, (name) => seen.push(name) > 0);
    expect(seen).toEqual(["02 - Two.wav"]);
    expect(() => volume.attributes(99, new Attributes())).toThrow("node 99");
    expect(() => volume.lookup(2, "x")).toThrow("node 2");
  });

  it("programs read the file as CD sound", async () => {
    const folder = scratch("audio");
    const volume = new AudioVolume(disc(["One"]), owner);
    const wav = new Uint8Array(44 + pcm.length);
    volume.read(2, 0, wav, 0, wav.length);
    writeFileSync(join(folder, "one.wav"), wav);
    expect(run("file", ["-b", join(folder, "one.wav")]).toString()).toMatch(
      /WAVE audio, Microsoft PCM, 16 bit, stereo 44100 Hz/,
    );
  });

  it("locates samples that lie verbatim, and none that do not", () => {
    const folder = scratch("locate");
    const path = join(folder, "x.bin");
    writeFileSync(path, pcm);
    const fd = openSync(path, "r");
    const range = { fd: -1, position: -1, length: -1 };
    const volumeOf = (type: string) => {
      const sheet = new MemorySource(
        new TextEncoder().encode(`FILE x.bin ${type}\nTRACK 01 AUDIO\nINDEX 01 00:00:01\n`),
      );
      const context = { ...folderContext({}, "x.cue"), neighbour: () => new FileSource(fd) };
      const medium = openCue(sheet, context);
      return new AudioVolume(medium.disc as DiscLayout, owner);
    };
    const plain = volumeOf("BINARY");
    expect(plain.locate(2, 0, 100, range)).toBe(false);
    expect(plain.locate(2, 54, 1_000_000, range)).toBe(true);
    expect(range).toEqual({ fd, position: 2352 + 10, length: 2 * 2352 - 10 });
    const bytes = new Uint8Array(20);
    const same = new Uint8Array(20);
    readSync(range.fd, bytes, 0, 20, range.position);
    plain.read(2, 54, same, 0, 20);
    expect(bytes).toEqual(same);
    expect(volumeOf("MOTOROLA").locate(2, 54, 100, range)).toBe(false);
    closeSync(fd);
  });

  it("swapped sound at odd positions", async () => {
    const swappedFile = new Uint8Array(Buffer.from(pcm).swap16());
    const sheet = "FILE x.bin MOTOROLA\nTRACK 01 AUDIO\nINDEX 01 00:00:00\n";
    const medium = await openIn({ "x.cue": sheet, "x.bin": swappedFile }, "x.cue");
    const source = medium.disc?.sessions[0].tracks[0].source as MemorySource;
    for (const [position, length] of [
      [0, 1],
      [1, 1],
      [1, 2],
      [3, 7],
      [2, 9],
      [pcm.length - 3, 9],
    ]) {
      const part = new Uint8Array(length);
      const got = source.read(position, part, 0, length);
      expect(part.subarray(0, got)).toEqual(pcm.subarray(position, position + length));
    }
  });
});

describe("CD-Text packs", () => {
  it("of a real disc", ({ skip }) => {
    skip(corpusMissing !== undefined, corpusMissing);
    const text = decodeCdText(corpusBytes("img/libcdio/cdtext-krosis.cdt"));
    expect(text.titles.get(0)).toBe("A Memoir of Free Will");
    expect(text.titles.get(10)).toBe("A Memior of Free Will");
    expect(text.titles.size).toBe(11);
    expect([...text.performers]).toEqual(Array.from({ length: 11 }, (_, i) => [i, "Krosis"]));
    expect(text.isrcs.get(1)).toBe("QM7281905204");
    expect(text.isrcs.get(10)).toBe("QM7281905213");
  });

  it("the answer of a drive: four bytes before the packs", ({ skip }) => {
    skip(corpusMissing !== undefined, corpusMissing);
    const packs = corpusBytes("img/libcdio/cdtext-krosis.cdt");
    const answer = new Uint8Array(packs.length + 4);
    answer.set([3, 0x50, 0, 0]);
    answer.set(packs, 4);
    expect(decodeCdText(answer)).toEqual(decodeCdText(packs));
  });

  it("a pack with a wrong CRC is left out", () => {
    const pack = new Uint8Array(18);
    pack.set([0x80, 0, 0, 0, 65, 66, 0]);
    expect(decodeCdText(pack).titles.get(0)).toBe("AB");
    pack[17] = 1;
    expect(decodeCdText(pack).titles.size).toBe(0);
  });

  it("double-byte texts in MS-JIS", () => {
    const pack = new Uint8Array(18);
    pack.set([0x80, 1, 0, 0x80, 0x83, 0x5c, 0x83, 0x74, 0x83, 0x67, 0, 0, 0x83, 0x5c, 0, 0]);
    expect([...decodeCdText(pack).titles]).toEqual([
      [1, "ソフト"],
      [2, "ソ"],
    ]);
  });

  it("anything at all, without end or error", () => {
    for (let length = 0; length < 100; length++) decodeCdText(new Uint8Array(length).fill(0x80));
    expect(decodeCdText(new Uint8Array(0)).titles.size).toBe(0);
  });
});
