/** The sequence of descriptors that an anchor leads to (ECMA-167 3/8.4.2, UDF 2.2.3). */
import type { ByteSource } from "../../source/byte-source.js";
import { decodeExtentAd, type ExtentAd } from "./allocation-descriptor.js";
import { descriptorProblem, TagIdentifier, tagIdentifier, u32 } from "./descriptor-tag.js";
import { readIfThere } from "./read-if-there.js";
import {
  decodeLogicalVolume,
  decodePartition,
  decodePrimaryVolume,
  type LogicalVolumeDescriptor,
  type PartitionDescriptor,
  type PrimaryVolumeDescriptor,
} from "./volume-descriptors.js";

/** Those that prevail: of each the one with the highest sequence number. */
export interface VolumeDescriptors {
  primaryVolume?: PrimaryVolumeDescriptor;
  /** By identifier as stored; nearly always one. */
  logicalVolumes: LogicalVolumeDescriptor[];
  /** By partition number. */
  partitions: Map<number, PartitionDescriptor>;
  /** Descriptors left out because they are damaged. */
  problems: string[];
}

/** Descriptors in all, and extents that pointers lead to: far more than any writer records. */
const MAX_DESCRIPTORS = 4096;
const MAX_EXTENTS = 64;

export function readSequence(
  source: ByteSource,
  sectorSize: number,
  extent: ExtentAd,
): VolumeDescriptors {
  const prevailing = new Map<string, Uint8Array>();
  const problems: string[] = [];
  for (const bytes of descriptors(source, sectorSize, extent, problems)) {
    const key = keyOf(bytes);
    const former = prevailing.get(key);
    if (former === undefined || sequenceNumber(bytes) >= sequenceNumber(former)) {
      prevailing.set(key, bytes);
    }
  }
  const found: VolumeDescriptors = { logicalVolumes: [], partitions: new Map(), problems };
  for (const bytes of prevailing.values()) {
    switch (tagIdentifier(bytes, 0)) {
      case TagIdentifier.PrimaryVolumeDescriptor:
        found.primaryVolume ??= decodePrimaryVolume(bytes);
        break;
      case TagIdentifier.LogicalVolumeDescriptor:
        found.logicalVolumes.push(decodeLogicalVolume(bytes));
        break;
      case TagIdentifier.PartitionDescriptor: {
        const partition = decodePartition(bytes);
        found.partitions.set(partition.partitionNumber, partition);
        break;
      }
    }
  }
  return found;
}

/** Every sound descriptor in the order recorded, whole sectors each. */
function* descriptors(
  source: ByteSource,
  sectorSize: number,
  first: ExtentAd,
  problems: string[],
): Generator<Uint8Array> {
  let extent = first;
  let sector = extent.location;
  let extents = 1;
  for (let count = 0; count < MAX_DESCRIPTORS; count++, sector++) {
    if ((sector - extent.location + 1) * sectorSize > extent.length) return;
    const bytes = new Uint8Array(sectorSize);
    if (readIfThere(source, sector * sectorSize, bytes, sectorSize) < sectorSize) {
      problems.push(
        `the volume descriptor sequence is unreadable, or goes beyond the image, at sector ${sector}`,
      );
      return;
    }
    const identifier = tagIdentifier(bytes, 0);
    if (identifier === 0 || identifier === TagIdentifier.TerminatingDescriptor) return;
    const problem = descriptorProblem(bytes, 0, bytes.length, sector);
    if (problem !== undefined) {
      problems.push(`volume descriptor of type ${identifier} in sector ${sector}: ${problem}`);
    } else if (identifier === TagIdentifier.VolumeDescriptorPointer) {
      extent = decodeExtentAd(bytes, 20);
      // The loop adds one.
      sector = extent.location - 1;
      if (++extents > MAX_EXTENTS) {
        problems.push(
          `the volume descriptor sequence goes on through more than ${MAX_EXTENTS} extents`,
        );
        return;
      }
    } else yield bytes;
  }
}

/** The same for descriptors of which one prevails (ECMA-167 3/8.4.3). */
function keyOf(bytes: Uint8Array): string {
  const identifier = tagIdentifier(bytes, 0);
  let [start, end] = [0, 0];
  if (identifier === TagIdentifier.PartitionDescriptor) [start, end] = [22, 24];
  if (identifier === TagIdentifier.LogicalVolumeDescriptor) [start, end] = [84, 212];
  return `${identifier} ${Buffer.from(bytes.subarray(start, end)).toString("latin1")}`;
}

/** It lies in the same place in each. */
function sequenceNumber(bytes: Uint8Array): number {
  return u32(bytes, 16);
}
