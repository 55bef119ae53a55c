/**
 * The NTFS boot sector: geometry, and where the MFT is. The volume's last sector holds a copy.
 *
 * Layout after the NTFS documentation of the Linux-NTFS project, "$Boot".
 */
import { corrupt } from "../../errors.js";

export const FORMAT = "ntfs";
export const BOOT_SECTOR_SIZE = 512;
const MAX_CLUSTER_SIZE = 2 * 1024 * 1024;

export interface BootSector {
  bytesPerSector: number;
  clusterSize: number;
  /** In clusters, the last incomplete one included. */
  clusters: number;
  mftCluster: number;
  mftMirrorCluster: number;
  fileRecordSize: number;
  indexBlockSize: number;
  /** As Windows shows it: 16 hexadecimal digits. */
  serialNumber: string;
}

/** The OEM id and fields that cannot be otherwise: what the probe asks. */
export function looksLikeNtfs(bytes: Uint8Array): boolean {
  if (bytes.length < BOOT_SECTOR_SIZE) return false;
  for (let i = 0; i < 8; i++) if (bytes[3 + i] !== "NTFS    ".charCodeAt(i)) return false;
  const bytesPerSector = bytes[0x0b] | (bytes[0x0c] << 8);
  return [256, 512, 1024, 2048, 4096].includes(bytesPerSector) && bytes[0x0d] !== 0;
}

export function decodeBootSector(bytes: Uint8Array, position: number): BootSector {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const wrong = (problem: string) => corrupt(FORMAT, "boot sector", position, problem);
  if (!looksLikeNtfs(bytes)) throw wrong("has no OEM id `NTFS` with a known sector size");
  const bytesPerSector = view.getUint16(0x0b, true);
  const sectorsPerCluster = clusterSectors(bytes[0x0d]);
  const clusterSize = sectorsPerCluster * bytesPerSector;
  if (!isPowerOfTwo(sectorsPerCluster) || clusterSize > MAX_CLUSTER_SIZE) {
    throw wrong(`${sectorsPerCluster} sectors of ${bytesPerSector} bytes make no cluster`);
  }
  const sectors = le64(view, 0x28);
  const clusters = Math.ceil(sectors / sectorsPerCluster);
  if (sectors === 0 || !Number.isSafeInteger(clusters * clusterSize)) {
    throw wrong(`${sectors} sectors of ${bytesPerSector} bytes`);
  }
  const recordSize = (field: number, what: string) => {
    const stored = view.getInt8(field);
    const size = stored < 0 ? 2 ** Math.min(-stored, 31) : stored * clusterSize;
    if (size < 512 || size > 65536 || !isPowerOfTwo(size)) throw wrong(`${what} of ${size} bytes`);
    return size;
  };
  const boot = {
    bytesPerSector,
    clusterSize,
    clusters,
    mftCluster: le64(view, 0x30),
    mftMirrorCluster: le64(view, 0x38),
    fileRecordSize: recordSize(0x40, "file record"),
    indexBlockSize: recordSize(0x44, "index block"),
    serialNumber: hex(view.getUint32(0x4c, true)) + hex(view.getUint32(0x48, true)),
  };
  if (boot.mftCluster >= clusters && boot.mftMirrorCluster >= clusters) {
    throw wrong(`MFT at cluster ${boot.mftCluster} of ${clusters}`);
  }
  return boot;
}

/** Above 128 the byte is a negative power of two. */
function clusterSectors(stored: number): number {
  return stored <= 0x80 ? stored : 2 ** Math.min(256 - stored, 31);
}

function isPowerOfTwo(value: number): boolean {
  return value > 0 && Number.isInteger(Math.log2(value));
}

function le64(view: DataView, offset: number): number {
  return view.getUint32(offset + 4, true) * 2 ** 32 + view.getUint32(offset, true);
}

function hex(word: number): string {
  return word.toString(16).toUpperCase().padStart(8, "0");
}
