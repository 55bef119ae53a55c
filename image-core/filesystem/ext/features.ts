/**
 * The feature words of the superblock, under the names that e2fsprogs prints.
 *
 * A reader may ignore what it does not know among the compatible and the read-only compatible
 * features; an incompatible feature that it does not know changes how the bytes are to be read.
 */

export const Compat = {
  dir_prealloc: 0x1,
  imagic_inodes: 0x2,
  has_journal: 0x4,
  ext_attr: 0x8,
  resize_inode: 0x10,
  dir_index: 0x20,
  sparse_super2: 0x200,
  fast_commit: 0x400,
  stable_inodes: 0x800,
  orphan_file: 0x1000,
} as const;

export const Incompat = {
  filetype: 0x2,
  needs_recovery: 0x4,
  journal_dev: 0x8,
  meta_bg: 0x10,
  extent: 0x40,
  "64bit": 0x80,
  mmp: 0x100,
  flex_bg: 0x200,
  ea_inode: 0x400,
  /** Lustre keeps data behind the name in a directory entry; the upper bits of the type say so. */
  dirdata: 0x1000,
  metadata_csum_seed: 0x2000,
  large_dir: 0x4000,
  inline_data: 0x8000,
  encrypt: 0x10000,
  casefold: 0x20000,
} as const;

export const RoCompat = {
  sparse_super: 0x1,
  large_file: 0x2,
  huge_file: 0x8,
  uninit_bg: 0x10,
  dir_nlink: 0x20,
  extra_isize: 0x40,
  quota: 0x100,
  bigalloc: 0x200,
  metadata_csum: 0x400,
  read_only: 0x1000,
  project: 0x2000,
  shared_blocks: 0x4000,
  verity: 0x8000,
  orphan_present: 0x10000,
} as const;

/** Known by name, so that the refusal can say it, but not read. */
const REFUSED: Record<string, number> = { compression: 0x1 };

export function unknownIncompat(word: number): string[] {
  const known = Object.values(Incompat).reduce((all, bit) => all | bit, 0);
  return names(word & ~known, REFUSED);
}

/** Every feature set, known ones by name. */
export function featureNames(compat: number, incompat: number, roCompat: number): string[] {
  return [...names(compat, Compat), ...names(incompat, Incompat), ...names(roCompat, RoCompat)];
}

function names(word: number, known: Record<string, number>): string[] {
  const found: string[] = [];
  for (let bit = 0; bit < 32; bit++) {
    const value = (1 << bit) >>> 0;
    if ((word & value) === 0) continue;
    const name = Object.keys(known).find((key) => known[key] === value);
    found.push(name ?? `0x${value.toString(16)}`);
  }
  return found;
}

/** ext2, ext3 or ext4: the oldest kernel driver that could have made it. */
export function generation(compat: number, incompat: number, roCompat: number): string {
  const ext3Incompat = Incompat.filetype | Incompat.needs_recovery | Incompat.meta_bg;
  const ext3RoCompat = RoCompat.sparse_super | RoCompat.large_file;
  if ((incompat & ~ext3Incompat) !== 0 || (roCompat & ~ext3RoCompat) !== 0) return "ext4";
  return (compat & Compat.has_journal) !== 0 ? "ext3" : "ext2";
}
