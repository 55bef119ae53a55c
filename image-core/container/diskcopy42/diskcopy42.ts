/** Opens Disk Copy 4.2 images: the sectors as they are, behind a header and before their tags. */
import type { Medium, VerifyFinding } from "../../format.js";
import type { ByteSource } from "../../source/byte-source.js";
import { readExactly } from "../../source/read-exactly.js";
import { SliceSource } from "../../source/slice-source.js";
import { type DiskCopyHeader, decodeHeader, FORMAT, HEADER_BYTES } from "./structs.js";
import { wrappedData } from "./wrapped-data.js";

/** The first sector's tags are left out of their checksum, as in Disk Copy itself. */
const SKIPPED_TAG_BYTES = 12;
const BUFFER_BYTES = 64 * 1024;
const HEAD_BYTES = 4096;

export function open(file: ByteSource): Medium {
  const head = readExactly(file, 0, Math.min(HEAD_BYTES, file.size), FORMAT, "header");
  const source = wrappedData(head, file) ?? file;
  const header = decodeHeader(readExactly(source, 0, HEADER_BYTES, FORMAT, "header"), source.size);
  return {
    source: new SliceSource(source, HEADER_BYTES, header.dataSize),
    sectorSize: 512,
    details: { tags: header.tagSize > 0, encoding: header.diskFormat, format: header.formatByte },
    warnings: [],
    verify: (progress) => verify(source, header, progress),
  };
}

function* verify(
  source: ByteSource,
  header: DiskCopyHeader,
  progress: (done: number, total: number) => void,
): Iterable<VerifyFinding> {
  const { dataSize, tagSize, dataChecksum, tagChecksum } = header;
  const total = dataSize + tagSize;
  const tags = HEADER_BYTES + dataSize;
  for (const [title, start, size, stored, done] of [
    ["data", HEADER_BYTES, dataSize, dataChecksum, 0],
    ["tags", tags + SKIPPED_TAG_BYTES, tagSize - SKIPPED_TAG_BYTES, tagChecksum, dataSize],
  ] as const) {
    if (size <= 0) continue;
    const computed = checksum(source, start, size);
    progress(done + size, total);
    if (computed !== stored) {
      yield {
        message: `${title} at 0x${start.toString(16)}, ${size} bytes: checksum 0x${computed.toString(16)} instead of 0x${stored.toString(16)}`,
      };
    }
  }
}

/** For each big-endian word: add it, rotate right by one. */
function checksum(source: ByteSource, start: number, size: number): number {
  const buffer = new Uint8Array(BUFFER_BYTES);
  let sum = 0;
  for (let done = 0; done < size; ) {
    const got = source.read(start + done, buffer, 0, Math.min(BUFFER_BYTES, size - done));
    if (got === 0) break;
    for (let i = 0; i + 1 < got; i += 2) {
      sum = (sum + ((buffer[i] << 8) | buffer[i + 1])) | 0;
      sum = (sum >>> 1) | (sum << 31);
    }
    done += got;
  }
  return sum >>> 0;
}
