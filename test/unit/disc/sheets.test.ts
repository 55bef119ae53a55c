/** What TOC files, control files and descriptors say wrongly; sessions; CD-Text. */
import { describe, expect, it } from "vitest";
import type { Medium } from "../../../image-core/format.js";
import { writeAlcohol } from "../../fixtures/disc/alcohol-writer.js";
import { writeCloneCd } from "../../fixtures/disc/clonecd-writer.js";
import { concat, contents, type Folder, formatOf, openIn } from "../../fixtures/disc/folder.js";
import { chunk, type NeroTrack, uint32, writeNero } from "../../fixtures/disc/nero-writer.js";
import { noise, samplePcm, swapped } from "../../fixtures/disc/samples.js";
import { encodeImage } from "../../fixtures/disc/sector-encoder.js";

const iso = noise(40 * 2048, 11);
const later = noise(25 * 2048, 12);
const pcm = samplePcm(30, 13);
const SECOND = 40 + 11400;

/** Two sessions of data, as every format with LBAs must place them. */
function expectSessions(medium: Medium): void {
  expect(
    medium.disc?.sessions.map((session) => [
      session.number,
      ...session.tracks.map((track) => [track.startLba, track.length]),
    ]),
  ).toEqual([
    [1, [0, 40]],
    [2, [SECOND, 25]],
  ]);
  const all = contents(medium.source);
  expect(all.length).toBe((SECOND + 25) * 2048);
  expect(Buffer.from(all.subarray(0, iso.length)).equals(iso)).toBe(true);
  expect(Buffer.from(all.subarray(SECOND * 2048)).equals(later)).toBe(true);
  expect(
    Buffer.alloc(SECOND * 2048 - iso.length).equals(all.subarray(iso.length, SECOND * 2048)),
  ).toBe(true);
}

describe("CloneCD", () => {
  const tracks = [
    { session: 1, number: 1, data: true, startLba: 0 },
    { session: 2, number: 2, data: true, startLba: SECOND },
  ];
  const ccd = writeCloneCd(tracks, { 1: 40, 2: SECOND + 25 });
  const first = encodeImage(iso, "mode1");
  const second = encodeImage(later, "form1", SECOND);

  it("sessions one behind the other in the image", async () => {
    expectSessions(await openIn({ "x.ccd": ccd, "x.img": concat(first, second) }, "x.ccd"));
  });

  it("the pregap of the second session in the image as well", async () => {
    const gap = encodeImage(new Uint8Array(150 * 2048), "form1", SECOND - 150);
    expectSessions(await openIn({ "x.ccd": ccd, "x.img": concat(first, gap, second) }, "x.ccd"));
  });

  it("CD-Text, catalog and ISRC", async () => {
    const extra =
      "CATALOG=0000010271955\n[CDText]\nEntries=1\nEntry 0=80 00 00 00 41 42 00 43 44 00 00 00 00 00 00 00\n";
    const sheet = writeCloneCd(
      [{ session: 1, number: 1, data: false, startLba: 0 }],
      { 1: 30 },
      extra,
    );
    const disc = { "x.ccd": sheet.replace("MODE=0", "MODE=0\r\nISRC=USEM39600078"), "x.img": pcm };
    const medium = await openIn(disc, "x.ccd");
    expect(medium.disc?.title).toBe("AB");
    expect(medium.disc?.sessions[0].tracks[0]).toMatchObject({ title: "CD", isrc: "USEM39600078" });
    expect(medium.details.catalog).toBe("0000010271955");
  });

  it.each([
    ["no number", ccd.replace("PLBA=0", "PLBA=abc"), /PLBA|plba="abc" is no number/],
    ["no point", ccd.replace("Point=0x01", ""), /has no point/],
    ["a lead-out before the track", ccd.replace("PLBA=40", "PLBA=-5"), /ends at -5/],
    ["a track before LBA 0", ccd.replace("PLBA=0\r", "PLBA=-7\r"), /begins at LBA -7/],
    ["no entries", "[CloneCD]\n[Disc]\n", /no \[Entry\]/],
    ["a line of nothing", "[CloneCD]\nhello\n", /line 2: "hello"/],
    ["scrambled", ccd.replace("Scrambled=0", "Scrambled=1"), /scrambled/],
    ["session 1000", ccd.replace("Session=2", "Session=1000"), /session 1000/],
    ["far away", ccd.replace(`PLBA=${SECOND + 25}`, "PLBA=999999999"), /no disc has more/],
  ])("%s", async (_, sheet, message) => {
    const disc = { "x.ccd": sheet, "x.img": concat(first, second) };
    await expect(openIn(disc, "x.ccd")).rejects.toThrow(message);
    await expect(openIn(disc, "x.ccd")).rejects.toHaveProperty("name", "ImageError");
  });

  it("an image that is not there", async () => {
    await expect(openIn({ "x.ccd": ccd }, "x.ccd")).rejects.toMatchObject({
      kind: "missing-neighbour",
      message: expect.stringContaining("x.img"),
    });
  });

  it("an image that is cut off: the rest is readable", async () => {
    const medium = await openIn(
      { "x.ccd": ccd, "x.img": concat(first, second.subarray(0, 2352 * 5)) },
      "x.ccd",
    );
    expect(medium.warnings[0]).toContain("track 2 is cut off: 20 of its 25 sectors");
    const sector = new Uint8Array(2048);
    medium.source.read((SECOND + 4) * 2048, sector, 0, 2048);
    expect(Buffer.from(sector).equals(later.subarray(4 * 2048, 5 * 2048))).toBe(true);
    expect(() => medium.source.read((SECOND + 5) * 2048, sector, 0, 2048)).toThrow(/5|ends/);
    const found = [...(medium.verify?.(() => {}) ?? [])].map((finding) => finding.message);
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(`sectors LBA ${SECOND + 5}`);
  });
});

