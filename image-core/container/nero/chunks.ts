/** The chain of chunks at the end of a Nero image. */
import { corrupt } from "../../errors.js";
import type { ByteSource } from "../../source/byte-source.js";
import { readExactly } from "../../source/read-exactly.js";
import { ascii, type Footer } from "./structs.js";

const ID = "nero";
const HEADER_BYTES = 8;
/** Half a dozen chunks a session. */
const MAX_CHUNKS = 1000;
/** The largest, CDTX with all languages, has 36,864 bytes. */
const MAX_CHUNK_BYTES = 256 * 1024;

export interface Chunk {
  id: string;
  /** Of its header. */
  position: number;
  data: DataView;
}

/** In the order of the file, which is that of sessions. Ends at `END!`. */
export function* chunks(source: ByteSource, footer: Footer): Generator<Chunk> {
  const end = source.size - (footer.version === 2 ? 12 : 8);
  let position = footer.offset;
  for (let i = 0; i < MAX_CHUNKS; i++) {
    if (position + HEADER_BYTES > end) return;
    const header = readExactly(source, position, HEADER_BYTES, ID, "chunk");
    const view = new DataView(header.buffer);
    const id = ascii(view, 0);
    const size = view.getUint32(4);
    if (id === "END!") return;
    if (position + HEADER_BYTES + size > end) {
      throw corrupt(
        ID,
        `chunk ${JSON.stringify(id)}`,
        position,
        `${size} bytes, ${end - position} are left`,
      );
    }
    if (KNOWN.has(id)) {
      if (size > MAX_CHUNK_BYTES) {
        throw corrupt(ID, `chunk ${id}`, position, `${size} bytes, more than ${MAX_CHUNK_BYTES}`);
      }
      const bytes = readExactly(source, position + HEADER_BYTES, size, ID, `chunk ${id}`);
      yield { id, position, data: new DataView(bytes.buffer) };
    }
    position += HEADER_BYTES + size;
  }
}

const KNOWN: ReadonlySet<string> = new Set([
  "CUES",
  "CUEX",
  "DAOI",
  "DAOX",
  "ETNF",
  "ETN2",
  "SINF",
  "MTYP",
  "CDTX",
]);
