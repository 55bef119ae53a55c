// @ts-check
/** Programs that come from the distribution: what isomount needs, and what its tests need. */

/** What a mount needs or is better with: program, package name by package manager, what its lack costs. */
export const runtimePackages = [
  {
    program: "fusermount3",
    packages: { "apt-get": "fuse3", dnf: "fuse3", pacman: "fuse3", zypper: "fuse3", apk: "fuse3" },
    without: "only root can mount",
  },
  {
    program: "bwrap",
    packages: {
      "apt-get": "bubblewrap",
      dnf: "bubblewrap",
      pacman: "bubblewrap",
      zypper: "bubblewrap",
      apk: "bubblewrap",
    },
    without: "images are read outside a sandbox",
  },
];

/** Debian's names: makers of images and readers that are not ours. */
export const testPackages = [
  "archivemount",
  "attr",
  "bchunk",
  "cdrdao",
  "dmg2img",
  "dosfstools",
  "e2fsprogs",
  "exfat-fuse",
  "exfatprogs",
  "fdisk",
  "fio",
  "fuse2fs",
  "fuseiso",
  "gcc",
  "gdisk",
  "genisoimage",
  "hfsplus",
  "hfsutils",
  "libarchive-tools",
  "libfuse3-dev",
  "man-db",
  "mtools",
  "ntfs-3g",
  "p7zip-full",
  "pkg-config",
  "sleuthkit",
  "squashfs-tools",
  "strace",
  "systemd-container",
  "udftools",
  "wimtools",
  "xorriso",
  "zsh",
];
