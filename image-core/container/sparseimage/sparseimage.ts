/** Opens sparse images: bands of the disk in the order in which they were first written. */
import { corrupt, ImageError } from "../../errors.js";
import type { Medium } from "../../format.js";
import type { ByteSource } from "../../source/byte-source.js";
import { ChunkKind, ChunkTableBuilder } from "../../source/chunk-table.js";
import { ChunkedSource } from "../../source/chunked-source.js";
import { readExactly } from "../../source/read-exactly.js";
import { decodeHeader, decodeIndexNode, FORMAT, NODE_BYTES } from "./structs.js";

const SECTOR_SIZE = 512;
/** In use, some 60 bytes of memory each; with the usual bands of 1 MiB: 4 TiB. */
const MAX_BANDS = 4 * 1024 * 1024;

export function open(source: ByteSource): Medium {
  const header = decodeHeader(readExactly(source, 0, NODE_BYTES, FORMAT, "header"));
  const size = header.totalSectors * SECTOR_SIZE;
  const bandSize = header.sectorsPerBand * SECTOR_SIZE;
  if (bandSize === 0) throw corrupt(FORMAT, "header", 8, "bands of 0 sectors");
  if (!Number.isSafeInteger(size)) throw corrupt(FORMAT, "header", 28, "a size beyond 2^53 bytes");
  const bandCount = Math.ceil(size / bandSize);
  const builder = new ChunkTableBuilder(FORMAT);
  let used = 0;
  let outside = 0;
  let lost = 0;
  const addBands = (node: number, bands: Uint32Array) => {
    for (const [slot, number] of bands.entries()) {
      if (number === 0) continue;
      if (number > bandCount) {
        // An image that was shrunk may keep its last bands.
        outside++;
        continue;
      }
      const position = node + NODE_BYTES + slot * bandSize;
      const start = (number - 1) * bandSize;
      const length = Math.min(bandSize, size - start);
      // hdiutil compact may cut the last band short: what is not there reads as zeros. A band of
      // which nothing is there was lost: an error where it is read.
      const there = source.size - position;
      if (there <= 0) lost++;
      const stored = there <= 0 ? length : Math.min(length, there);
      builder.add(start, stored, ChunkKind.raw, position, stored);
      if (++used > MAX_BANDS) {
        throw new ImageError("limit", FORMAT, `more than ${MAX_BANDS} bands in use`);
      }
    }
  };
  addBands(0, header.bands);
  // A node lies behind the bands of the one before it, so the chain can only go forward.
  let last = 0;
  for (let node = header.nextNodeOffset; node !== 0; ) {
    if (node < last + NODE_BYTES) {
      throw corrupt(FORMAT, "index node", node, "the chain goes backwards");
    }
    last = node;
    const bytes = readExactly(source, node, NODE_BYTES, FORMAT, "index node");
    const index = decodeIndexNode(bytes, node);
    addBands(node, index.bands);
    node = index.nextNodeOffset;
  }
  const table = builder.build(size);
  return {
    source: new ChunkedSource(FORMAT, table, source, () => 0),
    sectorSize: SECTOR_SIZE,
    details: { bandSize, bands: bandCount, bandsUsed: used },
    warnings: [
      ...(outside > 0 ? [`${outside} bands lie behind the end of the disk`] : []),
      ...(lost > 0 ? [`the image ends before ${lost} of ${used} bands, which cannot be read`] : []),
    ],
  };
}
