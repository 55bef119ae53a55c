/**
 * The two forks of a classic Mac OS file inside one plain file: MacBinary I to III, AppleSingle and
 * AppleDouble (RFC 1740, appendices A and B). Big-endian.
 */
import type { ByteSource } from "../../source/byte-source.js";
import { SliceSource } from "../../source/slice-source.js";

export interface MacForks {
  wrapper: "MacBinary" | "AppleSingle" | "AppleDouble";
  /** Undefined for AppleDouble, whose data fork is a file of its own. */
  data?: ByteSource;
  resource: ByteSource;
}

const MACBINARY_BYTES = 128;
const MACBINARY_MAX_NAME = 63;
/** Resource forks cannot be longer than 16 MiB; MacBinary's own bound on either fork. */
const MACBINARY_MAX_FORK = 0x7fffff00;
const APPLE_SINGLE = 0x00051600;
const APPLE_DOUBLE = 0x00051607;
const APPLE_ENTRIES = 26;
const ENTRY_BYTES = 12;
const MAX_ENTRIES = 64;
const ENTRY_DATA_FORK = 1;
const ENTRY_RESOURCE_FORK = 2;

/** `head`: the file's first bytes, 1 KiB or more where there are as many. Never throws. */
export function macForks(head: Uint8Array, source: ByteSource): MacForks | undefined {
  if (head.length < MACBINARY_BYTES) return undefined;
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const magic = view.getUint32(0);
  if (magic === APPLE_SINGLE || magic === APPLE_DOUBLE) return appleForks(view, magic, source);
  return macBinaryForks(head, view, source);
}

function appleForks(view: DataView, magic: number, source: ByteSource): MacForks | undefined {
  const count = Math.min(view.getUint16(24), MAX_ENTRIES);
  let data: ByteSource | undefined;
  let resource: ByteSource | undefined;
  for (let i = 0; i < count; i++) {
    const entry = APPLE_ENTRIES + i * ENTRY_BYTES;
    if (entry + ENTRY_BYTES > view.byteLength) return undefined;
    const id = view.getUint32(entry);
    const start = view.getUint32(entry + 4);
    const length = view.getUint32(entry + 8);
    if (start + length > source.size) return undefined;
    if (id === ENTRY_DATA_FORK) data = new SliceSource(source, start, length);
    else if (id === ENTRY_RESOURCE_FORK) resource = new SliceSource(source, start, length);
  }
  if (resource === undefined) return undefined;
  if (magic === APPLE_DOUBLE) return { wrapper: "AppleDouble", resource };
  return { wrapper: "AppleSingle", data: data ?? new SliceSource(source, 0, 0), resource };
}

/** MacBinary has no signature to speak of: fields that must be 0 and lengths that must fit. */
function macBinaryForks(
  head: Uint8Array,
  view: DataView,
  source: ByteSource,
): MacForks | undefined {
  const nameLength = head[1];
  if (head[0] !== 0 || head[74] !== 0 || head[82] !== 0) return undefined;
  if (nameLength === 0 || nameLength > MACBINARY_MAX_NAME) return undefined;
  const dataLength = view.getUint32(83);
  const resourceLength = view.getUint32(87);
  if (dataLength > MACBINARY_MAX_FORK || resourceLength > MACBINARY_MAX_FORK) return undefined;
  const dataStart = MACBINARY_BYTES + roundUp(view.getUint16(120));
  const resourceStart = dataStart + roundUp(dataLength);
  if (dataStart + dataLength > source.size) return undefined;
  if (resourceLength > 0 && resourceStart + resourceLength > source.size) return undefined;
  // Nothing but padding and a comment may follow: what is far shorter than the file is no MacBinary.
  if (resourceStart + roundUp(resourceLength) + 0x10000 < source.size) return undefined;
  return {
    wrapper: "MacBinary",
    data: new SliceSource(source, dataStart, dataLength),
    resource: new SliceSource(source, resourceStart, resourceLength),
  };
}

function roundUp(length: number): number {
  return (length + 127) & ~127;
}
