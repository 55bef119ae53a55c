/** SGI's volume header. Big-endian. IRIX `sys/dvh.h`. */

const VHMAGIC = 0x0be5a941;
const NPARTAB = 16;

export interface VolumeHeader {
  /** In blocks of 512 bytes. */
  partitions: { nblks: number; firstlbn: number; type: number }[];
}

/** `bytes`: sector 0. Undefined without magic or with a wrong checksum. */
export function decodeVolumeHeader(bytes: Uint8Array): VolumeHeader | undefined {
  if (bytes.length < 512) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, 512);
  if (view.getUint32(0) !== VHMAGIC) return undefined;
  let sum = 0;
  for (let i = 0; i < 512; i += 4) sum = (sum + view.getUint32(i)) | 0;
  if (sum !== 0) return undefined;
  const partitions = Array.from({ length: NPARTAB }, (_, i) => ({
    nblks: view.getUint32(312 + 12 * i),
    firstlbn: view.getUint32(316 + 12 * i),
    type: view.getUint32(320 + 12 * i),
  }));
  return { partitions };
}
