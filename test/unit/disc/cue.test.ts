/** What CUE sheets say, what they say wrongly, and what they forget. */
import { describe, expect, it } from "vitest";
import type { Medium, OpenContext } from "../../../image-core/format.js";
import { concat, contents, type Folder, openIn } from "../../fixtures/disc/folder.js";
import { noise, samplePcm } from "../../fixtures/disc/samples.js";
import { encodeImage } from "../../fixtures/disc/sector-encoder.js";
import { writeWave } from "../../fixtures/disc/sound-writer.js";

const bin = samplePcm(400, 9);
const one = 'FILE "x.bin" BINARY\nTRACK 01 AUDIO\nINDEX 01 00:00:00\n';

function openSheet(
  sheet: string | Uint8Array,
  folder: Folder = {},
  options: OpenContext["options"] = {},
): Promise<Medium> {
  return openIn({ "x.bin": bin, ...folder, "x.cue": sheet }, "x.cue", options);
}

async function tracksOf(sheet: string | Uint8Array, folder: Folder = {}): Promise<number[][]> {
  const medium = await openSheet(sheet, folder);
  return (medium.disc?.sessions ?? []).flatMap((session) =>
    session.tracks.map((track) => [session.number, track.number, track.startLba, track.length]),
  );
}

describe("sheets that are wrong", () => {
  const iso = noise(200 * 2048, 5);
  iso.set(Buffer.from("\x01CD001\x01"), 16 * 2048);
  const data = (mode: string) => `FILE "d.bin" BINARY\nTRACK 01 ${mode}\nINDEX 01 00:00:00\n`;
  const warned = (medium: Medium) => medium.warnings.join();

  it.each([
    ["MODE1/2352", iso, /sectors of 2048 bytes, not of 2352/],
    ["MODE2/2336", iso, /sectors of 2048 bytes, not of 2336/],
    ["MODE1/2048", encodeImage(iso, "mode1"), /sectors of 2352 bytes, not of 2048/],
    ["MODE1/2048", encodeImage(iso, "form1"), /sectors of 2352 bytes, not of 2048/],
    ["MODE2/2336", encodeImage(iso, "form1"), /sectors of 2352 bytes, not of 2336/],
  ])("of the kind of sectors: %s", async (mode, file, warning) => {
    const medium = await openSheet(data(mode), { "d.bin": file });
    expect(warned(medium)).toMatch(warning);
    expect(Buffer.from(contents(medium.source)).equals(iso)).toBe(true);
  });

  it("of the pregap that the file begins with", async () => {
    const file = concat(
      encodeImage(new Uint8Array(150 * 2048), "mode1", -150),
      encodeImage(iso, "mode1"),
    );
    const medium = await openSheet(data("MODE1/2352"), { "d.bin": file });
    expect(await tracksOf(data("MODE1/2352"), { "d.bin": file })).toEqual([[1, 1, 0, 200]]);
    expect(Buffer.from(contents(medium.source)).equals(iso)).toBe(true);
  });

  it.each(['""', "724384260910", "x"])("of the catalog number: %s", async (number) => {
    const medium = await openSheet(`CATALOG ${number}\n${one}`);
    expect(warned(medium)).toMatch(/line 1: CATALOG .* is none/);
    expect(medium.details.catalog).toBeUndefined();
  });

  it("of the first index, and of the type of file", async () => {
    const sheet = one.replace("INDEX 01", "INDEX 00").replace("BINARY", "BIN");
    expect(await tracksOf(sheet)).toEqual([[1, 1, 0, 400]]);
    expect(warned(await openSheet(sheet))).toMatch(/track 1 has no INDEX 01/);
  });
});