describe("Alcohol", () => {
  const track = (number: number, startLba: number, offset: number, sectors: number) => ({
    session: number,
    number,
    mode: 0xaa,
    sectorBytes: 2048,
    subchannel: false,
    startLba,
    offset,
    sectors,
  });
  const both = [track(1, 0, 0, 40), track(2, SECOND, iso.length, 25)];
  const mds = writeAlcohol({ medium: 1, files: ["*.mdf"], tracks: both });
  const disc = (descriptor: Uint8Array): Folder => ({
    "x.mds": descriptor,
    "x.mdf": concat(iso, later),
  });

  it("sessions", async () => {
    expectSessions(await openIn(disc(mds), "x.mds"));
  });

  it("no footer: the file named like the descriptor", async () => {
    expectSessions(
      await openIn(disc(writeAlcohol({ medium: 1, files: [], tracks: both })), "x.mds"),
    );
  });

  it("MDX is recognised and named", () => {
    const mdx = mds.slice();
    mdx[16] = 2;
    const format = formatOf({ "x.mdx": mdx }, "x.mdx");
    expect([format?.id, format?.load]).toEqual(["mdx", undefined]);
  });

  const patched = (at: number, ...bytes: number[]) => {
    const bad = mds.slice();
    bad.set(bytes, at);
    return bad;
  };
  const block = 88 + 2 * 24;
  it.each([
    ["sessions outside", patched(80, 0xff, 0xff, 0xff, 0xff), "truncated"],
    ["a thousand sessions", patched(20, 0xe8, 3), "corrupt"],
    ["track blocks outside", patched(88 + 20, 0xff, 0xff, 0, 0), "truncated"],
    ["255 track blocks", patched(88 + 10, 255), "truncated"],
    ["an extra block outside", patched(block + 12, 0xf0, 0xff, 0xff, 0xff), "truncated"],
    ["an offset outside", patched(block + 40, 0, 0, 0, 0, 0, 0, 0, 0xff), "corrupt"],
    ["a footer outside", patched(block + 52, 0xff, 0xff, 0xff, 0x7f), "truncated"],
    ["a million files", patched(block + 48, 0x40, 0x42, 0x0f), "corrupt"],
    ["a sector of 7 bytes", patched(block + 16, 7, 0), "unsupported"],
    ["a track before LBA 0", patched(block + 36, 0xff, 0xff, 0xff, 0xff), "corrupt"],
    ["overlapping tracks", patched(block + 80 + 36, 3, 0, 0, 0), "corrupt"],
    ["no tracks", patched(20, 0, 0), "corrupt"],
    ["cut off", mds.subarray(0, 90), "truncated"],
  ])("%s", async (_, bad, kind) => {
    await expect(openIn(disc(bad), "x.mds")).rejects.toMatchObject({ name: "ImageError", kind });
  });
});

