/**
 * Filesystems and volume managers of Linux. Offsets from the kernel's documentation of each format
 * and from the formats' own specifications.
 */
import { Confidence, type ProbeWindow } from "../../format.js";
import {
  be16,
  be32,
  holds,
  label,
  le16,
  le32,
  type Signature,
  wideLabel,
  words,
} from "./signature.js";

const BTRFS = 65_536;
const F2FS = 1024;
const EROFS = 1024;
const MINIX = 1024;
const NILFS = 1024;
const JFS = 32_768;
const SQUASHFS_COMPRESSORS = ["", "gzip", "lzma", "lzo", "xz", "lz4", "zstd"];
/** Minix 1, 1 with long names, 2, 2 with long names. */
const MINIX_MAGICS = [0x137f, 0x138f, 0x2468, 0x2478];
/** How far into a physical volume its first copy of the metadata is looked for. */
const LVM_TEXT = 16_384;
const PAGE_SIZES = [4096, 8192, 16_384, 65_536];

function xfsVersion(versionnum: number): string {
  return Number.isNaN(versionnum) ? "" : `version ${versionnum & 15}`;
}

/** `sqsh` in big-endian order, `qshs` with LZMA; the little-endian ones are `hsqs` and `shsq`. */
function isBigEndian(window: ProbeWindow): boolean {
  return holds(window, 0, "sqsh") || holds(window, 0, "qshs");
}

/** 0 where the fields around the two-byte magic do not agree with it. */
function minixVersion(window: ProbeWindow): number {
  const inodes = le16(window, MINIX);
  const blockSize = le16(window, MINIX + 28);
  if (holds(window, MINIX + 24, "\x5a\x4d")) {
    return le32(window, MINIX) > 0 && blockSize >= 1024 && blockSize % 512 === 0 ? 3 : 0;
  }
  const index = MINIX_MAGICS.indexOf(le16(window, MINIX + 16));
  const logZoneSize = le16(window, MINIX + 10);
  if (index < 0 || inodes === 0 || logZoneSize > 8 || le32(window, MINIX + 12) === 0) return 0;
  return index < 2 ? 1 : 2;
}

const LVM_SECTORS = [0, 512, 1024, 1536];