describe("layout", () => {
  it("INDEX 00 belongs to no track", async () => {
    const sheet = `${one}TRACK 02 AUDIO\nINDEX 00 00:02:00\nINDEX 01 00:04:00\nINDEX 02 00:05:00\n`;
    expect(await tracksOf(sheet)).toEqual([
      [1, 1, 0, 150],
      [1, 2, 300, 100],
    ]);
  });

  it("the first track's pregap: what exceeds two seconds shifts it", async () => {
    const pregap = (msf: string) => one.replace("INDEX", `PREGAP ${msf}\nINDEX`);
    expect(await tracksOf(pregap("00:02:00"))).toEqual([[1, 1, 0, 400]]);
    expect(await tracksOf(pregap("00:02:10"))).toEqual([[1, 1, 10, 400]]);
  });

  it("hidden audio before INDEX 01 of the first track", async () => {
    expect(await tracksOf(one.replace("00:00:00", "00:01:00"))).toEqual([[1, 1, 75, 325]]);
  });

  it("sectors of different sizes in one file", async () => {
    const data = noise(100 * 2048, 4);
    const sheet = `FILE "x.bin" BINARY\nTRACK 01 MODE1/2048\nINDEX 01 00:00:00\nTRACK 02 AUDIO\nINDEX 01 00:01:25\nTRACK 03 MODE1/2048\nINDEX 01 00:02:00\n`;
    const file = concat(data, bin.subarray(0, 50 * 2352), data);
    const medium = await openSheet(sheet, { "x.bin": file });
    const [first, second, third] = medium.disc?.sessions[0].tracks ?? [];
    expect([first.startLba, second.startLba, third.startLba]).toEqual([0, 100, 150]);
    expect(Buffer.from(contents(second.source)).equals(bin.subarray(0, 50 * 2352))).toBe(true);
    expect(Buffer.from(contents(third.source)).equals(data)).toBe(true);
  });

  it("several commands in a line, odd line ends, a mark, tabs, lower case", async () => {
    const sheet = `\ufefffile x.bin binary\r\ttrack 1 audio flags DCP 4CH index 01 00:00:00\r\r\n rem x\r\nTRACK 2 AUDIO INDEX 00 00:01:00 INDEX 01 00:02:00\x1a`;
    expect(await tracksOf(sheet)).toEqual([
      [1, 1, 0, 75],
      [1, 2, 150, 250],
    ]);
  });

  it("UTF-16 sheets", async () => {
    const utf16 = new Uint8Array(Buffer.from(`\ufeff${one}TITLE "Ünder"\n`, "utf16le"));
    const medium = await openSheet(utf16);
    expect(medium.disc?.sessions[0].tracks[0].title).toBe("Ünder");
  });
});

describe("sessions", () => {
  const audio = "FILE a.wav WAVE\nTRACK 01 AUDIO\nINDEX 01 00:00:00\n";
  const second = "FILE b.bin BINARY\nTRACK 02 MODE2/2352\nINDEX 01 00:00:00\n";
  const wave = { "a.wav": writeWave(bin) };
  const data = (lba: number) => ({ "b.bin": encodeImage(noise(30 * 2048, 5), "form1", lba) });

  it("lie 11400 sectors apart", async () => {
    const cooked = second.replace("2/2352", "1/2048");
    const folder = { ...wave, "b.bin": noise(30 * 2048, 5) };
    const third = `${audio}REM SESSION 02\n${cooked}REM SESSION 03\nFILE c.bin BINARY\nTRACK 03 MODE1/2048\nINDEX 01 00:00:00`;
    expect(await tracksOf(third, { ...folder, "c.bin": noise(2048, 6) })).toEqual([
      [1, 1, 0, 400],
      [2, 2, 11800, 30],
      [3, 3, 11830 + 6900, 1],
    ]);
  });

  it("LEAD-IN and PREGAP remarks count", async () => {
    const remarks =
      "REM LEAD-OUT 00:05:25\nREM SESSION 02\nREM LEAD-IN 01:00:00\nREM PREGAP 00:03:00\n";
    const sheet = audio + remarks + second.replace("2/2352", "1/2048");
    expect((await tracksOf(sheet, { ...wave, "b.bin": noise(2048, 1) }))[1][2]).toBe(11875);
  });

  it("headers of data sectors overrule the sheet", async () => {
    const medium = await openSheet(audio + second, { ...wave, ...data(12345) });
    expect(medium.disc?.sessions[0].tracks[1].startLba).toBe(12345);
    expect(medium.warnings.join()).toContain("LBA 12345");
    expect([...(medium.verify?.(() => {}) ?? [])]).toEqual([]);
  });

  it("headers that would overlap do not", async () => {
    const medium = await openSheet(audio + second, { ...wave, ...data(100) });
    expect(medium.disc?.sessions[0].tracks[1].startLba).toBe(400);
  });

  it("the outer area of a GD-ROM", async () => {
    const gd = `FILE b.bin BINARY\nTRACK 01 MODE1/2048\nINDEX 01 00:00:00\nREM HIGH-DENSITY AREA\nFILE c.bin BINARY\nTRACK 02 MODE1/2048\nINDEX 01 00:00:00`;
    const folder = { "b.bin": noise(2048 * 3, 1), "c.bin": noise(2048 * 4, 2) };
    expect(await tracksOf(gd, folder)).toEqual([
      [1, 1, 0, 3],
      [2, 2, 45000, 4],
    ]);
  });
});

