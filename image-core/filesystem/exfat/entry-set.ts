/** Entry sets: a File entry, its Stream Extension and its File Name entries. exFAT specification 1.00, 7.4 to 7.7. */
import { at } from "../../errors.js";
import { utf16Name } from "../../text/utf16.js";
import type { DirectoryStream } from "../fat/directory-stream.js";
import {
  ATTR_DIRECTORY,
  decodeStreamExtension,
  FILE_NAME,
  STREAM_EXTENSION,
  type StreamExtension,
  setChecksum,
  u16,
} from "./entries.js";

/** One Stream Extension and 17 names of 15 units. */
const MAX_SECONDARIES = 18;
const UNITS_PER_NAME = 15;

interface EntrySet {
  name: string;
  position: number;
  directory: boolean;
  extension: StreamExtension;
  /** How many entries. */
  length: number;
  /** `SetChecksum` is right. */
  checked: boolean;
}

const nameBytes = new Uint8Array(MAX_SECONDARIES * UNITS_PER_NAME * 2);

/**
 * The set that begins with the File entry at `slot`, where `stream` stands. Undefined, with the
 * reason in `stream.problem`, where it is damaged. A wrong checksum alone is none: cameras and old
 * drivers leave some, and Linux shows what is otherwise in order.
 */
export function readEntrySet(stream: DirectoryStream, slot: number): EntrySet | undefined {
  const { position } = stream;
  const secondaryCount = stream.bytes[stream.offset + 1];
  const checksum = u16(stream.bytes, stream.offset + 2);
  const directory = (u16(stream.bytes, stream.offset + 4) & ATTR_DIRECTORY) !== 0;
  let extension: StreamExtension | undefined;
  let nameLength = 0;
  let names = 0;
  /** Stream Extension first, then names without a gap. */
  let inOrder = true;
  let sum = setChecksum(0, stream.bytes, stream.offset);
  for (let i = 1; i <= secondaryCount; i++) {
    // What `seek` says of the image's end stays as the problem.
    if (!stream.seek(slot + i)) return undefined;
    const { bytes, offset } = stream;
    sum = setChecksum(sum, bytes, offset);
    if (i === 1 && bytes[offset] === STREAM_EXTENSION) {
      extension = decodeStreamExtension(bytes, offset);
      nameLength = bytes[offset + 3];
    } else if (bytes[offset] === FILE_NAME && i <= MAX_SECONDARIES) {
      nameBytes.set(bytes.subarray(offset + 2, offset + 32), names * UNITS_PER_NAME * 2);
      names++;
      inOrder &&= i === names + 1;
    }
  }
  const checked = sum === checksum;
  const problem =
    !checked && !(inOrder && names === Math.ceil(nameLength / UNITS_PER_NAME))
      ? `checksum 0x${sum.toString(16)} instead of 0x${checksum.toString(16)}`
      : extension === undefined
        ? "no Stream Extension"
        : nameLength === 0 || nameLength > names * UNITS_PER_NAME
          ? `a name of ${nameLength} units in ${names} entries`
          : undefined;
  if (problem !== undefined || extension === undefined) {
    stream.problem ??= `entry set ${at(position)}: ${problem}`;
    return undefined;
  }
  return {
    name: utf16Name(nameBytes, 0, nameLength * 2, true),
    position,
    directory,
    extension,
    length: secondaryCount + 1,
    checked,
  };
}
