/** Opens 2IMG images in ProDOS block order: the blocks as they are, behind a header. */
import { corrupt, unsupported } from "../../errors.js";
import type { Medium } from "../../format.js";
import type { ByteSource } from "../../source/byte-source.js";
import { readExactly } from "../../source/read-exactly.js";
import { SliceSource } from "../../source/slice-source.js";
import { decodeHeader, FORMAT, HEADER_BYTES, isTwoImg } from "./structs.js";

const BLOCK_SIZE = 512;
const PRODOS_ORDER = 1;

export function open(source: ByteSource): Medium {
  const bytes = readExactly(source, 0, HEADER_BYTES, FORMAT, "header");
  if (!isTwoImg(bytes)) throw corrupt(FORMAT, "header", 0, "no signature 2IMG");
  const header = decodeHeader(bytes);
  if (header.format !== PRODOS_ORDER) {
    throw unsupported(FORMAT, header.format === 0 ? "DOS 3.3 sector order" : "nibble data");
  }
  const size = header.dataLength || header.blocks * BLOCK_SIZE;
  if (header.dataOffset >= source.size) {
    throw corrupt(
      FORMAT,
      "header",
      24,
      `data of ${size} bytes at ${header.dataOffset} in an image of ${source.size}`,
    );
  }
  // Some writers state more than there is; the disk is what there is.
  const data = new SliceSource(source, header.dataOffset, size);
  return {
    source: data,
    sectorSize: BLOCK_SIZE,
    details: { blocks: Math.floor(data.size / BLOCK_SIZE) },
    warnings:
      data.size < size ? [`the header counts ${size} bytes of data, there are ${data.size}`] : [],
  };
}