describe("Nero", () => {
  const track = (stored: Uint8Array, startLba: number, pregap: number): NeroTrack => ({
    mode: 0,
    sectorBytes: 2048,
    pregap,
    stored,
    startLba,
  });

  it.each([
    [1, "disc"],
    [2, "disc"],
    [1, "track"],
    [2, "track"],
  ] as const)("sessions, version %i, %s at once", async (version, atOnce) => {
    const gap = atOnce === "disc" ? 150 : 0;
    const sessions = [[track(iso, 0, gap)], [track(later, SECOND, gap)]];
    expectSessions(await openIn({ "x.nrg": writeNero({ version, atOnce, sessions }) }, "x.nrg"));
  });

  it("without CUEX the LBAs follow from the offsets", async () => {
    const sessions = [[track(iso, 0, 150)], [track(later, SECOND, 150)]];
    const nrg = writeNero({ version: 2, atOnce: "disc", sessions });
    const bytes = Buffer.from(nrg);
    for (let at = bytes.indexOf("CUEX"); at >= 0; at = bytes.indexOf("CUEX"))
      bytes.write("OLDX", at);
    expectSessions(await openIn({ "x.nrg": new Uint8Array(bytes) }, "x.nrg"));
  });

  it("CD-Text and ISRC", async () => {
    const pack = new Uint8Array(18);
    pack.set([0x80, 0, 0, 0, 0x58, 0x2f, 0x59, 0, 0x5a]);
    const audio = { ...track(pcm, 0, 150), mode: 7, sectorBytes: 2352, isrc: "USEM39600078" };
    const nrg = writeNero({ version: 2, atOnce: "disc", sessions: [[audio]], cdText: pack });
    const medium = await openIn({ "x.nrg": nrg }, "x.nrg");
    expect(medium.disc?.title).toBe("X/Y");
    expect(medium.disc?.sessions[0].tracks[0]).toMatchObject({ title: "Z", isrc: "USEM39600078" });
  });

  const image = (...chunks: Uint8Array[]) =>
    concat(iso, ...chunks, Buffer.from("NER5"), uint32(0), uint32(iso.length));
  const etn = (offset: number, size: number, mode: number, lba: number) =>
    concat(
      uint32(0),
      uint32(offset),
      uint32(0),
      uint32(size),
      uint32(mode),
      uint32(lba),
      uint32(0),
      uint32(0),
    );
  it.each([
    [
      "no chunk of tracks",
      image(chunk("MTYP", uint32(1)), chunk("END!", new Uint8Array(0))),
      /no chunk describes/,
    ],
    [
      "a chunk that leads out",
      image(concat(Buffer.from("ETN2"), uint32(0x7fffffff))),
      /chunk "ETN2" at 0x/,
    ],
    [
      "ten thousand empty chunks",
      image(...Array.from({ length: 10_000 }, () => chunk("XXXX", new Uint8Array(0)))),
      /no chunk describes/,
    ],
    ["a track outside", image(chunk("ETN2", etn(iso.length, 1 << 30, 0, 0))), /of track 1 at 0x/],
    ["an unknown mode", image(chunk("ETN2", etn(0, 2048, 0x44, 0))), /mode 0x44/],
    [
      "overlapping tracks",
      writeNero({
        version: 2,
        atOnce: "disc",
        sessions: [[track(iso, 0, 150), track(later, 1, 0)]],
      }),
      /track 2 begins at LBA 1/,
    ],
    ["a far LBA", image(chunk("ETN2", etn(0, 2048, 0, 0x7fffffff))), /no disc has more/],
    ["a short DAOX", image(chunk("DAOX", new Uint8Array(10))), /chunk DAOX.*10 bytes/],
    ["a huge CDTX", image(chunk("CDTX", new Uint8Array(300_000))), /chunk CDTX/],
  ])("%s", async (_, bad, message) => {
    await expect(openIn({ "x.nrg": bad }, "x.nrg")).rejects.toThrow(message);
    await expect(openIn({ "x.nrg": bad }, "x.nrg")).rejects.toHaveProperty("name", "ImageError");
  });

  it("a footer that points outside is none", () => {
    const bad = concat(iso, Buffer.from("NER5"), uint32(1), uint32(0));
    expect(formatOf({ "x.nrg": bad }, "x.nrg")?.id).not.toBe("nero");
  });
});

