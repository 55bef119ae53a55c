/**
 * The master boot record and the extended boot records chained from it. Little-endian.
 * IBM PC DOS 3.3 technical reference; UEFI 2.10 section 5.2.1 for the same table's fields.
 */

export const SECTOR = 512;
const TABLE_OFFSET = 446;

export interface MbrEntry {
  /** 0x80 active, 0x00 not; anything else is no partition table. */
  bootIndicator: number;
  osType: number;
  /** In sectors. */
  startingLba: number;
  sizeInLba: number;
}

export interface MbrSector {
  /** NT disk signature; Linux and Windows name the disk by it. */
  uniqueDiskSignature: number;
  entries: MbrEntry[];
}

/** `bytes`: one sector of 512. Undefined without 0xAA55. */
export function decodeMbrSector(bytes: Uint8Array): MbrSector | undefined {
  if (bytes.length < SECTOR || bytes[510] !== 0x55 || bytes[511] !== 0xaa) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, SECTOR);
  const entries: MbrEntry[] = [];
  for (let i = 0; i < 4; i++) {
    const offset = TABLE_OFFSET + 16 * i;
    entries.push({
      bootIndicator: view.getUint8(offset),
      osType: view.getUint8(offset + 4),
      startingLba: view.getUint32(offset + 8, true),
      sizeInLba: view.getUint32(offset + 12, true),
    });
  }
  return { uniqueDiskSignature: view.getUint32(440, true), entries };
}

/** DOS, Windows 95 (LBA) and Linux name their containers of logical partitions differently. */
export function isExtended(osType: number): boolean {
  return osType === 0x05 || osType === 0x0f || osType === 0x85;
}

const OS_TYPE_EMPTY = 0x00;
export const OS_TYPE_GPT_PROTECTIVE = 0xee;

export function isUsed({ osType, sizeInLba }: MbrEntry): boolean {
  return osType !== OS_TYPE_EMPTY && sizeInLba > 0;
}
