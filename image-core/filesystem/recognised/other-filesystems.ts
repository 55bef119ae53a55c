/** Filesystems and volumes of Windows, macOS, the BSDs, old computers and game consoles. */
import { Confidence, type ProbeWindow } from "../../format.js";
import { be32, holds, label, le16, le32, type Signature } from "./signature.js";

/** Where UFS1 and UFS2 keep their superblocks, as far as the window reaches. */
const UFS_SUPERBLOCKS = [8192, 65_536, 0];
const FS_MAGIC = 1372;
const FS_UFS1_MAGIC = 0x0001_1954;
const FS_UFS2_MAGIC = 0x1954_0119;
const VMFS_LVM = 0x10_0000;

function ufsSuperblock(window: ProbeWindow, magic: number): number | undefined {
  return UFS_SUPERBLOCKS.find((start) => {
    const at = start + FS_MAGIC;
    return le32(window, at) === magic || be32(window, at) === magic;
  });
}

function ufs(id: string, title: string, magic: number): Signature {
  return {
    id,
    title,
    test: (window) => ufsSuperblock(window, magic) !== undefined,
    details: (window) => {
      const start = ufsSuperblock(window, magic) ?? 0;
      const order = be32(window, start + FS_MAGIC) === magic ? "big-endian" : "";
      return order || label(window, start + 680, 32);
    },
  };
}

export const otherFilesystems: readonly Signature[] = [
  { id: "bitlocker", title: "BitLocker encrypted volume", magic: [[3, "-FVE-FS-"]] },
  {
    id: "refs",
    title: "ReFS",
    magic: [[3, "ReFS\0\0\0\0"]],
    details: ({ head }) => `${head[40]}.${head[41]}`,
  },
  { id: "hpfs", title: "HPFS", magic: [[8192, "\x49\xe8\x95\xf9\xc5\xe9\x53\xfa"]] },
  { id: "ldm", title: "Windows dynamic disk database", magic: [[3072, "PRIVHEAD"]] },
  {
    id: "storage-spaces",
    title: "Windows Storage Spaces member",
    magic: [[4096, "SPACEDB "]],
  },
  { id: "apfs", title: "APFS container", magic: [[32, "NXSB"]] },
  {
    id: "core-storage",
    title: "Apple Core Storage volume",
    magic: [[88, "CS"]],
    // Block type 0x10, version 1, and the block size of physical volumes.
    test: (window) => le16(window, 8) === 1 && le16(window, 10) === 0x10,
  },
  {
    id: "prodos",
    title: "ProDOS",
    // The volume directory's key block: no block before it, entries of 39 bytes, 13 a block.
    test: (window) =>
      le16(window, 1024) === 0 &&
      (window.head[1028] ?? 0) >> 4 === 0xf &&
      (window.head[1028] & 15) !== 0 &&
      window.head[1059] === 39 &&
      window.head[1060] === 13,
    details: (window) => label(window, 1029, window.head[1028] & 15),
    confidence: Confidence.likely,
  },
  ufs("ufs1", "UFS1 (FFS)", FS_UFS1_MAGIC),
  ufs("ufs2", "UFS2", FS_UFS2_MAGIC),
  {
    id: "zfs",
    title: "ZFS pool member",
    // The label's list of pairs at 16 KiB, XDR-encoded, whose first pair is the pool's version.
    test: (window) => holds(window, 16_384 + 24, "version") && be32(window, 16_384) >>> 24 === 1,
  },
  {
    id: "vmfs",
    title: "VMware VMFS",
    // The first MiB is left empty: only then is it worth a read behind the window.
    test: ({ head, size, source }) => {
      if (size < VMFS_LVM + 4 || head.some((byte) => byte !== 0)) return false;
      const magic = new Uint8Array(4);
      source.read(VMFS_LVM, magic, 0, 4);
      return [0x0d, 0xd0, 0x01, 0xc0].every((byte, i) => magic[i] === byte);
    },
  },
  {
    id: "bfs",
    title: "BeOS or Haiku BFS",
    magic: [
      [32, "1SFB"],
      [512 + 32, "1SFB"],
      [512 + 32, "BFS1"],
    ],
    details: (window) => label(window, 512, 32),
  },
  { id: "efs", title: "SGI EFS", test: (window) => [0x72959, 0x7295a].includes(be32(window, 540)) },
  {
    id: "amiga",
    title: "Amiga filesystem",
    magic: [0, 1, 2, 3, 4, 5, 6, 7].map((kind) => [0, `DOS${String.fromCharCode(kind)}`] as const),
    details: ({ head }) => ((head[3] & 1) === 0 ? "(OFS)" : "(FFS)"),
  },
  { id: "amiga-rdb", title: "Amiga hard disk (RDB)", magic: [[0, "RDSK"]] },
  { id: "xdvdfs", title: "Xbox disc (XDVDFS)", magic: [[65_536, "MICROSOFT*XBOX*MEDIA"]] },
  {
    id: "fatx",
    title: "Xbox FATX",
    magic: [
      [0, "FATX"],
      [0, "XTAF"],
    ],
  },
  { id: "wii", title: "Wii disc", magic: [[0x18, "\x5d\x1c\x9e\xa3"]] },
  { id: "gamecube", title: "GameCube disc", magic: [[0x1c, "\xc2\x33\x9f\x3d"]] },
  { id: "opera", title: "3DO disc (Opera)", magic: [[0, "\x01ZZZZZ\x01\0"]] },
  // Green Book III.4.4: as ISO 9660 puts its descriptors, under another name.
  { id: "cd-i", title: "CD-i disc (Green Book)", magic: [[32_769, "CD-I "]] },
  { id: "pc-engine", title: "PC Engine CD", magic: [[2048 + 32, "PC Engine CD-ROM SYSTEM"]] },
  { id: "pc-fx", title: "PC-FX disc", magic: [[0, "PC-FX:Hu_CD-ROM"]] },
  { id: "android-boot", title: "Android boot image", magic: [[0, "ANDROID!"]] },
];
