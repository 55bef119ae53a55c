/**
 * Windows' icons: a directory of one icon in several sizes and depths, in an `.ico` file or as a
 * resource of a program. Each is a PNG or a device-independent bitmap.
 */
import { corrupt, ImageError } from "../../../image-core/errors.js";
import { readIconBitmap } from "./icon-bitmap.js";
import { bestFirst, type Picture } from "./picture.js";
import { isPng, readPng } from "./png-reader.js";

/** In one directory. */
const MAX_ICONS = 256;
const HEADER_BYTES = 6;
const ENTRY_BYTES = 16;

/** A line of the directory, and where to find what it stands for. */
export interface IconEntry {
  /** Pixels. */
  width: number;
  /** A pixel; 0 where the directory does not say. */
  bits: number;
  data: Uint8Array;
}

export function isIco(bytes: Uint8Array): boolean {
  return bytes[0] === 0 && bytes[1] === 0 && bytes[2] === 1 && bytes[3] === 0;
}

/** Throws ImageError where there is none that can be read. */
export function readIco(bytes: Uint8Array): Picture {
  if (!isIco(bytes)) throw corrupt("ico", "header", 0, "these bytes are something else");
  const entries = readDirectory(bytes, ENTRY_BYTES, (view, position) => {
    const length = view.getUint32(position + 8, true);
    const start = view.getUint32(position + 12, true);
    return start + length <= bytes.length ? bytes.subarray(start, start + length) : undefined;
  });
  return readBest(entries);
}

/**
 * The lines of a directory whose icons are there. `find` gets a line's position; its first eight
 * bytes are the same in a file and in a resource.
 */
export function readDirectory(
  bytes: Uint8Array,
  entryBytes: number,
  find: (view: DataView, position: number) => Uint8Array | undefined,
): IconEntry[] {
  if (bytes.length < HEADER_BYTES) {
    throw corrupt("ico", "directory", 0, `it has ${bytes.length} bytes`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const count = view.getUint16(4, true);
  if (count > MAX_ICONS || HEADER_BYTES + count * entryBytes > bytes.length) {
    throw corrupt("ico", "directory", 4, `${count} icons in ${bytes.length} bytes`);
  }
  const entries: IconEntry[] = [];
  for (let i = 0; i < count; i++) {
    const position = HEADER_BYTES + i * entryBytes;
    const data = find(view, position);
    if (data === undefined) continue;
    // 0 stands for 256.
    const width = bytes[position] || 256;
    entries.push({ width, bits: view.getUint16(position + 6, true), data });
  }
  return entries;
}

/** The icon in the size that suits best, and there in the most colours. Throws ImageError. */
export function readBest(entries: readonly IconEntry[]): Picture {
  const sorted = [...entries].sort((a, b) => bestFirst(a.width, b.width) || b.bits - a.bits);
  let problem: ImageError | undefined;
  for (const { data } of sorted) {
    try {
      return isPng(data) ? readPng(data) : readIconBitmap(data);
    } catch (error) {
      if (!(error instanceof ImageError)) throw error;
      problem ??= error;
    }
  }
  throw problem ?? corrupt("ico", "directory", 0, "it has no icon");
}
