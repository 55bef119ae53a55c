/**
 * Opens UDIF images (.dmg of Mac OS X): a data fork of chunks, block tables that say which sectors
 * each chunk holds, and a trailer that says where all of it lies.
 *
 * Not read: images whose only data lie in a shadow file; partitions marked as remote.
 */
import { decodeAdc } from "../../codec/adc.js";
import { decodeBzip2 } from "../../codec/bzip2.js";
import { decodeLzfse } from "../../codec/lzfse.js";
import { decodeXz } from "../../codec/xz.js";
import { decodeZlib } from "../../codec/zlib.js";
import { corrupt, ImageError, unsupported } from "../../errors.js";
import type { Medium, OpenContext } from "../../format.js";
import type { ByteSource } from "../../source/byte-source.js";
import { ChunkKind, type ChunkTable, ChunkTableBuilder } from "../../source/chunk-table.js";
import { ChunkedSource } from "../../source/chunked-source.js";
import { readExactly } from "../../source/read-exactly.js";
import { verifyUdif } from "./checksum.js";
import type { Koly } from "./koly.js";
import {
  addChunks,
  ChunkCounts,
  CODEC_TITLES,
  decodeMish,
  KIND_ADC,
  KIND_BZIP2,
  KIND_LZFSE,
  KIND_LZMA,
  KIND_MISFIT,
  KIND_UNKNOWN,
  KIND_ZLIB,
  type Mish,
  SECTOR_SIZE,
} from "./mish.js";
import { type PlistValue, parsePlist } from "./plist.js";
import { resourcesOfType } from "./resource-fork.js";
import {
  chunkData,
  dataFork,
  openSegments,
  readSegment,
  type Segment,
  SegmentedFork,
} from "./segments.js";

/** 40 bytes a chunk and base64 make 55 MB for a million chunks. */
const MAX_XML = 128 * 1024 * 1024;
const MAX_RESOURCE_FORK = 64 * 1024 * 1024;

export function open(source: ByteSource, context: OpenContext): Medium {
  const first = readSegment(context.name, source);
  if (first === undefined) throw corrupt("udif", "trailer", source.size, "there is none");
  const segments = openSegments(first, context);
  const warnings: string[] = [];
  const tables = readBlockTables(segments, warnings);
  const sectorCount = segments[0].koly.sectorCount;
  if (tables === undefined) {
    // A read/write image that hdiutil closed with a trailer: the data fork is the disk.
    const stored = segments.length === 1 ? dataFork(segments[0]) : new SegmentedFork(segments);
    return {
      source: stored,
      sectorSize: SECTOR_SIZE,
      details: { compression: "none", segments: segments.length },
      warnings: [],
      verify: (progress) =>
        verifyUdif({ segments, blocks: [], table: EMPTY_TABLE, disk: stored }, progress),
    };
  }
  const stored = segments.length === 1 ? chunkData(segments[0]) : new SegmentedFork(segments);
  const { table, blocks, compression } = buildTable(tables, sectorCount, warnings);
  const disk = new ChunkedSource("udif", table, stored, decodeChunk, context.chunkStore);
  return {
    source: disk,
    sectorSize: SECTOR_SIZE,
    details: {
      compression,
      chunks: table.count,
      partitions: blocks.length,
      segments: segments.length,
    },
    warnings: [...warnings, ...outsideWarnings(table, stored.size)],
    verify: (progress) => verifyUdif({ segments, blocks, table, disk }, progress),
  };
}

const EMPTY_TABLE = new ChunkTableBuilder("udif").build(0);

/** The block tables of the first segment that has any; undefined where none has. */
function readBlockTables(
  segments: readonly Segment[],
  warnings: string[],
): Uint8Array[] | undefined {
  for (const { source, koly, resourceFork } of segments) {
    if (koly.xmlLength === 0) {
      if (koly.rsrcForkLength > 0) return readResourceFork(source, koly);
      if (resourceFork !== undefined && resourceFork.size > 0) {
        return readResourceFork(resourceFork, {
          rsrcForkOffset: 0,
          rsrcForkLength: resourceFork.size,
        });
      }
      continue;
    }
    try {
      return readPropertyList(source, koly);
    } catch (error) {
      if (!(error instanceof ImageError) || koly.rsrcForkLength === 0) throw error;
      // Mac OS X 10.1 and 10.2 wrote the tables in both dresses.
      const tables = resourceForkOrNone(source, koly);
      if (tables === undefined) throw error;
      warnings.push(`${error.message}; the resource fork was used`);
      return tables;
    }
  }
  return undefined;
}

