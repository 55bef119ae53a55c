/**
 * Sun's disk label (VTOC). Big-endian. Solaris dklabel.h and vtoc.h:
 * the label is sector 0, partitions begin on cylinders.
 */

const DKL_MAGIC = 0xdabe;
const NDKMAP = 8;

interface SunLabel {
  /** Identification tags, 0 where the VTOC has none. */
  tags: number[];
  /** Tracks a cylinder, sectors a track. */
  ntrks: number;
  nsect: number;
  /** First cylinder and sectors. */
  map: { cylinder: number; sectors: number }[];
}

/** `bytes`: sector 0. Undefined without magic or with a wrong checksum. */
export function decodeSunLabel(bytes: Uint8Array): SunLabel | undefined {
  if (bytes.length < 512) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, 512);
  if (view.getUint16(508) !== DKL_MAGIC) return undefined;
  let sum = 0;
  for (let i = 0; i < 512; i += 2) sum ^= view.getUint16(i);
  if (sum !== 0) return undefined;
  const range = Array.from({ length: NDKMAP }, (_, i) => i);
  return {
    tags: range.map((i) => view.getUint16(142 + 4 * i)),
    ntrks: view.getUint16(436),
    nsect: view.getUint16(438),
    map: range.map((i) => ({
      cylinder: view.getUint32(444 + 8 * i),
      sectors: view.getUint32(448 + 8 * i),
    })),
  };
}
