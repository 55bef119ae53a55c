/**
 * Where the FATs, the root directory and the clusters lie, and how wide a FAT entry is.
 * Microsoft FAT specification 1.03, "FAT Data Structure" and "FAT Type Determination".
 */
import type { BootSector } from "./boot-sector.js";
import type { FloppyMedium } from "./floppy-media.js";

/** Positions and sizes in bytes. */
export interface FatGeometry {
  fatBits: 12 | 16 | 32;
  sectorSize: number;
  clusterSize: number;
  fatStart: number;
  fatSize: number;
  fatCount: number;
  /** Which FAT counts where mirroring is off; undefined: all are equal. */
  activeFat: number | undefined;
  /** FAT12 and FAT16: where the root directory lies and how long it is. FAT32: length 0. */
  rootStart: number;
  rootSize: number;
  /** FAT32 only. */
  rootCluster: number;
  /** Where cluster 2 begins. */
  dataStart: number;
  /** Clusters are numbered from 2 to `clusterCount + 1`. */
  clusterCount: number;
}

/** RAM disks and 8-inch floppies go down to 128, Atari's hard disks up to 16384 (mkfs.fat: 32768). */
const SECTOR_SIZES = [128, 256, 512, 1024, 2048, 4096, 8192, 16_384, 32_768];
/** Below, FAT12; from the other on, FAT32. The spelling of the numbers is the specification's. */
const FAT16_CLUSTERS = 4085;
/** FAT entry 0x0FFFFFF7 marks bad clusters and 0 and 1 are reserved. */
const MAX_FAT32_CLUSTERS = 0x0ffffff5;

/** What makes the parameter block impossible; undefined where it can be. */
function parameterBlockProblem(boot: BootSector): string | undefined {
  if (!SECTOR_SIZES.includes(boot.bytsPerSec)) return `${boot.bytsPerSec} bytes per sector`;
  if (boot.secPerClus === 0 || (boot.secPerClus & (boot.secPerClus - 1)) !== 0) {
    return `${boot.secPerClus} sectors per cluster`;
  }
  if (boot.rsvdSecCnt === 0) return "no reserved sectors";
  if (boot.numFATs === 0 || boot.numFATs > 15) return `${boot.numFATs} FATs`;
  if (boot.fatSz16 === 0 && boot.fatSz32 === 0) return "FATs of no length";
  if (boot.fatSz16 !== 0 && boot.rootEntCnt === 0) return "root directory of no length";
  return undefined;
}

/** `size` is the source's, for parameter blocks that leave the total empty. A string says what is wrong. */
export function geometryOf(boot: BootSector, size: number): FatGeometry | string {
  const problem = parameterBlockProblem(boot);
  if (problem !== undefined) return problem;
  const sectorSize = boot.bytsPerSec;
  const isFat32 = boot.fatSz16 === 0;
  const fatSectors = isFat32 ? boot.fatSz32 : boot.fatSz16;
  const totalSectors = boot.totSec16 || boot.totSec32 || Math.floor(size / sectorSize);
  const rootSize = isFat32 ? 0 : Math.ceil((boot.rootEntCnt * 32) / sectorSize) * sectorSize;
  const rootSector = boot.rsvdSecCnt + boot.numFATs * fatSectors;
  const dataSector = rootSector + rootSize / sectorSize;
  if (dataSector >= totalSectors) {
    return `clusters begin at sector ${dataSector} of ${totalSectors}`;
  }
  const clusters = Math.floor((totalSectors - dataSector) / boot.secPerClus);
  // Formatters make FAT32 of fewer than 65525 clusters, so the missing 16-bit size is what decides.
  const fatBits = isFat32 ? 32 : clusters < FAT16_CLUSTERS ? 12 : 16;
  // mirroring is bit 7 of extFlags: set, and only the FAT in bits 0 to 3 is kept up to date.
  const single = isFat32 && (boot.extFlags & 0x80) !== 0;
  const active = boot.extFlags & 0x0f;
  if (single && active >= boot.numFATs) return `FAT ${active} of ${boot.numFATs} is the active one`;
  const fatSize = fatSectors * sectorSize;
  return {
    fatBits,
    sectorSize,
    clusterSize: sectorSize * boot.secPerClus,
    fatStart: boot.rsvdSecCnt * sectorSize,
    fatSize,
    fatCount: boot.numFATs,
    activeFat: single ? active : undefined,
    rootStart: rootSector * sectorSize,
    rootSize: isFat32 ? 0 : boot.rootEntCnt * 32,
    rootCluster: isFat32 ? boot.rootClus : 0,
    dataStart: dataSector * sectorSize,
    clusterCount: boundedClusters(clusters, fatSize, fatBits),
  };
}

/** As the boot sector of such a floppy would say, if it had been written. */
export function floppyGeometry(medium: FloppyMedium): FatGeometry {
  const sectorSize = medium.bytsPerSec;
  const rootStart = (1 + 2 * medium.fatSz) * sectorSize;
  const dataStart = rootStart + medium.rootEntCnt * 32;
  const clusterSize = medium.secPerClus * sectorSize;
  return {
    fatBits: 12,
    sectorSize,
    clusterSize,
    fatStart: sectorSize,
    fatSize: medium.fatSz * sectorSize,
    fatCount: 2,
    activeFat: undefined,
    rootStart,
    rootSize: medium.rootEntCnt * 32,
    rootCluster: 0,
    dataStart,
    clusterCount: Math.floor((medium.capacity * 1024 - dataStart) / clusterSize),
  };
}

/**
 * FAT16 made with too few clusters for it (`mkfs.fat -F 16` of a small image): by the count it is
 * FAT12, by what the formatter wrote it is not. Only taken where all three say so: the label, a
 * FAT long enough, and its second entry, which as FAT12 would have to belong to cluster 2.
 */
export function isUndersizedFat16(
  boot: BootSector,
  geometry: FatGeometry,
  fatHead: Uint8Array,
): boolean {
  return (
    geometry.fatBits === 12 &&
    boot.bootSig === 0x29 &&
    boot.filSysType === "FAT16   " &&
    geometry.fatSize >= (geometry.clusterCount + 2) * 2 &&
    fatHead.length >= 4 &&
    fatHead[0] >= 0xf0 &&
    fatHead[1] === 0xff &&
    fatHead[2] === 0xff &&
    fatHead[3] === 0xff
  );
}

/** A FAT too short for all clusters ends their use: what it does not list cannot be chained. */
function boundedClusters(clusters: number, fatSize: number, fatBits: number): number {
  return Math.min(clusters, Math.floor((fatSize * 8) / fatBits) - 2, MAX_FAT32_CLUSTERS);
}
