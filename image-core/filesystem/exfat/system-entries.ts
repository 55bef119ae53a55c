/** Entries of the root directory that describe the volume. exFAT specification 1.00, 7.1 to 7.3, 7.5. */
import { utf16Name } from "../../text/utf16.js";
import { type DirectoryStream, ENTRY_BYTES } from "../fat/directory-stream.js";
import {
  ALLOCATION_BITMAP,
  decodeStreamExtension,
  END_OF_DIRECTORY,
  type StreamExtension,
  TEXFAT_PADDING,
  UPCASE_TABLE,
  u32,
  VOLUME_GUID,
  VOLUME_LABEL,
} from "./entries.js";
import { MAX_UPCASE_BYTES, tableChecksum, UpcaseTable } from "./upcase-table.js";

const MAX_LABEL_UNITS = 11;

export interface SystemEntries {
  label: string;
  guid: string | undefined;
  texfat: boolean;
  upcase: UpcaseTable | undefined;
  bitmap: StreamExtension | undefined;
}

/** `readWhole` reads what an entry points at, up to a limit. What is amiss goes to `warnings`. */
export function decodeSystemEntries(
  stream: DirectoryStream,
  readWhole: (extension: StreamExtension, limit: number) => Uint8Array,
  warnings: string[],
): SystemEntries {
  const found: SystemEntries = {
    label: "",
    guid: undefined,
    texfat: false,
    upcase: undefined,
    bitmap: undefined,
  };
  for (let slot = 0; stream.seek(slot); slot++) {
    const type = stream.bytes[stream.offset];
    if (type === END_OF_DIRECTORY) break;
    if (type === TEXFAT_PADDING) found.texfat = true;
    if (![ALLOCATION_BITMAP, UPCASE_TABLE, VOLUME_LABEL, VOLUME_GUID].includes(type)) continue;
    // Copied, since reading what it points at may take the cache's block.
    const entry = stream.bytes.slice(stream.offset, stream.offset + ENTRY_BYTES);
    if (type === VOLUME_LABEL) found.label = volumeLabel(entry);
    else if (type === VOLUME_GUID) found.guid = volumeGuid(entry);
    else if (type === ALLOCATION_BITMAP) found.bitmap ??= pointedAt(entry);
    else {
      const bytes = readWhole(pointedAt(entry), MAX_UPCASE_BYTES);
      if (tableChecksum(bytes) === u32(entry, 4)) found.upcase ??= new UpcaseTable(bytes);
    }
  }
  if (found.upcase === undefined) {
    warnings.push("no up-case table with a right checksum: Unicode's upper case is used instead");
  }
  return found;
}

/** Cluster and length stand where a Stream Extension has them; these always have a chain. */
function pointedAt(entry: Uint8Array): StreamExtension {
  return { ...decodeStreamExtension(entry, 0), noFatChain: false };
}

function volumeLabel(entry: Uint8Array): string {
  const units = Math.min(entry[1], MAX_LABEL_UNITS);
  return units === 0 ? "" : utf16Name(entry, 2, 2 + 2 * units, true);
}

/** The first three groups are little-endian. */
function volumeGuid(entry: Uint8Array): string {
  const order = [9, 8, 7, 6, 11, 10, 13, 12, 14, 15, 16, 17, 18, 19, 20, 21];
  const hex = order.map((i) => entry[i].toString(16).padStart(2, "0")).join("");
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    hex.slice(12, 16),
    hex.slice(16, 20),
    hex.slice(20),
  ].join("-");
}
