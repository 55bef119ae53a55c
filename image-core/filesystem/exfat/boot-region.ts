/**
 * The boot sector, its region's checksum, and the choice between the main region and the backup.
 * Microsoft, "exFAT file system specification" 1.00, section 3.
 */
import type { ByteSource } from "../../source/byte-source.js";

const BOOT_SECTOR_BYTES = 512;
/** The last of them holds the checksum of the others, over and over. */
const REGION_SECTORS = 12;

/** Fields in the specification's order under its names; sectors and clusters as stored. */
export interface BootSector {
  volumeLength: number;
  fatOffset: number;
  fatLength: number;
  clusterHeapOffset: number;
  clusterCount: number;
  firstClusterOfRootDirectory: number;
  volumeSerialNumber: number;
  fileSystemRevision: number;
  volumeFlags: number;
  bytesPerSectorShift: number;
  sectorsPerClusterShift: number;
  numberOfFats: number;
}

interface BootRegion {
  boot: BootSector;
  warnings: string[];
}

/** A string says what makes the sector none of exFAT's. `bytes`: at least 512. */
export function decodeBootSector(bytes: Uint8Array): BootSector | string {
  if (bytes.length < BOOT_SECTOR_BYTES) return "shorter than a sector";
  const view = new DataView(bytes.buffer, bytes.byteOffset, BOOT_SECTOR_BYTES);
  const name = String.fromCharCode(...bytes.subarray(3, 11));
  if (name !== "EXFAT   ") return "no EXFAT in its name";
  // MustBeZero covers FAT's parameter block, so that nothing takes the volume for FAT.
  if (bytes.subarray(11, 64).some((byte) => byte !== 0)) return "bytes 11 to 63 are not zero";
  if (view.getUint16(510, true) !== 0xaa55) return "no 0xAA55";
  const boot: BootSector = {
    volumeLength: view.getUint32(76, true) * 2 ** 32 + view.getUint32(72, true),
    fatOffset: view.getUint32(80, true),
    fatLength: view.getUint32(84, true),
    clusterHeapOffset: view.getUint32(88, true),
    clusterCount: view.getUint32(92, true),
    firstClusterOfRootDirectory: view.getUint32(96, true),
    volumeSerialNumber: view.getUint32(100, true),
    fileSystemRevision: view.getUint16(104, true),
    volumeFlags: view.getUint16(106, true),
    bytesPerSectorShift: view.getUint8(108),
    sectorsPerClusterShift: view.getUint8(109),
    numberOfFats: view.getUint8(110),
  };
  return problemOf(boot) ?? boot;
}

function problemOf(boot: BootSector): string | undefined {
  const { bytesPerSectorShift, sectorsPerClusterShift, numberOfFats } = boot;
  if (bytesPerSectorShift < 9 || bytesPerSectorShift > 12) {
    return `sectors of 2^${bytesPerSectorShift} bytes`;
  }
  if (sectorsPerClusterShift > 25 - bytesPerSectorShift) {
    return `clusters of 2^${sectorsPerClusterShift} sectors`;
  }
  if (numberOfFats !== 1 && numberOfFats !== 2) return `${numberOfFats} FATs`;
  if (boot.fatOffset < 24 || boot.fatLength === 0) {
    return `a FAT of ${boot.fatLength} sectors at sector ${boot.fatOffset}`;
  }
  const fatsEnd = boot.fatOffset + boot.fatLength * numberOfFats;
  if (boot.clusterHeapOffset < fatsEnd) {
    return `clusters begin at sector ${boot.clusterHeapOffset}, the FAT ends at ${fatsEnd}`;
  }
  const root = boot.firstClusterOfRootDirectory;
  if (root < 2 || root > boot.clusterCount + 1) {
    return `the root directory in cluster ${root} of ${boot.clusterCount + 1}`;
  }
  return undefined;
}

/** Section 3.4: over the first eleven sectors, without the fields that change on a mounted volume. */
function isChecksumRight(region: Uint8Array, sectorSize: number): boolean {
  const covered = (REGION_SECTORS - 1) * sectorSize;
  if (region.length < covered + 4) return false;
  let sum = 0;
  for (let i = 0; i < covered; i++) {
    if (i === 106 || i === 107 || i === 112) continue;
    sum = (((sum << 31) | (sum >>> 1)) + region[i]) >>> 0;
  }
  const view = new DataView(region.buffer, region.byteOffset + covered, 4);
  return view.getUint32(0, true) === sum;
}

/**
 * The main boot region if its checksum is right, else the backup behind it if that one's is, else
 * the main one for what it is worth. A string says why there is none.
 */
export function readBootRegion(source: ByteSource): BootRegion | string {
  const main = regionAt(source, 0, 0);
  if (main.right && typeof main.boot !== "string") return { boot: main.boot, warnings: [] };
  // Where the main one is damaged its sector size is too.
  for (const shift of [9, 10, 11, 12]) {
    const backup = regionAt(source, REGION_SECTORS << shift, shift);
    if (!backup.right || typeof backup.boot === "string") continue;
    const warning = "the main boot region is damaged: the backup is used instead";
    return { boot: backup.boot, warnings: [warning] };
  }
  if (typeof main.boot === "string") return main.boot;
  return { boot: main.boot, warnings: ["the checksum of the boot region is wrong"] };
}

/** `shift` 0: as the sector says. */
function regionAt(
  source: ByteSource,
  position: number,
  shift: number,
): { boot: BootSector | string; right: boolean } {
  const sector = readUpTo(source, position, BOOT_SECTOR_BYTES);
  const boot = decodeBootSector(sector);
  if (typeof boot === "string") return { boot, right: false };
  if (shift !== 0 && boot.bytesPerSectorShift !== shift) return { boot, right: false };
  const sectorSize = 1 << boot.bytesPerSectorShift;
  const region = readUpTo(source, position, REGION_SECTORS * sectorSize);
  return { boot, right: isChecksumRight(region, sectorSize) };
}

function readUpTo(source: ByteSource, position: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  return bytes.subarray(0, source.read(position, bytes, 0, length));
}
