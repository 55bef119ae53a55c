/** Putting a logical volume together: descriptors, partitions, integrity, the root (ECMA-167 4/3.1). */
import { at, corrupt, ImageError } from "../../errors.js";
import type { ByteSource } from "../../source/byte-source.js";
import { fileExtents } from "./allocation.js";
import type { Anchor } from "./anchor.js";
import { type BlockAddress, BlockSpace } from "./block-space.js";
import { TagIdentifier, tagIdentifier } from "./descriptor-tag.js";
import type { Extents } from "./extents.js";
import { readFileEntry } from "./icb.js";
import { readIntegrity } from "./integrity-sequence.js";
import {
  MetadataPartition,
  MissingPartition,
  type Partition,
  PhysicalPartition,
  SparablePartition,
  VirtualPartition,
} from "./partition.js";
import { decodePartitionMaps, type PartitionMap } from "./partition-map.js";
import { readSparingTable } from "./sparing-table.js";
import { findVirtualAllocationTable } from "./virtual-allocation-table.js";
import { readSequence, type VolumeDescriptors } from "./volume-descriptor-sequence.js";
import {
  decodeFileSet,
  type FileSetDescriptor,
  type LogicalVolumeDescriptor,
  type LogicalVolumeIntegrityDescriptor,
  type PrimaryVolumeDescriptor,
} from "./volume-descriptors.js";

export interface LogicalVolume {
  descriptor: LogicalVolumeDescriptor;
  primaryVolume?: PrimaryVolumeDescriptor;
  integrity?: LogicalVolumeIntegrityDescriptor;
  space: BlockSpace;
  root: BlockAddress;
  features: string[];
  warnings: string[];
}

/** `end`: of what is recorded, in bytes; virtual allocation tables are searched from there. */
export function openLogicalVolume(
  source: ByteSource,
  anchor: Anchor,
  end: number,
  localOffset: (secondsSince1970: number) => number,
): LogicalVolume {
  const { sectorSize } = anchor;
  const warnings: string[] = [];
  const volume = volumeDescriptors(source, anchor, warnings);
  const descriptor = volume.logicalVolumes[0];
  if (volume.logicalVolumes.length > 1) {
    warnings.push(`${volume.logicalVolumes.length} logical volumes, the first is shown`);
  }
  const blockSize = descriptor.logicalBlockSize;
  if (blockSize < 512 || blockSize > 32768 || (blockSize & (blockSize - 1)) !== 0) {
    throw new ImageError("corrupt", "udf", `logical volume descriptor: block size ${blockSize}`);
  }
  if (descriptor.domainIdentifier !== "*OSTA UDF Compliant") {
    warnings.push(`the domain is ${JSON.stringify(descriptor.domainIdentifier)}, not UDF`);
  }
  const space = new BlockSpace(source, blockSize, localOffset);
  const builder = new PartitionBuilder(space, volume, sectorSize, end, warnings);
  const maps = decodePartitionMaps(descriptor);
  builder.build(maps);
  const integrity = readIntegrity(source, sectorSize, descriptor.integritySequenceExtent);
  if (integrity === undefined) warnings.push("no logical volume integrity descriptor");
  else if (integrity.integrityType === 0) {
    warnings.push("the volume was not closed after it was last written to");
  }
  const fileSet = readFileSet(space, descriptor, warnings);
  const { primaryVolume } = volume;
  const { features } = builder;
  const root = fileSet.rootDirectoryIcb;
  return { descriptor, primaryVolume, integrity, space, root, features, warnings };
}

/** Of the main sequence, or else of the reserve. */
function volumeDescriptors(
  source: ByteSource,
  anchor: Anchor,
  warnings: string[],
): VolumeDescriptors {
  const extents = [
    anchor.mainVolumeDescriptorSequenceExtent,
    anchor.reserveVolumeDescriptorSequenceExtent,
  ];
  for (const extent of extents) {
    const found = readSequence(source, anchor.sectorSize, extent);
    warnings.push(...found.problems.slice(0, 4));
    if (found.logicalVolumes.length > 0 && found.partitions.size > 0) return found;
    warnings.push(`no complete volume descriptor sequence in sector ${extent.location}`);
  }
  throw new ImageError(
    "corrupt",
    "udf",
    `anchor ${at(anchor.sector * anchor.sectorSize)}: ${warnings.join("; ")}`,
  );
}

class PartitionBuilder {
  readonly features: string[] = [];

  constructor(
    private readonly space: BlockSpace,
    private readonly volume: VolumeDescriptors,
    private readonly sectorSize: number,
    private readonly end: number,
    private readonly warnings: string[],
  ) {}

  /** Virtual and metadata partitions are made of files in the others, so these come first. */
  build(maps: readonly PartitionMap[]): void {
    const { partitions } = this.space;
    for (const map of maps) partitions.push(this.ground(map));
    for (const [reference, map] of maps.entries()) {
      if (map.kind === "virtual") partitions[reference] = this.virtual(map, maps);
      if (map.kind === "metadata") partitions[reference] = this.metadata(map, maps);
    }
  }

