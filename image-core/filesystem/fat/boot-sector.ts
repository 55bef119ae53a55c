/**
 * The boot sector with its BIOS parameter block.
 * Microsoft, "FAT: General Overview of On-Disk Format" 1.03, sections "Boot Sector and BPB".
 */

export const BOOT_SECTOR_BYTES = 512;

/** Fields in the specification's order and spelling, without the `BS_` and `BPB_`. */
export interface BootSector {
  /** First byte of the jump over the BPB: 0xEB or 0xE9; 0x60 (68000 BRA.S) on Atari. */
  jmpBoot: number;
  oemName: string;
  bytsPerSec: number;
  secPerClus: number;
  rsvdSecCnt: number;
  numFATs: number;
  rootEntCnt: number;
  totSec16: number;
  media: number;
  fatSz16: number;
  totSec32: number;
  /** The fields from here to `bkBootSec` mean something on FAT32 only. */
  fatSz32: number;
  extFlags: number;
  fsVer: number;
  rootClus: number;
  /** Extended boot record, at 36 or (FAT32) at 64; `bootSig` 0x29 says that the rest is there. */
  bootSig: number;
  volID: number;
  /** 11 bytes in the OEM charset. */
  volLab: Uint8Array;
  filSysType: string;
  /** 0xAA55 at 510. */
  signature: boolean;
}

/** `bytes` holds at least `BOOT_SECTOR_BYTES`. */
export function decodeBootSector(bytes: Uint8Array): BootSector {
  const view = new DataView(bytes.buffer, bytes.byteOffset, BOOT_SECTOR_BYTES);
  const fatSz16 = view.getUint16(22, true);
  // FAT32 has no 16-bit size, and its extended boot record lies 28 bytes further on.
  const extended = fatSz16 === 0 ? 64 : 36;
  return {
    jmpBoot: view.getUint8(0),
    oemName: ascii(bytes, 3, 8),
    bytsPerSec: view.getUint16(11, true),
    secPerClus: view.getUint8(13),
    rsvdSecCnt: view.getUint16(14, true),
    numFATs: view.getUint8(16),
    rootEntCnt: view.getUint16(17, true),
    totSec16: view.getUint16(19, true),
    media: view.getUint8(21),
    fatSz16,
    totSec32: view.getUint32(32, true),
    fatSz32: view.getUint32(36, true),
    extFlags: view.getUint16(40, true),
    fsVer: view.getUint16(42, true),
    rootClus: view.getUint32(44, true),
    bootSig: view.getUint8(extended + 2),
    volID: view.getUint32(extended + 3, true),
    volLab: bytes.slice(extended + 7, extended + 18),
    filSysType: ascii(bytes, extended + 18, 8),
    signature: view.getUint16(510, true) === 0xaa55,
  };
}

function ascii(bytes: Uint8Array, offset: number, length: number): string {
  return String.fromCharCode(...bytes.subarray(offset, offset + length));
}
