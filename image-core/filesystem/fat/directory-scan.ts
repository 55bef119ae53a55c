/** Which entries of a directory are objects, each with the long name that belongs to it. */
import { ATTR_VOLUME_ID, DELETED, END_OF_DIRECTORY, isDots } from "./directory-record.js";
import type { DirectoryStream } from "./directory-stream.js";
import { ATTR_LONG_NAME, LongName } from "./long-name.js";

/**
 * The entry that `stream` stands at. `slot`: where its set begins, `next` where the next one may.
 * Returning false ends the scan.
 */
type VisitObject = (long: string | undefined, slot: number, next: number) => boolean;

export function scanDirectory(stream: DirectoryStream, from: number, visit: VisitObject): void {
  const long = new LongName();
  for (let slot = from; stream.seek(slot); slot++) {
    const { bytes, offset } = stream;
    const first = bytes[offset];
    if (first === END_OF_DIRECTORY) return;
    const attr = bytes[offset + 11];
    if (first === DELETED) {
      long.drop();
    } else if ((attr & 0x3f) === ATTR_LONG_NAME) {
      long.accept(bytes, offset, slot);
    } else if ((attr & ATTR_VOLUME_ID) !== 0 || isDots(bytes, offset)) {
      long.drop();
    } else {
      const begin = long.slot;
      const name = long.take(bytes, offset);
      if (!visit(name, name === undefined ? slot : begin, slot + 1)) return;
    }
  }
}
