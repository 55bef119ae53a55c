/**
 * The Rock Ridge Interchange Protocol: RRIP_1991A (1.09), IEEE_P1282 (1.10) and IEEE_1282 (1.12).
 * Fills an Entry from its record's system use entries; symlink targets are read apart, on demand.
 */
import type { Charset } from "../../text/charset.js";
import {
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  S_IFSOCK,
} from "../volume.js";
import { both32, le32 } from "./both-endian.js";
import type { Entry } from "./entry.js";
import type { IsoImage } from "./iso-image.js";
import { SystemUseWalker, signature } from "./susp.js";
import { SymlinkTarget } from "./symlink-target.js";
import { digitsTime, recordTime } from "./times.js";

const PX = signature("PX");
const PN = signature("PN");
const SL = signature("SL");
const NM = signature("NM");
const CL = signature("CL");
const PL = signature("PL");
const RE = signature("RE");
const TF = signature("TF");
const SF = signature("SF");
const ZF = signature("ZF");
const Z2 = signature("Z2");

const NM_CONTINUE = 0x01;
const NM_CURRENT = 0x02;
const NM_PARENT = 0x04;

const TF_CREATION = 0x01;
const TF_MODIFY = 0x02;
const TF_ACCESS = 0x04;
const TF_ATTRIBUTES = 0x08;
const TF_LONG_FORM = 0x80;

/** What POSIX systems allow, and statfs says. */
const MAX_NAME_BYTES = 255;
const MAX_U32 = 0xffffffff;

export class RockRidge {
  private readonly walker: SystemUseWalker;
  private readonly nameBytes = new Uint8Array(MAX_NAME_BYTES);

  constructor(
    private readonly image: IsoImage,
    /** Bytes of every system use field that are not SUSP's (SP's LEN_SKP). */
    readonly skip: number,
    readonly charset: Charset,
  ) {
    this.walker = new SystemUseWalker(image);
  }

  /**
   * Takes what the system use entries from `start` to `end` say into `entry`, which holds what the
   * record itself says. `named`: NM names it; false leaves the name (of `.`, `..`) alone.
   */
  read(bytes: Uint8Array, start: number, end: number, entry: Entry, named: boolean): void {
    const { walker } = this;
    walker.open(bytes, this.firstEntry(bytes, start), end);
    let nameLength = -1;
    let nameContinues = false;
    while (walker.step()) {
      const { bytes: b, at, length } = walker;
      switch (walker.signature) {
        case NM: {
          if (!named || length < 5) break;
          const flags = b[at + 4];
          if (nameLength < 0 && (flags & (NM_CONTINUE | NM_CURRENT | NM_PARENT)) === 0) {
            // The usual case: all of the name in one entry.
            if (length > 5) {
              entry.name = this.charset.decode(b, at + 5, at + length);
              entry.version = 0;
              nameLength = 0;
            }
          } else if (nameLength < 0 || nameContinues) {
            nameLength = this.gather(b, at, length, Math.max(0, nameLength));
            nameContinues = (flags & NM_CONTINUE) !== 0;
            if (nameLength > 0) {
              entry.name = this.charset.decode(this.nameBytes, 0, nameLength);
              entry.version = 0;
            }
          }
          break;
        }
        case PX:
          if (length >= 36) this.takeAttributes(b, at, length, entry);
          break;
        case PN:
          if (length >= 20) takeDevice(b, at, entry);
          break;
        case TF:
          if (length >= 5) takeTimes(b, at, length, entry);
          break;
        case SL:
          entry.symlink = true;
          break;
        case CL:
          if (length >= 12) {
            const block = both32(b, at + 4, this.image.blocks);
            if (block > 0 && block < this.image.blocks) {
              entry.childStart = block * this.image.blockSize;
            }
          }
          break;
        case PL:
          if (length >= 12) entry.parentBlock = both32(b, at + 4, this.image.blocks);
          break;
        case RE:
          entry.relocated = true;
          break;
        case ZF:
        case Z2:
          if (length >= 16) takeZisofs(b, at, entry);
          break;
        case SF:
          takeSparse(b, at, length, entry);
          break;
      }
    }
  }

  /** The target of the symlink whose system use entries lie from `start` to `end`. */
  readLink(bytes: Uint8Array, start: number, end: number): string {
    const { walker } = this;
    walker.open(bytes, this.firstEntry(bytes, start), end);
    const target = new SymlinkTarget(this.charset);
    while (walker.step()) {
      if (walker.signature !== SL || walker.length < 5) continue;
      target.addComponents(walker.bytes, walker.at + 5, walker.at + walker.length);
    }
    return target.text();
  }

  /** LEN_SKP does not count in the record that has the SP entry itself (SUSP 5.3). */
  private firstEntry(bytes: Uint8Array, start: number): number {
    const sp =
      bytes[start] === 0x53 &&
      bytes[start + 1] === 0x50 &&
      bytes[start + 4] === 0xbe &&
      bytes[start + 5] === 0xef;
    return sp ? start : start + this.skip;
  }

