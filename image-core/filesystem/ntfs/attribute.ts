/** Attributes of a file record: their headers, resident and not. */
import { ImageError } from "../../errors.js";
import { FORMAT } from "./boot-sector.js";
import { le16, le32, le64 } from "./little-endian.js";
import { utf16Units } from "./utf16-units.js";

export const AttributeType = {
  standardInformation: 0x10,
  attributeList: 0x20,
  fileName: 0x30,
  volumeName: 0x60,
  volumeInformation: 0x70,
  data: 0x80,
  indexRoot: 0x90,
  indexAllocation: 0xa0,
  bitmap: 0xb0,
  reparsePoint: 0xc0,
  ea: 0xe0,
} as const;

const END = 0xffffffff;
const MAX_ATTRIBUTES = 4096;

/** Of an attribute's flags. */
const COMPRESSION_MASK = 0x00ff;
const COMPRESSED = 0x0001;
const ENCRYPTED = 0x4000;
const SPARSE = 0x8000;

/** One attribute, or one piece of it where a list spreads it over several records. */
export interface Attribute {
  type: number;
  /** UTF-16 units as a string, unpaired surrogates and all; empty for most. */
  name: string;
  compressed: boolean;
  encrypted: boolean;
  /** The value itself where it is resident: a view of the record. */
  value: Uint8Array | undefined;
  /** Of what is not resident. */
  lowestVcn: number;
  mappingPairs: Uint8Array;
  compressionUnit: number;
  allocatedSize: number;
  dataSize: number;
  initializedSize: number;
  /** Bytes on disk of what is compressed or sparse. */
  compressedSize: number;
}

const NOTHING = new Uint8Array(0);

/** All attributes of a fixed-up record. `structure` names it in errors, which are `corrupt`. */
export function decodeAttributes(record: Uint8Array, structure: string): Attribute[] {
  const wrong = (problem: string) => new ImageError("corrupt", FORMAT, `${structure}: ${problem}`);
  const used = Math.min(le32(record, 0x18), record.length);
  const attributes: Attribute[] = [];
  for (let at = le16(record, 0x14); ; ) {
    if (at + 4 > used) throw wrong("attributes have no end");
    const type = le32(record, at);
    if (type === END) return attributes;
    const length = at + 16 <= used ? le32(record, at + 4) : 0;
    if (length < 16 || length % 8 !== 0 || at + length > used) {
      throw wrong(`attribute 0x${type.toString(16)} at ${at} has length ${length}`);
    }
    if (attributes.length === MAX_ATTRIBUTES) throw wrong("too many attributes");
    const bytes = record.subarray(at, at + length);
    const attribute = decodeAttribute(bytes, type);
    if (attribute === undefined) {
      throw wrong(`attribute 0x${type.toString(16)} at ${at} does not fit its ${length} bytes`);
    }
    attributes.push(attribute);
    at += length;
  }
}

/** Undefined where its parts do not fit it. */
function decodeAttribute(bytes: Uint8Array, type: number): Attribute | undefined {
  const nameLength = bytes[9];
  const nameOffset = le16(bytes, 10);
  const flags = le16(bytes, 12);
  if (nameOffset + 2 * nameLength > bytes.length) return undefined;
  const attribute: Attribute = {
    type,
    name: nameLength === 0 ? "" : utf16Units(bytes, nameOffset, nameLength),
    compressed: (flags & COMPRESSION_MASK) === COMPRESSED,
    encrypted: (flags & ENCRYPTED) !== 0,
    value: undefined,
    lowestVcn: 0,
    mappingPairs: NOTHING,
    compressionUnit: 0,
    allocatedSize: 0,
    dataSize: 0,
    initializedSize: 0,
    compressedSize: 0,
  };
  if (bytes[8] === 0) {
    if (bytes.length < 24) return undefined;
    const length = le32(bytes, 0x10);
    const offset = le16(bytes, 0x14);
    if (offset + length > bytes.length) return undefined;
    attribute.value = bytes.subarray(offset, offset + length);
    attribute.dataSize = attribute.initializedSize = length;
    return attribute;
  }
  if (bytes.length < 0x40) return undefined;
  const pairs = le16(bytes, 0x20);
  if (pairs > bytes.length) return undefined;
  attribute.lowestVcn = le64(bytes, 0x10);
  attribute.mappingPairs = bytes.subarray(pairs);
  attribute.compressionUnit = bytes[0x22];
  attribute.allocatedSize = le64(bytes, 0x28);
  attribute.dataSize = le64(bytes, 0x30);
  attribute.initializedSize = le64(bytes, 0x38);
  // Windows gives sparse files no compression unit any more, but the size that belongs to one.
  const packed = (flags & (COMPRESSION_MASK | SPARSE)) !== 0 && pairs >= 0x48;
  attribute.compressedSize = packed ? le64(bytes, 0x40) : attribute.allocatedSize;
  return attribute;
}
