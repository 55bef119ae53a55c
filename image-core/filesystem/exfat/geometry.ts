/** Where the FAT, the clusters and the root directory lie. */
import type { BootSector } from "./boot-region.js";

/** Positions and sizes in bytes. */
export interface ExfatGeometry {
  sectorSize: number;
  clusterSize: number;
  /** Of the active FAT. */
  fatStart: number;
  /** Where cluster 2 begins. */
  dataStart: number;
  /** Clusters are numbered from 2 to `clusterCount + 1`. */
  clusterCount: number;
  rootCluster: number;
}

/** `VolumeFlags` bit 0. */
const ACTIVE_FAT = 1;

export function exfatGeometry(boot: BootSector): ExfatGeometry {
  const sectorSize = 2 ** boot.bytesPerSectorShift;
  const fatSize = boot.fatLength * sectorSize;
  const activeFat = boot.numberOfFats === 2 ? boot.volumeFlags & ACTIVE_FAT : 0;
  return {
    sectorSize,
    clusterSize: sectorSize * 2 ** boot.sectorsPerClusterShift,
    fatStart: boot.fatOffset * sectorSize + activeFat * fatSize,
    dataStart: boot.clusterHeapOffset * sectorSize,
    // A FAT too short for all clusters ends their use.
    clusterCount: Math.min(boot.clusterCount, fatSize / 4 - 2),
    rootCluster: boot.firstClusterOfRootDirectory,
  };
}