describe("names", () => {
  it("texts of disc and tracks, in the sheet's charset", async () => {
    const sheet = `PERFORMER "Disc: ""Band"""\nTITLE Plain title\n${one}TITLE "\u0416\u0443\u043a / \u0434\u0432\u0430"\nISRC USEM39600078\n`;
    const medium = await openSheet(sheet);
    expect(medium.disc).toMatchObject({ title: "Plain title", performer: 'Disc: ""Band""' });
    expect(medium.disc?.sessions[0].tracks[0]).toMatchObject({
      title: "Жук / два",
      isrc: "USEM39600078",
    });
  });

  it("charset= reads titles and file names", async () => {
    const sjis = Uint8Array.of(0x83, 0x5c, 0x83, 0x74, 0x83, 0x67);
    const text = (part: string) => new TextEncoder().encode(part);
    const sheet = concat(
      text('FILE "'),
      sjis,
      text('.bin" BINARY\nTRACK 01 AUDIO\nTITLE "'),
      sjis,
      text('"\nINDEX 01 00:00:00\n'),
    );
    const medium = await openSheet(sheet, { "ソフト.bin": bin }, { charset: "shift_jis" });
    expect(medium.disc?.sessions[0].tracks[0].title).toBe("ソフト");
    expect(medium.warnings).toEqual([]);
  });

  it.each([
    ["C:\\rips\\x.bin", "x.bin"],
    ["/home/me/x.bin", "x.bin"],
    ["sub\\x.bin", "sub/x.bin"],
    [".\\X.BIN", "x.bin"],
    ["\\\\server\\share\\x.bin", "x.bin"],
  ])("the file %s", async (name, path) => {
    const sheet = `FILE "${name}" BINARY\nFILE "other.bin" BINARY\n${one.split("\n").slice(1).join("\n")}`;
    const both = sheet.replace("INDEX 01", "INDEX 01");
    const medium = await openIn(
      { "y.cue": both.replace('FILE "other.bin" BINARY\n', ""), [path]: bin },
      "y.cue",
    );
    expect(medium.disc?.sessions[0].tracks[0].length).toBe(400);
  });

  it("a file renamed with its sheet", async () => {
    const medium = await openSheet(one.replace("x.bin", "old name.bin"));
    expect(medium.warnings).toEqual(['"old name.bin" is not there; "x.bin" stands in']);
  });

  it("CDTEXTFILE that is missing hides nothing", async () => {
    const medium = await openSheet(`CDTEXTFILE "x.cdt"\n${one}`);
    expect(medium.warnings[0]).toContain("x.cdt");
  });
});

describe("sound in codecs that are not read", () => {
  const data = "FILE d.iso BINARY\nTRACK 01 MODE1/2048\nINDEX 01 00:00:00\n";
  const ogg = "FILE t.ogg OGG\nTRACK 02 AUDIO\nINDEX 01 00:00:00\n";
  const folder = { "d.iso": noise(20 * 2048, 3), "t.ogg": "OggS....", "x.mp3": "ID3" };

  it("leaves the data readable", async () => {
    const medium = await openSheet(data + ogg, folder);
    expect(Buffer.from(contents(medium.source)).equals(folder["d.iso"])).toBe(true);
    expect(medium.warnings[0]).toContain("t.ogg");
  });

  it("is an error where nothing else is there, or data behind it has no place", async () => {
    await expect(openSheet(ogg, folder)).rejects.toMatchObject({ kind: "unsupported" });
    const behind = `${ogg}FILE d.iso BINARY\nTRACK 03 MODE1/2048\nINDEX 01 00:00:00\n`;
    await expect(openSheet(behind, folder)).rejects.toMatchObject({ kind: "unsupported" });
  });

  it.each([
    ["channels", { channels: 1, rate: 44100, bits: 16 }, 1],
    ["rate", { channels: 2, rate: 48000, bits: 16 }, 1],
    ["bits", { channels: 2, rate: 44100, bits: 24 }, 1],
    ["format", { channels: 2, rate: 44100, bits: 16 }, 3],
  ])("WAVE with other %s", async (_, format, tag) => {
    const sheet = one.replace('"x.bin" BINARY', "w.wav WAVE");
    const wav = writeWave(bin, format, tag);
    await expect(openSheet(sheet, { "w.wav": wav })).rejects.toMatchObject({ kind: "unsupported" });
  });
});

