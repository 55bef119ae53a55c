/** From a file entry's allocation descriptors to extents (ECMA-167 4/8.8, 4/12, 4/14.5). */
import { corrupt, ImageError } from "../../errors.js";
import {
  type AllocationDescriptor,
  decodeExtAd,
  decodeLongAd,
  decodeShortAd,
  EXT_AD_LENGTH,
  ExtentType,
  LONG_AD_LENGTH,
  SHORT_AD_LENGTH,
} from "./allocation-descriptor.js";
import type { BlockSpace } from "./block-space.js";
import { TagIdentifier, u32 } from "./descriptor-tag.js";
import { type ByteRun, Extents, HOLE } from "./extents.js";
import { AllocationType, type FileEntry } from "./file-entry.js";

/** Pieces of one file; 1 TB in the most scattered way that a real writer was ever seen to choose. */
const MAX_RUNS = 1 << 20;

/** Bytes of an Allocation Extent Descriptor before its allocation descriptors. */
const AED_HEADER_LENGTH = 24;

/**
 * Where the file's bytes lie. `copy`: which recording of a partition that has several. Runs beyond
 * the information length are left out; those missing before it show when they are read.
 */
export function fileExtents(space: BlockSpace, entry: FileEntry, copy = 0): Extents {
  const size = entry.informationLength;
  if (entry.allocationType === AllocationType.embedded) {
    const length = Math.min(size, entry.allocationDescriptors.length);
    return Extents.from([entry.position + entry.allocationOffset, length]);
  }
  const runs: number[] = [];
  let covered = 0;
  for (const extent of allocationDescriptors(space, entry)) {
    if (covered >= size) break;
    const length = Math.min(extent.length, size - covered);
    covered += length;
    if (extent.type !== ExtentType.recorded) runs.push(HOLE, length);
    else pushRuns(space, extent, length, copy, runs);
    if (runs.length > 2 * MAX_RUNS) {
      throw new ImageError(
        "limit",
        "udf",
        `the file at block ${entry.block} lies in more than ${MAX_RUNS} pieces`,
      );
    }
  }
  return Extents.from(runs);
}

const run: ByteRun = { position: 0, length: 0 };

/** An extent goes on through as many places as its partition has it in. */
function pushRuns(
  space: BlockSpace,
  extent: AllocationDescriptor,
  length: number,
  copy: number,
  runs: number[],
): void {
  const partition = space.partition(extent.partition);
  let { block } = extent;
  for (let left = length; left > 0; ) {
    const blocks = Math.ceil(left / space.blockSize);
    partition.find(block, blocks, Math.min(copy, partition.copies - 1), run);
    const count = Math.min(run.length, left);
    runs.push(run.position, count);
    block += count / space.blockSize;
    left -= count;
  }
}

/** Every extent in order; continuations are followed, each once. */
function* allocationDescriptors(
  space: BlockSpace,
  entry: FileEntry,
): Generator<AllocationDescriptor> {
  const { allocationType } = entry;
  const length = descriptorLength(entry);
  let bytes = entry.allocationDescriptors;
  let partition = entry.partition;
  let followed: Set<string> | undefined;
  for (let at = 0; at + length <= bytes.length; ) {
    const extent = decode(bytes, at, allocationType, partition);
    at += length;
    if (extent.length === 0) return;
    if (extent.type !== ExtentType.continuation) {
      yield extent;
      continue;
    }
    const address = `${extent.partition}:${extent.block}`;
    followed ??= new Set();
    if (followed.has(address)) {
      throw corrupt(
        "udf",
        "allocation extent",
        extent.block * space.blockSize,
        "occurs twice in one file's chain",
      );
    }
    followed.add(address);
    const descriptor = space.descriptor(
      extent,
      [TagIdentifier.AllocationExtentDescriptor],
      "allocation extent",
    );
    const used = Math.min(u32(descriptor.bytes, 20), space.blockSize - AED_HEADER_LENGTH);
    bytes = descriptor.bytes.slice(AED_HEADER_LENGTH, AED_HEADER_LENGTH + used);
    partition = extent.partition;
    at = 0;
  }
}

function descriptorLength(entry: FileEntry): number {
  switch (entry.allocationType) {
    case AllocationType.short:
      return SHORT_AD_LENGTH;
    case AllocationType.long:
      return LONG_AD_LENGTH;
    case AllocationType.extended:
      return EXT_AD_LENGTH;
    default:
      throw corrupt(
        "udf",
        "file entry",
        entry.position,
        `allocation descriptors of type ${entry.allocationType}`,
      );
  }
}

function decode(
  bytes: Uint8Array,
  at: number,
  allocationType: number,
  partition: number,
): AllocationDescriptor {
  if (allocationType === AllocationType.short) return decodeShortAd(bytes, at, partition);
  if (allocationType === AllocationType.long) return decodeLongAd(bytes, at);
  return decodeExtAd(bytes, at);
}
