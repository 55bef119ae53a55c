/** $FILE_NAME: the name of a file in one directory; also the key of directory index entries. */
import { utf16Name } from "../../text/utf16.js";
import { le16, recordNumber } from "./little-endian.js";

const NAME_OFFSET = 0x42;
const NAMESPACE_DOS = 2;

export interface FileName {
  /** Record number of the directory. */
  parent: number;
  /** As shown. */
  name: string;
}

/** Undefined for a DOS name (an alias of a longer one) and for what does not hold a name. */
export function decodeFileName(
  bytes: Uint8Array,
  start: number,
  end: number,
): FileName | undefined {
  if (start + NAME_OFFSET > end) return undefined;
  const units = bytes[start + 0x40];
  const nameStart = start + NAME_OFFSET;
  if (units === 0 || nameStart + 2 * units > end) return undefined;
  if (bytes[start + 0x41] === NAMESPACE_DOS) return undefined;
  return {
    parent: recordNumber(bytes, start),
    name: utf16Name(bytes, nameStart, nameStart + 2 * units, true),
  };
}

/** FILETIME, 100 ns since 1601, as seconds since 1970 and nanoseconds. */
export interface Time {
  seconds: number;
  nanoseconds: number;
}

const TICKS = 10_000_000;
const EPOCH_1601 = 11_644_473_600;
/** Of the high word: about the year 16,000. What is later is shown as that. */
const LATEST = 2 ** 30;

export function decodeTime(bytes: Uint8Array, offset: number): Time {
  const low = le16(bytes, offset) + le16(bytes, offset + 2) * 65536;
  const high = Math.min(le16(bytes, offset + 4) + le16(bytes, offset + 6) * 65536, LATEST);
  // 2^32 ticks are 429 seconds and 4,967,296 ticks: every product stays below 2^53.
  const rest = high * 4_967_296 + low;
  return {
    seconds: high * 429 + Math.floor(rest / TICKS) - EPOCH_1601,
    nanoseconds: (rest % TICKS) * 100,
  };
}