describe("wrong sheets name the line and the value", () => {
  const head = 'FILE "x.bin" BINARY\n';
  it.each([
    ["track 100", `${head}TRACK 100 AUDIO\nINDEX 01 00:00:00`, /line 2: TRACK 100/],
    ["track 0", `${head}TRACK 00 AUDIO\nINDEX 01 00:00:00`, /line 2: TRACK 00/],
    ["tracks that go back", `${one}TRACK 01 AUDIO\nINDEX 01 00:01:00`, /line 4: TRACK 01 follows/],
    ["an absurd time", `${head}TRACK 01 AUDIO\nINDEX 01 99:99:99`, /line 3: INDEX 01 "99:99:99"/],
    ["75 frames", `${head}TRACK 01 AUDIO\nINDEX 01 00:00:75`, /line 3: .*"00:00:75"/],
    ["letters", `${head}TRACK 01 AUDIO\nINDEX 01 xx:yy:0`, /line 3: .*"xx:yy:0"/],
    ["no time", `${head}TRACK 01 AUDIO\nINDEX 01`, /line 3: INDEX 01 ""/],
    ["index 100", `${head}TRACK 01 AUDIO\nINDEX 100 00:00:00`, /line 3: INDEX "100"/],
    ["indexes twice", `${one}INDEX 01 00:01:00`, /line 4: INDEX 01 follows INDEX 1/],
    [
      "overlapping indexes",
      `${one}INDEX 02 00:03:00\nTRACK 02 AUDIO\nINDEX 01 00:02:00`,
      /line 6: INDEX 1 lies before/,
    ],
    [
      "behind the end",
      `${head}TRACK 01 AUDIO\nINDEX 01 50:00:00`,
      /line 3: INDEX 1 of track 1 lies at 0x/,
    ],
    ["no INDEX", `${head}TRACK 01 AUDIO`, /line 2: TRACK 1 has no INDEX 01/],
    [
      "an unknown mode",
      `${head}TRACK 01 MODE3/2352\nINDEX 01 00:00:00`,
      /line 2: track mode "MODE3\/2352"/,
    ],
    [
      "an absurd sector",
      `${head}TRACK 01 MODE1/9999\nINDEX 01 00:00:00`,
      /line 2: track mode "MODE1\/9999"/,
    ],
    [
      "an index before all",
      "TRACK 01 AUDIO\nINDEX 01 00:00:00",
      /line 2: INDEX before the first FILE/,
    ],
    ["a gap before all", `PREGAP 00:00:01\n${one}`, /line 1: PREGAP before/],
    ["a session that goes back", `REM SESSION 2\nREM SESSION 1\n${one}`, /line 2: REM SESSION 1/],
    [
      "a file that leads out",
      one.replace("x.bin", "..\\\\..\\\\etc/passwd"),
      /leads out of the folder/,
    ],
    ["a file named ..", one.replace("x.bin", ".."), /names no file/],
    [
      "data in sound",
      `FILE x.bin WAVE\nTRACK 01 MODE1/2352\nINDEX 01 00:00:00`,
      /line 1: data tracks in "x.bin"/,
    ],
    [
      "a file type",
      `FILE x.bin TAPE\nTRACK 01 AUDIO\nINDEX 01 00:00:00`,
      /line 1: file type "TAPE"/,
    ],
  ])("%s", async (_, sheet, message) => {
    await expect(openSheet(sheet)).rejects.toThrow(message);
    await expect(openSheet(sheet)).rejects.toHaveProperty("name", "ImageError");
  });

  it("a missing file, by its name", async () => {
    const sheet = `FILE "a.bin" BINARY\nTRACK 01 AUDIO\nINDEX 01 00:00:00\nFILE "b.bin" BINARY\nTRACK 02 AUDIO\nINDEX 01 00:00:00`;
    await expect(openSheet(sheet, { "a.bin": bin })).rejects.toMatchObject({
      kind: "missing-neighbour",
      message: expect.stringContaining("b.bin"),
    });
  });

  it("a disc larger than any", async () => {
    const sheet = `${one}${"POSTGAP 9999:59:74\n"}TRACK 02 AUDIO\nPREGAP 9999:59:74\nINDEX 01 00:02:00`;
    const many = Array.from(
      { length: 9 },
      (_, i) =>
        `TRACK 0${i + 1} AUDIO\nPREGAP 9999:59:74\nINDEX 01 00:0${Math.floor(i / 2)}:${(i % 2) * 50}`,
    );
    await expect(openSheet(sheet)).rejects.toMatchObject({ kind: "limit" });
    await expect(openSheet(`FILE x.bin BINARY\n${many.join("\n")}`)).rejects.toMatchObject({
      kind: "limit",
    });
  });
});