/** The volume group by the text of its metadata, if that lies near; the physical volume's UUID. */
function lvmNames(window: ProbeWindow): string {
  const sector = LVM_SECTORS.find((start) => holds(window, start, "LABELONE")) ?? 0;
  const begin = Buffer.from(window.head.subarray(0, LVM_TEXT)).toString("latin1");
  const group = /(?:^|[\0\n])([\w+.-]{1,127}) \{\nid = "/.exec(begin)?.[1];
  const uuid = begin.slice(sector + 32, sector + 64);
  const dashed = uuid.replace(
    /^(.{6})(.{4})(.{4})(.{4})(.{4})(.{4})(.{6})$/,
    "$1-$2-$3-$4-$5-$6-$7",
  );
  return words(
    group === undefined ? "" : `of "${group}"`,
    /^\w{32}$/.test(uuid) ? `UUID ${dashed}` : "",
  );
}

/** The kernel writes one of these over the signature while it sleeps on the disk. */
const SUSPENDED = ["S1SUSPEND\0", "S2SUSPEND\0", "ULSUSPEND\0", "LINHIB0001"];

function isSuspended(window: ProbeWindow): boolean {
  return PAGE_SIZES.some((page) => SUSPENDED.some((magic) => holds(window, page - 10, magic)));
}

export const linuxFilesystems: readonly Signature[] = [
  {
    id: "btrfs",
    title: "btrfs",
    magic: [[BTRFS + 64, "_BHRfS_M"]],
    details: (window) => label(window, BTRFS + 299, 256),
  },
  {
    id: "xfs",
    title: "XFS",
    magic: [[0, "XFSB"]],
    details: (window) => words(xfsVersion(be16(window, 100)), label(window, 108, 12)),
  },
  {
    id: "squashfs",
    title: "SquashFS",
    magic: ["hsqs", "shsq", "sqsh", "qshs"].map((magic) => [0, magic] as const),
    details: (window) => {
      if (isBigEndian(window)) return `${be16(window, 28)}.${be16(window, 30)} big-endian`;
      const major = le16(window, 28);
      const compressor = major === 4 ? (SQUASHFS_COMPRESSORS[le16(window, 20)] ?? "") : "";
      return words(`${major}.${le16(window, 30)}`, compressor);
    },
  },
  {
    id: "erofs",
    title: "EROFS",
    magic: [[EROFS, "\xe2\xe1\xf5\xe0"]],
    details: (window) => label(window, EROFS + 64, 16),
  },
  {
    id: "f2fs",
    title: "F2FS",
    magic: [[F2FS, "\x10\x20\xf5\xf2"]],
    details: (window) =>
      words(
        `${le16(window, F2FS + 4)}.${le16(window, F2FS + 6)}`,
        wideLabel(window, F2FS + 124, 512),
      ),
  },
  {
    id: "bcachefs",
    title: "bcachefs",
    magic: [
      [4096 + 24, "\xc6\x85\x73\xf6\x4e\x1a\x45\xca\x82\x65\xf5\x7f\x48\xba\x6d\x81"],
      [4096 + 24, "\xc6\x85\x73\xf6\x66\xce\x90\xa9\xd9\x6a\x60\xcf\x80\x3d\xf7\xef"],
    ],
    details: (window) => label(window, 4096 + 72, 32),
  },
  {
    id: "nilfs2",
    title: "NILFS2",
    magic: [[NILFS + 6, "\x34\x34"]],
    test: (window) => le32(window, NILFS) === 2 && le16(window, NILFS + 8) <= 1024,
    details: (window) => label(window, NILFS + 152, 80),
    confidence: Confidence.likely,
  },
  {
    id: "reiserfs",
    title: "ReiserFS",
    magic: [65_536, 8192].flatMap((start) =>
      ["ReIsErFs", "ReIsEr2Fs", "ReIsEr3Fs"].map((magic) => [start + 52, magic] as const),
    ),
    details: (window) => label(window, 65_536 + 100, 16),
  },
  { id: "reiser4", title: "Reiser4", magic: [[65_536, "ReIsEr4\0"]] },
  {
    id: "jfs",
    title: "JFS",
    magic: [[JFS, "JFS1"]],
    details: (window) => label(window, JFS + 152, 16),
  },
  {
    id: "minix",
    title: "Minix",
    test: (window) => minixVersion(window) !== 0,
    details: (window) => `${minixVersion(window)}`,
    confidence: Confidence.likely,
  },
  {
    id: "cramfs",
    title: "cramfs",
    magic: [0, 512].map((start) => [start + 16, "Compressed ROMFS"] as const),
    details: (window) => {
      const start = le32(window, 512) === 0x28cd3d45 || be32(window, 512) === 0x28cd3d45 ? 512 : 0;
      return label(window, start + 48, 16);
    },
  },
  {
    id: "romfs",
    title: "romfs",
    magic: [[0, "-rom1fs-"]],
    details: (window) => label(window, 16, 64),
  },
  {
    id: "gfs2",
    title: "GFS2",
    magic: [[65_536, "\x01\x16\x19\x70\0\0\0\x01"]],
  },
  {
    id: "ocfs2",
    title: "OCFS2",
    magic: [1024, 2048, 4096, 8192].map((start) => [start, "OCFSV2"] as const),
  },
  { id: "ubifs", title: "UBIFS", magic: [[0, "\x31\x18\x10\x06"]] },
  { id: "ubi", title: "UBI flash image", magic: [[0, "UBI#\x01"]] },
  {
    id: "jffs2",
    title: "JFFS2",
    magic: [
      [0, "\x85\x19\x03\x20"],
      [0, "\x19\x85\x20\x03"],
      [0, "\x85\x19\x01\xe0"],
      [0, "\x85\x19\x02\xe0"],
    ],
    confidence: Confidence.likely,
  },
  {
    id: "lvm2",
    title: "LVM2 physical volume",
    magic: LVM_SECTORS.map((sector) => [sector, "LABELONE"] as const),
    details: lvmNames,
  },
  {
    id: "luks",
    title: "LUKS encrypted volume",
    magic: [[0, "LUKS\xba\xbe"]],
    details: (window) => {
      const version = be16(window, 6);
      return words(`version ${version}`, version === 2 ? label(window, 24, 48) : "");
    },
  },
  {
    id: "linux-raid",
    title: "Linux RAID member",
    magic: [
      [0, "\xfc\x4e\x2b\xa9\x01\0\0\0"],
      [4096, "\xfc\x4e\x2b\xa9\x01\0\0\0"],
    ],
    details: (window) => label(window, (le32(window, 4096) === 0xa92b4efc ? 4096 : 0) + 32, 32),
  },
  {
    id: "swap",
    title: "Linux swap space",
    magic: PAGE_SIZES.flatMap((page) =>
      ["SWAPSPACE2", "SWAP-SPACE", ...SUSPENDED].map((magic) => [page - 10, magic] as const),
    ),
    details: (window) =>
      words(isSuspended(window) ? "with a suspended system" : "", label(window, 1052, 16)),
  },
  {
    id: "stratis",
    title: "Stratis pool member",
    magic: [
      [512 + 4, "!Stra0tis\x86\xff\x02"],
      [4608 + 4, "!Stra0tis\x86\xff\x02"],
    ],
  },
  { id: "vdo", title: "VDO volume", magic: [[0, "dmvdo001"]] },
];