  private ground(map: PartitionMap): Partition {
    const below = this.physical(map.partitionNumber);
    if (below === undefined) {
      this.warnings.push(`partition ${map.partitionNumber} is not described`);
      return new MissingPartition(`its partition ${map.partitionNumber} is not described`);
    }
    if (map.kind !== "sparable") return below;
    if (map.packetLength === 0) {
      throw corrupt("udf", "sparable partition map", 0, "packets of no length");
    }
    const table = readSparingTable(this.space.source, this.sectorSize, map);
    if (table === undefined) this.warnings.push("no sparing table is sound");
    const spared = table?.spared ?? new Map<number, number>();
    this.features.push(`sparable partition, ${spared.size} packets spared`);
    return new SparablePartition(below, map.packetLength, spared, this.space.blockSize);
  }

  private physical(partitionNumber: number): PhysicalPartition | undefined {
    const descriptor = this.volume.partitions.get(partitionNumber);
    if (descriptor === undefined) return undefined;
    return new PhysicalPartition(
      descriptor.partitionStartingLocation * this.sectorSize,
      descriptor.partitionLength,
      this.space.blockSize,
    );
  }

  private virtual(map: PartitionMap, maps: readonly PartitionMap[]): Partition {
    const physical = this.physical(map.partitionNumber);
    if (physical === undefined) return new MissingPartition("its partition is not described");
    const reference = this.below(map, maps);
    const table = findVirtualAllocationTable(this.space, physical, reference, this.end);
    this.features.push(`virtual partition, allocation table ${table.version}`);
    return new VirtualPartition(physical, table.entries);
  }

  private metadata(
    map: Extract<PartitionMap, { kind: "metadata" }>,
    maps: readonly PartitionMap[],
  ): Partition {
    const partition = this.below(map, maps);
    const files: Extents[] = [];
    const problems: string[] = [];
    for (const block of [map.metadataFileLocation, map.metadataMirrorFileLocation]) {
      try {
        files.push(fileExtents(this.space, readFileEntry(this.space, { partition, block })));
      } catch (error) {
        if (!(error instanceof ImageError)) throw error;
        problems.push(error.message);
      }
    }
    const usable = files.filter((file) => file.end > 0);
    if (usable.length === 0) {
      throw new ImageError(
        "corrupt",
        "udf",
        `neither the metadata file nor its mirror is readable: ${problems.join("; ")}`,
      );
    }
    for (const problem of problems) this.warnings.push(`metadata partition: ${problem}`);
    this.features.push("metadata partition");
    return new MetadataPartition(usable, this.space.blockSize);
  }

  /** The reference of the partition of the same number that blocks lie in by themselves. */
  private below(map: PartitionMap, maps: readonly PartitionMap[]): number {
    const reference = maps.findIndex(
      (other) =>
        other.partitionNumber === map.partitionNumber &&
        (other.kind === "physical" || other.kind === "sparable"),
    );
    if (reference >= 0) return reference;
    // Nothing in the image can mean this one: it is for us to read the table's own file by.
    const physical = this.physical(map.partitionNumber);
    const hidden = physical ?? new MissingPartition("its partition is not described");
    return this.space.partitions.push(hidden) - 1;
  }
}

/** File set descriptors recorded after one another on write-once discs: far fewer in truth. */
const MAX_FILE_SETS = 256;

/** The newest of the sequence (ECMA-167 4/8.3.1). */
function readFileSet(
  space: BlockSpace,
  volume: LogicalVolumeDescriptor,
  warnings: string[],
): FileSetDescriptor {
  let extent = volume.fileSetDescriptorSequence;
  let newest = decodeFileSet(fileSetBlock(space, extent));
  let { block } = extent;
  for (let count = 1; count < MAX_FILE_SETS; count++) {
    if (newest.nextExtent.length > 0) {
      extent = newest.nextExtent;
      block = extent.block;
    } else block++;
    if ((block - extent.block + 1) * space.blockSize > extent.length) break;
    const address = { partition: extent.partition, block };
    const next = laterFileSet(space, address, warnings);
    if (next === undefined) break;
    if (next.fileSetDescriptorNumber >= newest.fileSetDescriptorNumber) newest = next;
    else break;
  }
  return newest;
}

function fileSetBlock(space: BlockSpace, address: BlockAddress): Uint8Array {
  const accepted = [TagIdentifier.FileSetDescriptor];
  return space.descriptor(address, accepted, "file set descriptor").bytes;
}

/** Undefined where the sequence ends, in good order or not. */
function laterFileSet(
  space: BlockSpace,
  address: BlockAddress,
  warnings: string[],
): FileSetDescriptor | undefined {
  const accepted = [TagIdentifier.FileSetDescriptor, TagIdentifier.TerminatingDescriptor];
  let bytes: Uint8Array;
  try {
    bytes = space.descriptor(address, accepted, "file set descriptor").bytes;
  } catch (error) {
    if (!(error instanceof ImageError)) throw error;
    // Most end in an unrecorded block; only a damaged descriptor is worth a word.
    if (error.message.includes("CRC")) warnings.push(error.message);
    return undefined;
  }
  if (tagIdentifier(bytes, 0) === TagIdentifier.TerminatingDescriptor) return undefined;
  return decodeFileSet(bytes);
}