describe("cdrdao", () => {
  const one = 'CD_DA\nTRACK AUDIO\nFILE "x.raw" 0\n';
  const open = (sheet: string, folder: Folder = {}) =>
    openIn({ "x.raw": swapped(pcm), ...folder, "x.toc": sheet }, "x.toc");

  it("CD-Text of the first language, escapes", async () => {
    const sheet = `CD_DA
CATALOG "0724385356926" // comment "with quotes"
CD_TEXT { LANGUAGE_MAP { 0 : EN 1: 8 }
  LANGUAGE 0 { TITLE "Disc \\"one\\"" PERFORMER "Us" SIZE_INFO { 1, 2, 255 } }
  LANGUAGE 1 { TITLE "Disque" } }
TRACK AUDIO
NO COPY NO PRE_EMPHASIS TWO_CHANNEL_AUDIO ISRC "USEM39600078"
CD_TEXT { LANGUAGE 0 { TITLE "K\\303\\266nig" PERFORMER "" } }
FILE "x.raw" 0
INDEX 00:00:10`;
    const medium = await open(sheet);
    expect(medium.disc).toMatchObject({ title: 'Disc "one"', performer: "Us" });
    expect(medium.disc?.sessions[0].tracks[0]).toMatchObject({
      title: "König",
      isrc: "USEM39600078",
    });
    expect(medium.details.catalog).toBe("0724385356926");
    const sound = contents(medium.disc?.sessions[0].tracks[0].source ?? medium.source);
    expect(Buffer.from(sound).equals(pcm)).toBe(true);
  });

  it("cuts by samples, which are no sectors", async () => {
    const sheet = 'TRACK AUDIO\nFILE "x.raw" 100 1000\nSILENCE 500\nFILE "x.raw" 7\n';
    const medium = await open(sheet);
    const sound = contents(medium.disc?.sessions[0].tracks[0].source ?? medium.source);
    const expected = concat(pcm.subarray(400, 4400), new Uint8Array(2000), pcm.subarray(28));
    expect(sound.length % 2352).toBe(0);
    expect(Buffer.from(sound.subarray(0, expected.length)).equals(expected)).toBe(true);
    expect(sound.subarray(expected.length).every((byte) => byte === 0)).toBe(true);
  });

  it("a file that is cut off: what is there is read, the rest is an error", async () => {
    const sheet = 'TRACK MODE1\nDATAFILE "d.bin" 00:02:00\n';
    const medium = await open(sheet, { "d.bin": iso.subarray(0, 20 * 2048 + 10) });
    expect(medium.warnings.join()).toMatch(/"d.bin" is cut off, 266230 bytes are missing/);
    const bytes = new Uint8Array(2048);
    medium.source.read(19 * 2048, bytes, 0, 2048);
    expect(Buffer.from(bytes).equals(iso.subarray(19 * 2048, 20 * 2048))).toBe(true);
    for (const sector of [20, 149]) {
      expect(() => medium.source.read(sector * 2048, bytes, 0, 2048)).toThrow(
        expect.objectContaining({ kind: "truncated" }),
      );
    }
  });

  it("CD-Text as cdrdao 1.2.5 writes it, with its encoding", async () => {
    const text =
      'CD_TEXT { LANGUAGE_MAP { 0 : EN }\nLANGUAGE 0 { ENCODING_ISO_8859_1\nTITLE "Café"\nSIZE_INFO { 0, 1,\n 2} } }\n';
    const medium = await open(`CD_DA\n${text}${one}`);
    expect(medium.disc?.title).toBe("Café");
  });

  it("RW: subchannel behind each sector", async () => {
    const sheet = 'TRACK MODE1 RW_RAW\nDATAFILE "d.bin"\n';
    const withRw = new Uint8Array(40 * 2144);
    for (let i = 0; i < 40; i++) withRw.set(iso.subarray(i * 2048, (i + 1) * 2048), i * 2144);
    const medium = await open(sheet, { "d.bin": withRw });
    expect(Buffer.from(contents(medium.source)).equals(iso)).toBe(true);
  });

  it.each([
    ["75 frames", one.replace('" 0', '" 0:0:75'), /line 3: "0:0:75" is no length/],
    ["letters", one.replace('" 0', '" xx:yy:zz'), /line 3: "xx:yy:zz" is no length/],
    ["no catalog", `CATALOG\n${one}`, /line 2: CATALOG needs/],
    ["a short catalog", `CATALOG "123"\n${one}`, /line 1: CATALOG .* not "123"/],
    [
      "an unknown mode",
      one.replace("AUDIO", "MODE9").replace("TRACK", "TRACK AUDIO\nTRACK"),
      /TRACK needs a mode, not "MODE9"/,
    ],
    ["an unknown word", `${one}JUMP 3`, /line 4: "JUMP" is no statement/],
    ["a string alone", `${one}"x"`, /line 4: string "x" alone/],
    ["a string without its end", `${one}ISRC "abc`, /line 4: string "abc without its end/],
    ["a brace without its end", `${one}CD_TEXT { LANGUAGE_MAP { 0 : EN`, /brace is not closed/],
    ["start behind the end", one.replace('" 0', '" 99:00:00'), /line 3: "x.raw" at 0x/],
    ["gigantic silence", "TRACK AUDIO\nSILENCE 9999999999999\n", /line 2: track 1 has/],
    ["a pregap beyond the track", `${one}START 10:00:00`, /a pregap of 45000 of 30 sectors/],
    ["nothing at all", "TRACK AUDIO\nCOPY\n", /no sectors/],
    ["a fifo", 'TRACK AUDIO\nFIFO "/dev/x" 0:1:0', /FIFO/],
    ["a hundred tracks", "TRACK AUDIO\nSILENCE 0:4:0\n".repeat(100), /more than 99 tracks/],
    ["MP3", 'TRACK AUDIO\nFILE "x.mp3" 0', /compressed/],
    ["a path that leads out", one.replace("x.raw", "../x.raw"), /leads out of the folder/],
    ["a missing file", one.replace("x.raw", "y.raw"), /y\.raw/],
  ])("%s", async (_, sheet, message) => {
    await expect(open(sheet, { "x.mp3": "ID3" })).rejects.toThrow(message);
    await expect(open(sheet, { "x.mp3": "ID3" })).rejects.toHaveProperty("name", "ImageError");
  });
});
