/**
 * Sheets: the small text files that describe a disc whose data lies beside them.
 *
 * The structure of every sheet is ASCII; titles and file names are in whatever charset the author's
 * system had. So a sheet is read as bytes, one to a character, and only what people wrote is decoded.
 */
import { ImageError } from "../../errors.js";
import type { OpenContext } from "../../format.js";
import type { ByteSource } from "../../source/byte-source.js";
import { readExactly } from "../../source/read-exactly.js";
import { type Charset, charsetById } from "../../text/charset.js";
import { detectCharset } from "../../text/detect.js";

/** No sheet of 99 tracks with every field filled comes near. */
export const MAX_SHEET_BYTES = 1024 * 1024;

/** Of what is judged to tell the charset: enough for any disc's titles. */
const MAX_SAMPLE_BYTES = 8 * 1024;
/** Characters of a complaint: it quotes the sheet. */
const MAX_PROBLEM = 300;

export interface Sheet {
  /** One byte to a character, without byte order mark. Newlines are `\n` only. */
  text: string;
  /** What a part of `text` says. */
  decode(part: string): string;
}

export function readSheet(source: ByteSource, context: OpenContext, format: string): Sheet {
  if (source.size > MAX_SHEET_BYTES) {
    throw new ImageError(
      "limit",
      format,
      `the sheet has ${source.size} bytes, more than ${MAX_SHEET_BYTES}`,
    );
  }
  const bytes = withoutMark(readExactly(source, 0, source.size, format, "sheet"));
  const text = Buffer.from(bytes.bytes).toString("latin1").replace(/\r\n?/g, "\n");
  const charset = sheetCharset(bytes, context);
  return { text, decode: (part) => decode(part, charset) };
}

/** Whether `head` can be the beginning of a sheet: text, no control characters that no text has. */
export function looksLikeText(head: Uint8Array): boolean {
  if (utf16Order(head) !== undefined) return true;
  const end = Math.min(head.length, 4096);
  for (let i = 0; i < end; i++) {
    const byte = head[i];
    // Tab, newlines, form feed; some editors end a file with Ctrl-Z, some with NULs.
    if (byte < 0x20 && !(byte >= 9 && byte <= 13)) {
      if (i > 0 && (byte === 0x1a || byte === 0)) return restIsPadding(head, i);
      return false;
    }
  }
  return end > 0;
}

/** The beginning of a sheet for a probe, one byte to a character. */
export function sheetHead(head: Uint8Array): string {
  return Buffer.from(withoutMark(head).bytes).toString("latin1");
}

export function sheetError(format: string, line: number, problem: string): ImageError {
  const shown = problem.length > MAX_PROBLEM ? `${problem.slice(0, MAX_PROBLEM)}...` : problem;
  return new ImageError("corrupt", format, `line ${line}: ${shown}`);
}

function restIsPadding(head: Uint8Array, from: number): boolean {
  for (let i = from; i < head.length; i++) {
    if (head[i] !== 0 && head[i] !== 0x1a && head[i] !== 10 && head[i] !== 13) return false;
  }
  return true;
}

interface Marked {
  bytes: Uint8Array;
  /** The byte order mark said so. */
  unicode: boolean;
}

/** UTF-8 without the mark, also of UTF-16; other charsets as they are. Without padding behind. */
function withoutMark(bytes: Uint8Array): Marked {
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) {
    return { bytes: trimmed(bytes.subarray(3)), unicode: true };
  }
  const order = utf16Order(bytes);
  if (order !== undefined) return { bytes: trimmed(fromUtf16(bytes, order)), unicode: true };
  return { bytes: trimmed(bytes), unicode: false };
}

function utf16Order(bytes: Uint8Array): "le" | "be" | undefined {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return "le";
  return bytes[0] === 0xfe && bytes[1] === 0xff ? "be" : undefined;
}

function trimmed(bytes: Uint8Array): Uint8Array {
  let end = bytes.length;
  while (end > 0 && (bytes[end - 1] === 0 || bytes[end - 1] === 0x1a)) end--;
  return bytes.subarray(0, end);
}

function fromUtf16(bytes: Uint8Array, order: "le" | "be"): Uint8Array {
  return Buffer.from(new TextDecoder(`utf-16${order}`).decode(bytes));
}

function sheetCharset({ bytes, unicode }: Marked, context: OpenContext): Charset {
  if (unicode) return charsetById("utf-8");
  if (context.options.charset !== undefined) return charsetById(context.options.charset);
  return detectCharset(quoted(bytes));
}

/** What people wrote: the quoted parts that are not ASCII. */
function quoted(bytes: Uint8Array): Uint8Array[] {
  const text = Buffer.from(bytes).toString("latin1");
  const parts: Uint8Array[] = [];
  let room = MAX_SAMPLE_BYTES;
  for (const line of text.split(/[\r\n]/)) {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the range of ASCII.
    if (!/[^\x00-\x7f]/.test(line)) continue;
    const value = /"([^"]*)"/.exec(line)?.[1] ?? line;
    const part = Buffer.from(value, "latin1").subarray(0, room);
    parts.push(part);
    room -= part.length;
    if (room === 0) break;
  }
  return parts;
}

/** Slashes are kept: they separate folders in a file name, and are mere characters in a title. */
function decode(part: string, charset: Charset): string {
  return part
    .split("/")
    .map((piece) => {
      if (piece === "" || piece === "." || piece === "..") return piece;
      return charset.decode(Buffer.from(piece, "latin1"), 0, piece.length);
    })
    .join("/");
}
