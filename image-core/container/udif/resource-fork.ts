/** Classic Mac OS resource forks (Inside Macintosh: More Macintosh Toolbox, 1-121). Big-endian. */
import { corrupt } from "../../errors.js";

const HEADER_BYTES = 16;
const MAP_BYTES = 30;
const TYPE_BYTES = 8;
const REFERENCE_BYTES = 12;

/** The data of every resource of `type` (four characters), in the fork's order. Throws `corrupt`. */
export function resourcesOfType(fork: Uint8Array, type: string, format: string): Uint8Array[] {
  const bad = (structure: string, offset: number, problem: string) =>
    corrupt(format, `resource fork's ${structure}`, offset, problem);
  const view = new DataView(fork.buffer, fork.byteOffset, fork.byteLength);
  if (fork.length < HEADER_BYTES) throw bad("header", 0, `${fork.length} bytes`);
  const dataOffset = view.getUint32(0);
  const map = view.getUint32(4);
  if (map + MAP_BYTES > fork.length) throw bad("map", map, "lies behind the end");
  const typeList = map + view.getUint16(map + 24);
  if (typeList + 2 > fork.length) throw bad("type list", typeList, "lies behind the end");
  // Counts are stored less one: 0xffff is none.
  const types = (view.getUint16(typeList) + 1) & 0xffff;
  const found: Uint8Array[] = [];
  let total = 0;
  for (let i = 0; i < types; i++) {
    const entry = typeList + 2 + i * TYPE_BYTES;
    if (entry + TYPE_BYTES > fork.length) throw bad("type list", entry, "runs past the end");
    if (String.fromCharCode(...fork.subarray(entry, entry + 4)) !== type) continue;
    const count = view.getUint16(entry + 4) + 1;
    const references = typeList + view.getUint16(entry + 6);
    for (let j = 0; j < count; j++) {
      const reference = references + j * REFERENCE_BYTES;
      if (reference + REFERENCE_BYTES > fork.length) {
        throw bad("reference list", reference, "runs past the end");
      }
      const start = dataOffset + (view.getUint32(reference + 4) & 0xffffff);
      if (start + 4 > fork.length) throw bad("data", start, "lies behind the end");
      const length = view.getUint32(start);
      if (length > fork.length - start - 4) throw bad("data", start, `${length} bytes long`);
      total += 4 + length;
      // Else a small fork could list the same resource four billion times.
      if (total > fork.length) throw bad("data", start, "belongs to several resources");
      found.push(fork.subarray(start + 4, start + 4 + length));
    }
  }
  return found;
}
