/** The checksums that UDIF carries, and what they are taken over. */
import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import { at, ImageError } from "../../errors.js";
import type { VerifyFinding } from "../../format.js";
import type { ByteSource } from "../../source/byte-source.js";
import { ChunkKind, type ChunkTable } from "../../source/chunk-table.js";
import type { UdifChecksum } from "./koly.js";
import { type Mish, SECTOR_SIZE } from "./mish.js";
import { dataFork, type Segment } from "./segments.js";

const TYPE_NONE = 0;
const TYPE_CRC32 = 2;
/** Hashes are told apart by their size in bits. */
const HASH_BY_SIZE = new Map([
  [128, "md5"],
  [160, "sha1"],
  [256, "sha256"],
  [384, "sha384"],
  [512, "sha512"],
]);
const BUFFER_BYTES = 256 * 1024;

interface Digest {
  title: string;
  update(bytes: Uint8Array): void;
  /** Hexadecimal. */
  finish(): string;
}

/** Undefined where there is no checksum, or one that nobody documented. */
function digestFor({ type, size }: UdifChecksum): Digest | undefined {
  if (type === TYPE_NONE) return undefined;
  if (size === 32 && type === TYPE_CRC32) {
    let crc = 0;
    return {
      title: "CRC32",
      update: (bytes) => {
        crc = crc32(bytes, crc);
      },
      finish: () => crc.toString(16).padStart(8, "0"),
    };
  }
  const algorithm = HASH_BY_SIZE.get(size);
  if (algorithm === undefined) return undefined;
  const hash = createHash(algorithm);
  return {
    title: algorithm.toUpperCase(),
    update: (bytes) => void hash.update(bytes),
    finish: () => hash.digest("hex"),
  };
}

export interface VerifiedImage {
  segments: readonly Segment[];
  blocks: readonly Mish[];
  table: ChunkTable;
  disk: ByteSource;
}

/** Checks the data forks, every block table's data and the master checksum. */
export function* verifyUdif(
  image: VerifiedImage,
  progress: (done: number, total: number) => void,
): Iterable<VerifyFinding> {
  const { segments, blocks } = image;
  let total = 0;
  for (const { koly } of segments) total += koly.dataForkLength;
  let blockBytes = 0;
  for (const mish of blocks) blockBytes += mish.sectorCount * SECTOR_SIZE;
  total += blockBytes;
  let done = 0;
  const advance = (bytes: number) => {
    done += bytes;
    progress(done, total);
  };
  for (const segment of segments) {
    const fork = dataFork(segment);
    const range = `${segment.name}: data fork at 0x${segment.koly.dataForkOffset.toString(16)}, ${segment.koly.dataForkLength} bytes`;
    yield* compare(range, segment.koly.dataForkChecksum, (digest) =>
      feed(fork, 0, Math.min(fork.size, segment.koly.dataForkLength), digest, advance),
    );
  }
  if (blockBytes > image.disk.size) {
    // Else an image of a few kilobytes could ask for the same terabytes ten thousand times.
    yield { message: `block tables of ${blockBytes} bytes on a disk of ${image.disk.size}` };
    return;
  }
  for (const [index, mish] of blocks.entries()) {
    const range = `block table ${index}: sectors ${mish.sectorNumber} to ${mish.sectorNumber + mish.sectorCount - 1}`;
    yield* compare(range, mish.checksum, (digest) => feedBlock(image, mish, digest, advance));
  }
  if (blocks.length === 0) return;
  yield* compare("master checksum", segments[0].koly.masterChecksum, (digest) => {
    for (const mish of blocks) digest.update(mish.checksum.data);
  });
}

function* compare(
  range: string,
  stored: UdifChecksum,
  fill: (digest: Digest) => void,
): Iterable<VerifyFinding> {
  const digest = digestFor(stored);
  if (digest === undefined) return;
  try {
    fill(digest);
  } catch (error) {
    if (!(error instanceof ImageError)) throw error;
    yield { message: `${range}: ${error.message}` };
    return;
  }
  const computed = digest.finish();
  const expected = Buffer.from(stored.data).toString("hex");
  if (computed !== expected) {
    yield { message: `${range}: ${digest.title} ${computed} instead of ${expected}` };
  }
}

/** A block table's data without what is absent: sectors that were free when the image was made. */
function feedBlock(
  { table, disk }: VerifiedImage,
  mish: Mish,
  digest: Digest,
  advance: (bytes: number) => void,
): void {
  const start = mish.sectorNumber * SECTOR_SIZE;
  const end = start + mish.sectorCount * SECTOR_SIZE;
  for (let i = chunkAt(table, start); i < table.count && table.starts[i] < end; i++) {
    const from = Math.max(start, table.starts[i]);
    const to = Math.min(end, table.starts[i + 1]);
    if (to <= from) continue;
    if (table.kinds[i] === ChunkKind.absent) advance(to - from);
    else feed(disk, from, to, digest, advance);
  }
}

/** The chunk that holds `position`. */
function chunkAt(table: ChunkTable, position: number): number {
  let low = 0;
  let high = table.count;
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if (table.starts[middle] <= position) low = middle;
    else high = middle;
  }
  return low;
}

function feed(
  source: ByteSource,
  from: number,
  to: number,
  digest: Digest,
  advance: (bytes: number) => void,
): void {
  const buffer = new Uint8Array(Math.min(BUFFER_BYTES, to - from));
  for (let position = from; position < to; ) {
    const got = source.read(position, buffer, 0, Math.min(buffer.length, to - position));
    if (got === 0) throw new ImageError("truncated", "udif", `nothing ${at(position)}`);
    digest.update(buffer.subarray(0, got));
    position += got;
    advance(got);
  }
}
