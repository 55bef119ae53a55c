/** The descriptors of a volume as a whole (ECMA-167 3/10, 4/14.1; UDF 2.2 and 2.3.2). */
import {
  type AllocationDescriptor,
  decodeExtentAd,
  decodeLongAd,
  type ExtentAd,
} from "./allocation-descriptor.js";
import { u16, u32 } from "./descriptor-tag.js";
import { dstring } from "./osta-unicode.js";

/** ECMA-167 3/10.2. */
export interface AnchorVolumeDescriptorPointer {
  mainVolumeDescriptorSequenceExtent: ExtentAd;
  reserveVolumeDescriptorSequenceExtent: ExtentAd;
}

export function decodeAnchor(bytes: Uint8Array): AnchorVolumeDescriptorPointer {
  return {
    mainVolumeDescriptorSequenceExtent: decodeExtentAd(bytes, 16),
    reserveVolumeDescriptorSequenceExtent: decodeExtentAd(bytes, 24),
  };
}

/** ECMA-167 3/10.1. */
export interface PrimaryVolumeDescriptor {
  volumeIdentifier: string;
  /** The dstring as stored, 128 bytes: UUIDs are made of it. */
  volumeSetIdentifier: Uint8Array;
  /** A timestamp's 12 bytes. */
  recordingDateAndTime: Uint8Array;
}

export function decodePrimaryVolume(bytes: Uint8Array): PrimaryVolumeDescriptor {
  return {
    volumeIdentifier: dstring(bytes, 24, 32),
    volumeSetIdentifier: bytes.slice(72, 200),
    recordingDateAndTime: bytes.slice(376, 388),
  };
}

/** ECMA-167 3/10.5. */
export interface PartitionDescriptor {
  partitionNumber: number;
  /** Absolute sector number. */
  partitionStartingLocation: number;
  /** In sectors. */
  partitionLength: number;
}

export function decodePartition(bytes: Uint8Array): PartitionDescriptor {
  return {
    partitionNumber: u16(bytes, 22),
    partitionStartingLocation: u32(bytes, 188),
    partitionLength: u32(bytes, 192),
  };
}

/** ECMA-167 3/10.6, UDF 2.2.4. */
export interface LogicalVolumeDescriptor {
  logicalVolumeIdentifier: string;
  logicalBlockSize: number;
  domainIdentifier: string;
  /** Binary coded decimal: 0x0250. */
  udfRevision: number;
  fileSetDescriptorSequence: AllocationDescriptor;
  integritySequenceExtent: ExtentAd;
  numberOfPartitionMaps: number;
  /** The table's bytes, as far as the block holds them. */
  partitionMaps: Uint8Array;
}

const PARTITION_MAPS = 440;

export function decodeLogicalVolume(bytes: Uint8Array): LogicalVolumeDescriptor {
  const mapTableLength = u32(bytes, 264);
  return {
    logicalVolumeIdentifier: dstring(bytes, 84, 128),
    logicalBlockSize: u32(bytes, 212),
    domainIdentifier: entityIdentifier(bytes, 216),
    udfRevision: u16(bytes, 240),
    fileSetDescriptorSequence: decodeLongAd(bytes, 248),
    integritySequenceExtent: decodeExtentAd(bytes, 432),
    numberOfPartitionMaps: u32(bytes, 268),
    partitionMaps: bytes.slice(
      PARTITION_MAPS,
      Math.min(bytes.length, PARTITION_MAPS + mapTableLength),
    ),
  };
}

/** ECMA-167 3/10.10, UDF 2.2.6. */
export interface LogicalVolumeIntegrityDescriptor {
  /** 0 open, 1 close. */
  integrityType: number;
  nextIntegrityExtent: ExtentAd;
  /** Free blocks of each partition; 0xFFFFFFFF where not known. */
  freeSpaceTable: number[];
  /** 0 where the implementation use lacks them. */
  numberOfFiles: number;
  numberOfDirectories: number;
}

export function decodeIntegrity(bytes: Uint8Array): LogicalVolumeIntegrityDescriptor {
  const room = Math.floor((bytes.length - 80) / 8);
  const partitions = Math.min(u32(bytes, 72), room);
  const implementationUse = 80 + partitions * 8;
  const known = u32(bytes, 76) >= 46 && implementationUse + 46 <= bytes.length;
  return {
    integrityType: u32(bytes, 28),
    nextIntegrityExtent: decodeExtentAd(bytes, 32),
    freeSpaceTable: Array.from({ length: partitions }, (_, i) => u32(bytes, 80 + i * 4)),
    numberOfFiles: known ? u32(bytes, implementationUse + 32) : 0,
    numberOfDirectories: known ? u32(bytes, implementationUse + 36) : 0,
  };
}

/** ECMA-167 4/14.1. */
export interface FileSetDescriptor {
  fileSetDescriptorNumber: number;
  rootDirectoryIcb: AllocationDescriptor;
  nextExtent: AllocationDescriptor;
}

export function decodeFileSet(bytes: Uint8Array): FileSetDescriptor {
  return {
    fileSetDescriptorNumber: u32(bytes, 44),
    rootDirectoryIcb: decodeLongAd(bytes, 400),
    nextExtent: decodeLongAd(bytes, 448),
  };
}

/** The identifier of a regid (ECMA-167 1/7.4): `*UDF Virtual Partition`. */
export function entityIdentifier(bytes: Uint8Array, at: number): string {
  let text = "";
  for (let i = at + 1; i < at + 24 && bytes[i] !== 0; i++) text += String.fromCharCode(bytes[i]);
  return text;
}
