/** The `.` record that every directory begins with (ECMA-119 6.8.2.2), and what it tells. */
import { dotIdentifier, RECORD_HEAD, recordDataLength, recordExtent } from "./directory-record.js";
import type { IsoImage } from "./iso-image.js";
import { RecordCursor } from "./record-cursor.js";

/** Is the record at `cursor` a `.`, and does it say that its directory begins there? */
function isDot(image: IsoImage, cursor: RecordCursor): boolean {
  const { bytes, at, position } = cursor;
  if (dotIdentifier(bytes, at) !== 0) return false;
  const block = recordExtent(bytes, at, image.blocks) + bytes[at + 1];
  return block * image.blockSize === position;
}

/** Bytes of the directory that begins at `start`, by its `.` record; 0 where none is there. */
export function directoryLength(image: IsoImage, start: number): number {
  if (start <= 0 || start + RECORD_HEAD >= image.source.size) return 0;
  const cursor = new RecordCursor(image);
  cursor.open(start, start + 256);
  if (!cursor.step() || cursor.position !== start || !isDot(image, cursor)) return 0;
  return recordDataLength(cursor.bytes, cursor.at, image.source.size);
}
