/**
 * El Torito 1.0: the boot catalog that a boot record volume descriptor points at, and how large the
 * images are that it lists.
 */
import type { ByteSource } from "../../source/byte-source.js";
import { be16, le16, le32 } from "./both-endian.js";

const SYSTEM_IDENTIFIER = "EL TORITO SPECIFICATION";
const SYSTEM_IDENTIFIER_AT = 7;
const CATALOG_AT = 0x47;

const ENTRY_BYTES = 32;
/** One sector holds 64; more only with dozens of sections. */
const MAX_ENTRIES = 256;

const VALIDATION = 0x01;
const BOOTABLE = 0x88;
const NOT_BOOTABLE = 0x00;
const SECTION = 0x90;
const FINAL_SECTION = 0x91;
const EXTENSION = 0x44;

const MEDIA_NONE = 0;
const MEDIA_HARD_DISK = 4;
/** 1.2, 1.44 and 2.88 MB. */
const FLOPPY_BYTES: Readonly<Record<number, number>> = { 1: 1_228_800, 2: 1_474_560, 3: 2_949_120 };
const MEDIA_TITLES = ["no emulation", "1.2M floppy", "1.44M floppy", "2.88M floppy", "hard disk"];

const PLATFORMS: Readonly<Record<number, string>> = {
  0: "BIOS",
  1: "PowerPC",
  2: "Mac",
  239: "EFI",
};

/** Load sizes are counted in virtual sectors, whatever the medium's. */
const VIRTUAL_SECTOR = 512;
const CATALOG_BLOCK = 2048;

export interface BootImage {
  /** `BIOS`, `PowerPC`, `Mac`, `EFI`, or the number. */
  platform: string;
  bootable: boolean;
  /** Boot media type: 0 none, 1 to 3 floppies, 4 hard disk. */
  media: number;
  mediaTitle: string;
  /** In virtual sectors of 512 bytes; firmware loads this much, whatever the image's size. */
  sectorCount: number;
  /** Byte offset in the image. */
  start: number;
}

export interface BootCatalog {
  /** Byte offset in the image. */
  start: number;
  images: BootImage[];
}

/** The catalog that the boot record `sector` points at; undefined where it is another's. */
export function readBootCatalog(
  source: ByteSource,
  sector: Uint8Array,
  warnings: string[],
): BootCatalog | undefined {
  const identifier = Buffer.from(
    sector.subarray(SYSTEM_IDENTIFIER_AT, SYSTEM_IDENTIFIER_AT + SYSTEM_IDENTIFIER.length),
  ).toString("latin1");
  if (identifier !== SYSTEM_IDENTIFIER) return undefined;
  const start = le32(sector, CATALOG_AT) * CATALOG_BLOCK;
  const bytes = new Uint8Array(ENTRY_BYTES * MAX_ENTRIES);
  const length = source.read(start, bytes, 0, bytes.length);
  if (length < 2 * ENTRY_BYTES || bytes[0] !== VALIDATION || le16(bytes, 30) !== 0xaa55) {
    warnings.push(`El Torito: no boot catalog at 0x${start.toString(16)}`);
    return undefined;
  }
  if (checksum(bytes) !== 0) warnings.push("El Torito: the boot catalog's checksum is wrong");
  return { start, images: decodeEntries(bytes, length) };
}

function checksum(bytes: Uint8Array): number {
  let sum = 0;
  for (let at = 0; at < ENTRY_BYTES; at += 2) sum += le16(bytes, at);
  return sum & 0xffff;
}

function decodeEntries(bytes: Uint8Array, length: number): BootImage[] {
  // The default entry stands without a header, for the validation entry's platform.
  let platform = bytes[1];
  let left = 1;
  let last = false;
  const images: BootImage[] = [];
  for (let at = ENTRY_BYTES; at + ENTRY_BYTES <= length; at += ENTRY_BYTES) {
    const indicator = bytes[at];
    if (indicator === EXTENSION) continue;
    if (left > 0) {
      if (indicator === BOOTABLE || indicator === NOT_BOOTABLE) {
        if (le32(bytes, at + 8) > 0) images.push(decodeEntry(bytes, at, platform));
      }
      left--;
    } else if (!last && (indicator === SECTION || indicator === FINAL_SECTION)) {
      platform = bytes[at + 1];
      left = le16(bytes, at + 2);
      last = indicator === FINAL_SECTION;
    } else break;
  }
  return images;
}

function decodeEntry(bytes: Uint8Array, at: number, platform: number): BootImage {
  const media = bytes[at + 1] & 0x0f;
  return {
    platform: PLATFORMS[platform] ?? `platform ${platform}`,
    bootable: bytes[at] === BOOTABLE,
    media,
    mediaTitle: MEDIA_TITLES[media] ?? `media type ${media}`,
    sectorCount: le16(bytes, at + 6),
    start: le32(bytes, at + 8) * CATALOG_BLOCK,
  };
}

/**
 * Bytes of a boot image. An emulated medium knows its size. Without emulation the count says only
 * how much the firmware loads (4 sectors of an isolinux of 40 KiB; 0, 1 or 65535 for EFI), so the
 * file that lies there decides (`fileBytes`), or the FAT file system that the image is.
 */
export function bootImageBytes(
  source: ByteSource,
  image: BootImage,
  fileBytes: number | undefined,
): number {
  const rest = Math.max(0, source.size - image.start);
  const loaded = image.sectorCount * VIRTUAL_SECTOR;
  const floppy = FLOPPY_BYTES[image.media];
  if (floppy !== undefined) return Math.min(rest, floppy);
  const head = new Uint8Array(VIRTUAL_SECTOR);
  source.read(image.start, head, 0, VIRTUAL_SECTOR);
  const own = image.media === MEDIA_HARD_DISK ? diskBytes(head) : fatBytes(head);
  if (image.media !== MEDIA_NONE && own > 0) return Math.min(rest, own);
  if (fileBytes !== undefined && fileBytes > 0) return Math.min(rest, Math.max(fileBytes, own));
  if (own > 0) return Math.min(rest, own);
  // 0: UEFI takes what is left of the medium.
  return Math.min(rest, loaded > 0 ? loaded : rest);
}

/** Up to the end of the last partition of a master boot record; 0 where there is none. */
function diskBytes(head: Uint8Array): number {
  if (be16(head, 510) !== 0x55aa) return 0;
  let sectors = 0;
  for (let at = 446; at < 510; at += 16) {
    if (head[at + 4] !== 0) sectors = Math.max(sectors, le32(head, at + 8) + le32(head, at + 12));
  }
  return sectors * VIRTUAL_SECTOR;
}

/** The size in a FAT boot sector's BIOS parameter block; 0 where there is none. */
function fatBytes(head: Uint8Array): number {
  const sectorBytes = le16(head, 11);
  const jumps = head[0] === 0xeb || head[0] === 0xe9;
  if (!jumps || be16(head, 510) !== 0x55aa || ![512, 1024, 2048, 4096].includes(sectorBytes)) {
    return 0;
  }
  if (head[16] === 0 || head[16] > 2) return 0;
  return (le16(head, 19) || le32(head, 32)) * sectorBytes;
}
