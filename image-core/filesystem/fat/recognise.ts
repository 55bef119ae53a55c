/** Is this a FAT volume, and where does what lie in it? The probe's question and the reader's first. */
import { BOOT_SECTOR_BYTES, type BootSector, decodeBootSector } from "./boot-sector.js";
import { floppyMedium } from "./floppy-media.js";
import { type FatGeometry, floppyGeometry, geometryOf, isUndersizedFat16 } from "./geometry.js";

export interface Recognised {
  geometry: FatGeometry;
  /** Absent on floppies whose boot sector does not describe them. */
  boot: BootSector | undefined;
  /** The boot sector has a jump and 0xAA55, as bootable ones must. */
  bootable: boolean;
  /** The FAT begins with a media byte and set bits; undefined where `head` ends before it. */
  fatBegins: boolean | undefined;
}

/** Filesystems with a parameter block like FAT's in their boot sector. */
const OTHERS = ["NTFS    ", "EXFAT   ", "-FVE-FS-", "ReFS\0\0\0\0"];

/** Other sizes are rare enough that the FAT has to prove them. */
const COMMON_SECTOR_SIZES = [512, 1024, 2048, 4096];
/** Where the parameter block stands on the ACT Apricot, whose disks begin with a header of their own. */
const APRICOT_BPB = 0x50;
const BPB = 11;
const BPB_BYTES = 13;

/** `head` begins with the volume; `size` is all of it. A string says why it is none. */
export function recognise(head: Uint8Array, size: number): Recognised | string {
  if (head.length < BOOT_SECTOR_BYTES) return "shorter than a sector";
  const boot = decodeBootSector(head);
  if (OTHERS.includes(boot.oemName) || boot.filSysType === "HPFS    ") {
    return `the boot sector is that of ${(boot.filSysType === "HPFS    " ? boot.filSysType : boot.oemName).trim()}`;
  }
  const geometry = geometryOf(boot, size);
  if (typeof geometry === "string") return recogniseFloppy(head, size) ?? geometry;
  const fatHead = head.subarray(geometry.fatStart, geometry.fatStart + 4);
  if (!COMMON_SECTOR_SIZES.includes(geometry.sectorSize) && fatBegins(fatHead) === false) {
    return `sectors of ${geometry.sectorSize} bytes, and no FAT behind the first`;
  }
  if (isUndersizedFat16(boot, geometry, fatHead)) geometry.fatBits = 16;
  const jump = boot.jmpBoot === 0xeb || boot.jmpBoot === 0xe9;
  return {
    geometry,
    boot,
    bootable: jump && boot.signature,
    fatBegins: fatBegins(fatHead),
  };
}

/** Floppies without a parameter block, or with one in another place. */
function recogniseFloppy(head: Uint8Array, size: number): Recognised | undefined {
  const found = { boot: undefined, bootable: false, fatBegins: true };
  const medium = floppyMedium(head, size);
  if (medium !== undefined) return { ...found, geometry: floppyGeometry(medium) };
  const moved = new Uint8Array(BOOT_SECTOR_BYTES);
  moved.set(head.subarray(APRICOT_BPB, APRICOT_BPB + BPB_BYTES), BPB);
  const boot = decodeBootSector(moved);
  const geometry = geometryOf(boot, size);
  if (typeof geometry === "string" || boot.totSec16 * boot.bytsPerSec !== size) return undefined;
  const fatHead = head.subarray(geometry.fatStart, geometry.fatStart + 4);
  return fatBegins(fatHead) ? { ...found, geometry } : undefined;
}

/**
 * FAT[0] is a media byte with all bits above it set, FAT[1] an end mark (its upper bits are flags).
 * Formatters disagree on which media byte, and not all write the same into the boot sector.
 */
export function fatBegins(fatHead: Uint8Array): boolean | undefined {
  if (fatHead.length < 4) return undefined;
  return fatHead[0] >= 0xf0 && fatHead[1] === 0xff && fatHead[2] === 0xff;
}