  private gather(bytes: Uint8Array, at: number, length: number, known: number): number {
    const flags = bytes[at + 4];
    const { nameBytes } = this;
    if ((flags & (NM_CURRENT | NM_PARENT)) !== 0) {
      // A name that means `.` or `..` is no name; escaped by the charset layer.
      const dots = (flags & NM_PARENT) !== 0 ? 2 : 1;
      for (let i = 0; i < dots && known < MAX_NAME_BYTES; i++) nameBytes[known++] = 0x2e;
      return known;
    }
    for (let i = 5; i < length && known < MAX_NAME_BYTES; i++) nameBytes[known++] = bytes[at + i];
    return known;
  }

  private takeAttributes(bytes: Uint8Array, at: number, length: number, entry: Entry): void {
    const mode = both32(bytes, at + 4, 0xffff);
    entry.permissions = mode & 0o7777;
    entry.type = mode & S_IFMT;
    entry.nlink = both32(bytes, at + 12, MAX_U32);
    entry.uid = both32(bytes, at + 20, MAX_U32);
    entry.gid = both32(bytes, at + 28, MAX_U32);
    if (length >= 44) entry.serial = both32(bytes, at + 36, MAX_U32);
  }
}

/** PN: genisoimage writes major and minor, libisofs all of Linux's dev_t into the low word. */
function takeDevice(bytes: Uint8Array, at: number, entry: Entry): void {
  const high = both32(bytes, at + 4, MAX_U32);
  const low = both32(bytes, at + 12, MAX_U32);
  if (high === 0 && low > 0xff) {
    entry.rdevMajor = (low >>> 8) & 0xfff;
    entry.rdevMinor = (low & 0xff) | ((low >>> 12) & 0xfff00);
  } else {
    entry.rdevMajor = high;
    entry.rdevMinor = low;
  }
}

function takeTimes(bytes: Uint8Array, at: number, length: number, entry: Entry): void {
  const flags = bytes[at + 4];
  const long = (flags & TF_LONG_FORM) !== 0;
  const width = long ? 17 : 7;
  let next = at + 5;
  let change = 0;
  for (let flag = TF_CREATION; flag <= TF_ATTRIBUTES; flag <<= 1) {
    if ((flags & flag) === 0) continue;
    if (next + width > at + length) return;
    let seconds: number;
    let nanoseconds = 0;
    if (long) {
      const time = digitsTime(bytes, next, false);
      seconds = time === undefined ? Number.NaN : time.seconds;
      nanoseconds = time === undefined ? 0 : time.nanoseconds;
    } else seconds = recordTime(bytes, next, false);
    next += width;
    if (Number.isNaN(seconds)) continue;
    if (flag === TF_MODIFY) {
      entry.mtime = seconds;
      entry.mtimeNs = nanoseconds;
    } else if (flag === TF_ACCESS) {
      entry.atime = seconds;
      entry.atimeNs = nanoseconds;
    } else if (flag === TF_ATTRIBUTES || change === 0) {
      // Linux shows the creation date as ctime where no attribute date is recorded.
      entry.ctime = seconds;
      entry.ctimeNs = nanoseconds;
      change = flag;
    }
  }
}

/** Version 1: `pz` and a both-endian size. Version 2: `PZ` and 64 bits, little-endian. */
function takeZisofs(bytes: Uint8Array, at: number, entry: Entry): void {
  entry.zisofs = String.fromCharCode(bytes[at + 4], bytes[at + 5]);
  entry.zisofsHeaderBytes = bytes[at + 6] * 4;
  entry.zisofsBlockBits = bytes[at + 7];
  entry.size =
    bytes[at + 3] >= 2
      ? le32(bytes, at + 8) + le32(bytes, at + 12) * 2 ** 32
      : both32(bytes, at + 8, MAX_U32);
}

/** SF: 12 bytes with a 32-bit size (RRIP 1.10), 21 with 64 bits and a table depth (1.12). */
function takeSparse(bytes: Uint8Array, at: number, length: number, entry: Entry): void {
  if (length >= 21) {
    entry.size = both32(bytes, at + 4, MAX_U32) * 2 ** 32 + both32(bytes, at + 12, MAX_U32);
    entry.sparse = true;
  } else if (length >= 12) {
    entry.size = both32(bytes, at + 4, MAX_U32);
    entry.sparse = true;
  }
}

/** What a symlink is, whatever PX claims; a record that is none of the known types is a file. */
export function settleType(entry: Entry): void {
  switch (entry.type) {
    case S_IFREG:
    case S_IFLNK:
    case S_IFCHR:
    case S_IFBLK:
    case S_IFIFO:
    case S_IFSOCK:
      break;
    default:
      // A directory that the record itself does not call one has no records to show.
      entry.type = entry.symlink && entry.type !== S_IFDIR ? S_IFLNK : S_IFREG;
  }
}
