/** The volume descriptors that begin a filesystem in sector 16 of a disc or session. */

export const DESCRIPTOR_SECTOR = 16;

/** ISO 9660, CD-i and UDF (ECMA-119 8.1.2, Green Book III.4.4, ECMA-167 2/9.1.2). */
const IDENTIFIERS = ["CD001", "CDW02", "BEA01", "NSR02", "NSR03", "BOOT2", "TEA01", "CD-I "];
const HIGH_SIERRA = "CDROM";
const HIGH_SIERRA_OFFSET = 9;
const ISO_PRIMARY = 1;
/** Where the root directory lies, in a primary volume descriptor (ECMA-119 8.4.18 and 9.1.3). */
const ROOT_EXTENT_OFFSET = 158;

/** Whether a volume descriptor begins at `at`. */
export function isDescriptor(bytes: Uint8Array, at: number): boolean {
  if (IDENTIFIERS.some((identifier) => matches(bytes, at + 1, identifier))) return true;
  return matches(bytes, at + HIGH_SIERRA_OFFSET, HIGH_SIERRA);
}

/** LBA of the root directory; undefined for what is no primary volume descriptor of ISO 9660. */
export function rootExtent(bytes: Uint8Array, at: number): number | undefined {
  if (bytes[at] !== ISO_PRIMARY || !matches(bytes, at + 1, "CD001")) return undefined;
  if (at + ROOT_EXTENT_OFFSET + 4 > bytes.length) return undefined;
  return new DataView(bytes.buffer, bytes.byteOffset + at + ROOT_EXTENT_OFFSET, 4).getUint32(
    0,
    true,
  );
}

export function matches(bytes: Uint8Array, at: number, text: string): boolean {
  if (at < 0 || at + text.length > bytes.length) return false;
  for (let i = 0; i < text.length; i++) if (bytes[at + i] !== text.charCodeAt(i)) return false;
  return true;
}
