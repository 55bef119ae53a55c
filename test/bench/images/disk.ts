/** Disks with the filesystems of Linux, Windows and memory cards, all with the same contents. */
import { execFileSync } from "node:child_process";
import { mkdirSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { attachLoop, detachLoop } from "../contenders.js";
import { contents } from "./contents.js";
import { made, tool } from "./make.js";

/** Room for 20,000 files in clusters of 32 KiB. */
const DISK_MEBIBYTES = 2048;

function emptyDisk(image: string): void {
  writeFileSync(image, "");
  truncateSync(image, DISK_MEBIBYTES * 2 ** 20);
}

export function ext4Image(folder: string): string {
  return made(folder, "ext4.img", (image) => {
    const source = contents(folder);
    tool("mke2fs", "-q", "-F", "-t", "ext4", "-d", source, image, `${DISK_MEBIBYTES}M`);
  });
}

export function ntfsImage(folder: string): string {
  return made(folder, "ntfs.img", (image) => {
    emptyDisk(image);
    tool("mkntfs", "-q", "-Q", "-F", image);
    const mountpoint = mountpointFor(folder);
    execFileSync("ntfs-3g", [image, mountpoint], { stdio: "ignore" });
    fill(mountpoint, contents(folder));
    // The driver writes on after umount returns.
    tool("sh", "-c", 'while fuser -s "$0"; do sleep 0.05; done', image);
  });
}

export function exfatImage(folder: string): string {
  return made(folder, "exfat.img", (image) => {
    emptyDisk(image);
    tool("mkfs.exfat", image);
    const mountpoint = mountpointFor(folder);
    // exfat-fuse asks root for a block device.
    const device = attachLoop(image);
    try {
      execFileSync("mount.exfat-fuse", [device, mountpoint], { stdio: "ignore" });
      fill(mountpoint, contents(folder));
      tool("sh", "-c", 'while fuser -s "$0"; do sleep 0.05; done', device);
    } finally {
      detachLoop(device);
    }
  });
}

function mountpointFor(folder: string): string {
  const mountpoint = join(folder, "mnt-filling");
  mkdirSync(mountpoint, { recursive: true });
  return mountpoint;
}

/** Copies and unmounts. */
function fill(mountpoint: string, source: string): void {
  try {
    tool("cp", "-r", "--no-preserve=all", `${source}/.`, mountpoint);
  } finally {
    tool("umount", mountpoint);
  }
}
