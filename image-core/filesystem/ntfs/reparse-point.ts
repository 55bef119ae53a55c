/**
 * Reparse points: what a file with one stands for.
 *
 * [MS-FSCC] sections 2.1.2 (tags and their data).
 */
import { ImageError } from "../../errors.js";
import { FORMAT } from "./boot-sector.js";
import { le16, le32 } from "./little-endian.js";
import { utf16Units } from "./utf16-units.js";

const Tag = {
  mountPoint: 0xa0000003,
  symlink: 0xa000000c,
  lxSymlink: 0xa000001d,
  afUnix: 0x80000023,
  lxFifo: 0x80000024,
  lxCharacter: 0x80000025,
  lxBlock: 0x80000026,
  wof: 0x80000017,
  dedup: 0x80000013,
  nfs: 0x80000014,
  sis: 0x80000007,
  hsm: 0xc0000004,
  hsm2: 0x80000006,
  /** And fifteen more, by bits 12 to 15: OneDrive and its like. */
  cloud: 0x9000001a,
} as const;

const CLOUD_MASK = 0xffff0fff;
/** Four letters at most, little-endian: what a server for NFS keeps in a file of its own. */
const NFS_TYPE_SIZE = 8;
const NfsType = { link: "LNK", character: "CHR", block: "BLK", fifo: "FIFO", socket: "SOCK" };

const SYMLINK_FLAG_RELATIVE = 1;
const WOF_PROVIDER_FILE = 2;
const HEADER_SIZE = 8;

export type ReparsePoint =
  /** A Windows path, `\` and all. */
  | { kind: "link"; target: string; relative: boolean }
  /** A path as Linux wrote it, in bytes. */
  | { kind: "linux link"; target: Uint8Array }
  /** The same in UTF-16. */
  | { kind: "nfs link"; target: string }
  | { kind: "socket" | "fifo" | "character device" | "block device" }
  /** Compressed by Windows Overlay Filter; the algorithm's number. */
  | { kind: "wof"; algorithm: number }
  /** Contents that are elsewhere; why they are not read. */
  | { kind: "elsewhere"; problem: string }
  /** Contents that are elsewhere where they take no room here; why they are not read. */
  | { kind: "recalled"; problem: string }
  /** A device with its numbers. */
  | { kind: "device"; block: boolean; major: number; minor: number }
  /** Says nothing about the contents. */
  | { kind: "other" };

/** Throws `corrupt`, naming `structure`. */
export function decodeReparsePoint(bytes: Uint8Array, structure: string): ReparsePoint {
  const wrong = (problem: string) =>
    new ImageError("corrupt", FORMAT, `reparse point of ${structure}: ${problem}`);
  if (bytes.length < HEADER_SIZE) throw wrong(`${bytes.length} bytes`);
  const tag = le32(bytes, 0);
  const data = bytes.subarray(HEADER_SIZE, HEADER_SIZE + le16(bytes, 4));
  switch (tag) {
    case Tag.mountPoint:
    case Tag.symlink: {
      const header = tag === Tag.symlink ? 12 : 8;
      if (data.length < header) throw wrong(`data of ${data.length} bytes`);
      const start = header + le16(data, 0);
      const length = le16(data, 2);
      if (start + length > data.length) throw wrong(`target of ${length} bytes at ${start}`);
      const relative = tag === Tag.symlink && (le32(data, 8) & SYMLINK_FLAG_RELATIVE) !== 0;
      return { kind: "link", target: utf16Units(data, start, length >>> 1), relative };
    }
    case Tag.lxSymlink:
      if (data.length < 4) throw wrong(`data of ${data.length} bytes`);
      return { kind: "linux link", target: data.subarray(4) };
    case Tag.afUnix:
      return { kind: "socket" };
    case Tag.lxFifo:
      return { kind: "fifo" };
    case Tag.lxCharacter:
      return { kind: "character device" };
    case Tag.lxBlock:
      return { kind: "block device" };
    case Tag.wof:
      if (data.length < 16) throw wrong(`data of ${data.length} bytes`);
      if (le32(data, 4) !== WOF_PROVIDER_FILE) {
        return { kind: "elsewhere", problem: "its contents are in a WIM archive" };
      }
      return { kind: "wof", algorithm: le32(data, 12) };
    case Tag.dedup:
      return { kind: "elsewhere", problem: "its contents are deduplicated" };
    case Tag.sis:
      return { kind: "elsewhere", problem: "its contents are in a single-instance store" };
    case Tag.hsm:
    case Tag.hsm2:
      return { kind: "recalled", problem: "its contents are in remote storage" };
    case Tag.nfs:
      if (data.length < NFS_TYPE_SIZE) throw wrong(`data of ${data.length} bytes`);
      return decodeNfs(data);
    default:
      return (tag & CLOUD_MASK) >>> 0 === Tag.cloud
        ? { kind: "recalled", problem: "its contents are in the cloud" }
        : { kind: "other" };
  }
}

/** [MS-FSCC] 2.1.2.6: eight bytes of type, which are there, then a target or two numbers. */
function decodeNfs(data: Uint8Array): ReparsePoint {
  const type = String.fromCharCode(...data.subarray(0, NFS_TYPE_SIZE)).replace(/\0+$/, "");
  switch (type) {
    case NfsType.link:
      return {
        kind: "nfs link",
        target: utf16Units(data, NFS_TYPE_SIZE, (data.length - NFS_TYPE_SIZE) >>> 1),
      };
    case NfsType.fifo:
      return { kind: "fifo" };
    case NfsType.socket:
      return { kind: "socket" };
    case NfsType.character:
    case NfsType.block:
      if (data.length < 16) return { kind: "other" };
      return {
        kind: "device",
        block: type === NfsType.block,
        major: le32(data, 8),
        minor: le32(data, 12),
      };
    default:
      return { kind: "other" };
  }
}