function readPropertyList(source: ByteSource, koly: Koly): Uint8Array[] {
  if (koly.xmlLength > MAX_XML) {
    throw new ImageError("limit", "udif", `a property list of ${koly.xmlLength} bytes`);
  }
  const xml = readExactly(source, koly.xmlOffset, koly.xmlLength, "udif", "property list");
  return tablesOfPlist(parsePlist(xml, "udif"), koly.xmlOffset);
}

function readResourceFork(
  source: ByteSource,
  { rsrcForkOffset, rsrcForkLength }: Pick<Koly, "rsrcForkOffset" | "rsrcForkLength">,
): Uint8Array[] {
  if (rsrcForkLength > MAX_RESOURCE_FORK) {
    throw new ImageError("limit", "udif", `a resource fork of ${rsrcForkLength} bytes`);
  }
  const fork = readExactly(source, rsrcForkOffset, rsrcForkLength, "udif", "resource fork");
  const tables = resourcesOfType(fork, "blkx", "udif");
  if (tables.length === 0) {
    throw corrupt("udif", "resource fork", rsrcForkOffset, "no blkx resource");
  }
  return tables;
}

function resourceForkOrNone(source: ByteSource, koly: Koly): Uint8Array[] | undefined {
  try {
    return readResourceFork(source, koly);
  } catch (error) {
    if (!(error instanceof ImageError)) throw error;
    return undefined;
  }
}

/** `resource-fork` > `blkx` > each one's `Data`. */
function tablesOfPlist(plist: PlistValue, offset: number): Uint8Array[] {
  const forks = plist instanceof Map ? plist.get("resource-fork") : undefined;
  const blkx = forks instanceof Map ? forks.get("blkx") : undefined;
  if (!Array.isArray(blkx)) {
    throw corrupt("udif", "property list", offset, "no array resource-fork/blkx");
  }
  return blkx.map((entry, i) => {
    const data = entry instanceof Map ? entry.get("Data") : undefined;
    if (data instanceof Uint8Array) return data;
    throw corrupt("udif", "property list", offset, `blkx ${i} has no Data`);
  });
}

function buildTable(
  tables: readonly Uint8Array[],
  sectorCount: number,
  warnings: string[],
): { table: ChunkTable; blocks: Mish[]; compression: string } {
  const builder = new ChunkTableBuilder("udif");
  const counts = new ChunkCounts();
  const blocks: Mish[] = [];
  // Some writers leave the trailer's sector count at 0.
  let sectors = sectorCount;
  for (const [index, bytes] of tables.entries()) {
    const mish = decodeMish(bytes, index);
    addChunks(bytes, mish, index, builder, counts);
    blocks.push(mish);
    sectors = Math.max(sectors, mish.sectorNumber + mish.sectorCount);
  }
  if (counts.sectors > sectors) {
    warnings.push(`the chunks hold ${counts.sectors} sectors, their tables count ${sectors}`);
    sectors = counts.sectors;
  }
  if (!Number.isSafeInteger(sectors * SECTOR_SIZE)) {
    throw corrupt("udif", "trailer", 492, `${sectors} sectors end beyond 2^53 bytes`);
  }
  const used = CODEC_TITLES.filter((_, codec) => counts.codecs[codec] > 0);
  if (counts.unknown > 0) {
    const type = `0x${counts.firstUnknown.toString(16)}`;
    if (used.length === 0) throw unsupported("udif", `chunks of the unknown type ${type}`);
    warnings.push(`${counts.unknown} chunks of unknown type (${type}) cannot be read`);
  }
  return {
    table: builder.build(sectors * SECTOR_SIZE),
    blocks,
    compression: used.length === 0 ? "none" : used.join(", "),
  };
}

function decodeChunk(kind: number, input: Uint8Array, output: Uint8Array): number {
  switch (kind) {
    case KIND_ADC:
      return decodeAdc(input, output);
    case KIND_ZLIB:
      return decodeZlib(input, output);
    case KIND_BZIP2:
      return decodeBzip2(input, output);
    case KIND_LZFSE:
      return decodeLzfse(input, output);
    case KIND_LZMA:
      return decodeXz(input, output);
    case KIND_MISFIT:
      throw corrupt("udif", "raw chunk", 0, `${input.length} bytes for ${output.length}`);
    case KIND_UNKNOWN:
      throw unsupported("udif", "a chunk of unknown type");
    default:
      throw unsupported("udif", `codec ${kind}`);
  }
}

function outsideWarnings(table: ChunkTable, size: number): string[] {
  let outside = 0;
  for (let i = 0; i < table.count; i++) {
    const isStored = table.kinds[i] !== ChunkKind.zero && table.kinds[i] !== ChunkKind.absent;
    if (isStored && table.positions[i] + table.lengths[i] > size) outside++;
  }
  return outside === 0
    ? []
    : [`${outside} of ${table.count} chunks end behind the image's data and cannot be read`];
}
