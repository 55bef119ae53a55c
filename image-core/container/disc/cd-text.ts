/**
 * CD-Text as it lies in the lead-in: packs of 18 bytes (MMC-3 annex J).
 *
 * A pack is type, track, sequence number, block and position, 12 bytes of text, CRC. The texts of
 * one type run on from pack to pack, one for the disc and one for each track, each ended by NUL.
 */
import { charsetById } from "../../text/charset.js";

const PACK_BYTES = 18;
const TEXT_BYTES = 12;
const TITLE = 0x80;
const PERFORMER = 0x81;
const UPC_ISRC = 0x8e;
const SIZE_INFO = 0x8f;
/** No block has more packs. */
const MAX_PACKS = 256 * 8;
const MS_JIS = 0x80;

/** Texts by track, the disc's own under 0. */
interface CdText {
  titles: Map<number, string>;
  performers: Map<number, string>;
  isrcs: Map<number, string>;
}

interface Run {
  bytes: number[];
  doubleByte: boolean;
  /** Of the first text in `bytes`. */
  track: number;
}

/**
 * Of the first block, which holds the disc's main language. `packs` may begin with the header of
 * READ TOC. Packs with a wrong CRC are left out, but for those without one (zero).
 */
export function decodeCdText(packs: Uint8Array): CdText {
  // Files hold whole packs, some with a trailing NUL; the answer of a drive, 4 bytes before them.
  const start = packs.length % PACK_BYTES >= 4 && packs[0] < 0x80 ? 4 : 0;
  const count = Math.min(MAX_PACKS, Math.floor((packs.length - start) / PACK_BYTES));
  const runs = new Map<number, Run>();
  let charset = 0;
  for (let i = 0; i < count; i++) {
    const at = start + i * PACK_BYTES;
    const type = packs[at];
    const block = (packs[at + 3] >> 4) & 7;
    if (type < TITLE || type > SIZE_INFO || block !== 0 || !crcFits(packs, at)) continue;
    if (type === SIZE_INFO) {
      if (packs[at + 1] === 0) charset = packs[at + 4];
      continue;
    }
    let run = runs.get(type);
    if (run === undefined) {
      run = { bytes: [], doubleByte: (packs[at + 3] & 0x80) !== 0, track: packs[at + 1] & 0x7f };
      runs.set(type, run);
    }
    for (let k = 0; k < TEXT_BYTES; k++) run.bytes.push(packs[at + 4 + k]);
  }
  return {
    titles: texts(runs.get(TITLE), charset),
    performers: texts(runs.get(PERFORMER), charset),
    isrcs: texts(runs.get(UPC_ISRC), charset),
  };
}

/** What the sheet itself says wins. */
export function applyCdText(
  text: CdText,
  disc: Titled,
  tracks: readonly (Titled & { number: number; isrc?: string })[],
): void {
  disc.title ??= text.titles.get(0);
  disc.performer ??= text.performers.get(0);
  for (const track of tracks) {
    track.title ??= text.titles.get(track.number);
    track.performer ??= text.performers.get(track.number);
    track.isrc ??= text.isrcs.get(track.number);
  }
}

interface Titled {
  title?: string;
  performer?: string;
}

function texts(run: Run | undefined, charsetCode: number): Map<number, string> {
  const found = new Map<number, string>();
  if (run === undefined) return found;
  const charset = charsetById(run.doubleByte || charsetCode === MS_JIS ? "shift_jis" : "latin1");
  const unit = run.doubleByte ? 2 : 1;
  const bytes = Uint8Array.from(run.bytes);
  let track = run.track;
  let before = "";
  for (let start = 0; start < bytes.length && track <= 99; track++) {
    let end = start;
    while (end < bytes.length && !(bytes[end] === 0 && (unit === 1 || bytes[end + 1] === 0))) {
      end += unit;
    }
    // A text that no NUL ends is the padding of the last pack, or cut off.
    let text = end > start ? textOf(bytes, start, Math.min(end, bytes.length), charset.decode) : "";
    // One tab (two in double bytes): the same as the track before.
    if (text === "\t" || text === "\t\t") text = before;
    if (text !== "") found.set(track, text);
    before = text;
    start = end + unit;
  }
  return found;
}

/** Slashes stay: these are titles, not names of files. */
function textOf(
  bytes: Uint8Array,
  start: number,
  end: number,
  decode: (bytes: Uint8Array, start: number, end: number) => string,
): string {
  const parts: string[] = [];
  let from = start;
  for (let i = start; i <= end; i++) {
    if (i < end && bytes[i] !== 0x2f) continue;
    parts.push(i > from ? decode(bytes, from, i) : "");
    from = i + 1;
  }
  return parts.join("/");
}

/** x^16 + x^12 + x^5 + 1 over the first 16 bytes, stored inverted, most significant byte first. */
function crcFits(packs: Uint8Array, at: number): boolean {
  const stored = (packs[at + 16] << 8) | packs[at + 17];
  if (stored === 0) return true;
  let crc = 0;
  for (let i = at; i < at + 16; i++) {
    crc ^= packs[i] << 8;
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1;
    crc &= 0xffff;
  }
  return (crc ^ 0xffff) === stored;
}
