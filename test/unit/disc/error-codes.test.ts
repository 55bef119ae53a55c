/** EDC and ECC against sectors that other programs made, and against damage. */
import { describe, expect, it } from "vitest";
import { checkEcc } from "../../../image-core/container/disc/ecc.js";
import { edc, storedEdc } from "../../../image-core/container/disc/edc.js";
import { concat, openIn } from "../../fixtures/disc/folder.js";
import { noise } from "../../fixtures/disc/samples.js";
import { encodeSector, type SectorKind } from "../../fixtures/disc/sector-encoder.js";
import { corpusBytes, corpusMissing } from "../../support/corpus.js";

const KINDS: SectorKind[] = ["mode1", "form1", "form2", "form2-without-edc"];

function sectors(kind: SectorKind, count = 20): Uint8Array {
  const bytes = kind.startsWith("form2") ? 2324 : 2048;
  const all: Uint8Array[] = [];
  for (let i = 0; i < count; i++) all.push(encodeSector(noise(bytes, i + 1), i, kind));
  return concat(...all);
}

async function findings(bin: Uint8Array): Promise<string[]> {
  const medium = await openIn({ "x.bin": bin }, "x.bin");
  return [...(medium.verify?.(() => {}) ?? [])].map((finding) => finding.message);
}

it("knows the codes of sectors by another program", ({ skip }) => {
  skip(corpusMissing !== undefined, corpusMissing);
  const bin = corpusBytes("img/libcdio/isofs-m1.bin");
  for (let at = 0; at + 2352 <= bin.length; at += 2352) {
    expect(storedEdc(bin, at + 2064)).toBe(edc(bin, at, 2064));
    expect(checkEcc(bin, at)).toEqual({ badP: 0, badQ: 0 });
    const user = bin.subarray(at + 16, at + 2064);
    // The fixture's own encoder, too, is measured with real sectors.
    expect(
      Buffer.from(encodeSector(user, at / 2352, "mode1")).equals(bin.subarray(at, at + 2352)),
    ).toBe(true);
  }
});

describe("verify", () => {
  it.each(KINDS)("finds nothing in whole sectors: %s", async (kind) => {
    expect(await findings(sectors(kind))).toEqual([]);
  });

  it.each(["mode1", "form1", "form2"] as const)("names one bad bit: %s", async (kind) => {
    const bin = sectors(kind);
    bin[3 * 2352 + 1000] ^= 0x10;
    const [message, ...others] = await findings(bin);
    expect(others).toEqual([]);
    expect(message).toMatch(/^sector LBA 3 \(00:02:03\): EDC 0x[0-9a-f]+ instead of 0x[0-9a-f]+$/);
  });

  it.each([2100, 2300])("finds damage in the ECC at %i alone", async (at) => {
    const bin = sectors("mode1");
    bin[5 * 2352 + at] ^= 1;
    const [message, ...others] = await findings(bin);
    expect(others).toEqual([]);
    expect(message).toMatch(/^sector LBA 5 \(00:02:05\): ECC: \d of 86 P and \d of 52 Q/);
  });

  it("gathers neighbours, and keeps kinds apart", async () => {
    const bin = sectors("mode1");
    for (const sector of [4, 5, 6, 9]) bin[sector * 2352 + 500] ^= 1;
    bin[7 * 2352 + 2200] ^= 1;
    const found = await findings(bin);
    expect(found.map((message) => message.split(":").slice(0, 3).join(":"))).toEqual([
      "sectors LBA 4 (00:02:04) to LBA 6 (00",
      "sector LBA 7 (00:02:07)",
      "sector LBA 9 (00:02:09)",
    ]);
  });

  it("reports progress to the end", async () => {
    const medium = await openIn({ "x.bin": sectors("form1", 100) }, "x.bin");
    const seen: number[] = [];
    for (const _ of medium.verify?.((done, total) => seen.push(done / total)) ?? [])
      expect(_).toBe(0);
    expect(seen.at(-1)).toBe(1);
    expect([...seen].sort((a, b) => a - b)).toEqual(seen);
  });

  it("names sectors that a declared track lost", async () => {
    const bin = sectors("mode1");
    bin.fill(0, 6 * 2352, 7 * 2352);
    const sheet = 'FILE "x.bin" BINARY\nTRACK 01 MODE1/2352\nINDEX 01 00:00:00\n';
    const medium = await openIn({ "x.cue": sheet, "x.bin": bin }, "x.cue");
    const found = [...(medium.verify?.(() => {}) ?? [])].map((finding) => finding.message);
    expect(found).toEqual(["sector LBA 6 (00:02:06): no sync pattern"]);
  });
});
