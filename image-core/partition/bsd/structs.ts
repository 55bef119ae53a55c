/**
 * BSD disklabel. Both byte orders exist; the one of the magic counts.
 * FreeBSD `sys/disklabel.h`, bsdlabel(8); the layout is the same on all BSDs.
 */

const DISKMAGIC = 0x82564557;
const BASE_BYTES = 148;
const ENTRY_BYTES = 16;
/** OpenBSD and NetBSD go up to 16, DragonFly's 32-bit labels too. */
const MAXPARTITIONS = 22;

/** Where labels lie: in sector 1, and on other machines at the start or 64 or 128 bytes behind it. */
export const LABEL_OFFSETS = [512, 64, 0, 128];

interface DiskLabel {
  secsize: number;
  partitions: DiskLabelEntry[];
}

interface DiskLabelEntry {
  /** In sectors of `secsize`. */
  size: number;
  offset: number;
  fstype: number;
}

/** Undefined where there is no label or its checksum is wrong. */
export function decodeDiskLabel(bytes: Uint8Array, offset: number): DiskLabel | undefined {
  if (offset + BASE_BYTES > bytes.length) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset + offset, bytes.length - offset);
  const littleEndian = view.getUint32(0, true) === DISKMAGIC;
  if (!littleEndian && view.getUint32(0, false) !== DISKMAGIC) return undefined;
  if (view.getUint32(132, littleEndian) !== DISKMAGIC) return undefined;
  const count = view.getUint16(138, littleEndian);
  const end = BASE_BYTES + count * ENTRY_BYTES;
  if (count > MAXPARTITIONS || end > view.byteLength) return undefined;
  // With its own field in it, the exclusive or of all 16-bit words is zero.
  let sum = 0;
  for (let i = 0; i < end; i += 2) sum ^= view.getUint16(i, littleEndian);
  const secsize = view.getUint32(40, littleEndian);
  if (sum !== 0 || secsize === 0 || secsize % 512 !== 0 || secsize > 65536) return undefined;
  const partitions: DiskLabelEntry[] = [];
  for (let i = BASE_BYTES; i < end; i += ENTRY_BYTES) {
    partitions.push({
      size: view.getUint32(i, littleEndian),
      offset: view.getUint32(i + 4, littleEndian),
      fstype: view.getUint8(i + 12),
    });
  }
  return { secsize, partitions };
}
