/** Who is measured: each mounts an image on a folder and unmounts it again. */
import { type ExecFileSyncOptions, execFileSync, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { MountInfo } from "../../daemon/rpc/protocol.js";
import { readMountinfo } from "../../fs-adapter/mounting/mountinfo.js";

const project = resolve(fileURLToPath(import.meta.url), "../../..");
/** Of the build in `$ISOMOUNT_DIST`, or of the project's own. */
export const isomountProgram = join(
  process.env.ISOMOUNT_DIST ?? join(project, "dist"),
  "isomount.js",
);

export interface Contender {
  name: string;
  mount(image: string, mountpoint: string): Promise<void>;
  unmount(mountpoint: string): void;
}

/** What it says on standard error comes with the error that a failure throws. */
const quiet: ExecFileSyncOptions = { stdio: ["ignore", "ignore", "pipe"] };

/** `options`: for `-o`. */
export function isomountWith(name: string, ...options: string[]): Contender {
  const parameters = options.flatMap((option) => ["-o", option]);
  return {
    name,
    async mount(image, mountpoint) {
      execFileSync(process.execPath, [isomountProgram, image, mountpoint, ...parameters], quiet);
    },
    unmount: (mountpoint) =>
      execFileSync(process.execPath, [isomountProgram, "umount", mountpoint], quiet),
  };
}

export const isomount = isomountWith("isomount");

/** The process that serves a mount of isomount. */
export function serverOf(mountpoint: string): number {
  const list = execFileSync(process.execPath, [isomountProgram, "list", "--json"], {
    encoding: "utf8",
  });
  const mount = (JSON.parse(list) as MountInfo[]).find((each) => each.mountpoint === mountpoint);
  if (mount === undefined) throw new Error(`isomount serves nothing on ${mountpoint}`);
  return mount.pid;
}

export function stopDaemon(): void {
  execFileSync(process.execPath, [isomountProgram, "daemon", "stop"], { stdio: "ignore" });
}

const umount = (mountpoint: string) => execFileSync("umount", [mountpoint], quiet);

/** A program that mounts, goes to the background, and is unmounted by umount. */
function background(name: string, program: string, ...options: string[]): Contender {
  return {
    name,
    async mount(image, mountpoint) {
      // Its standard error stays open in the background: not a pipe, or we would wait for its end.
      execFileSync(program, [...options, image, mountpoint], { stdio: "ignore" });
      await mounted(mountpoint);
    },
    unmount: umount,
  };
}

export const fuseiso = background("fuseiso", "fuseiso");
export const archivemount = background("archivemount", "archivemount");
export const fuse2fs = background("fuse2fs", "fuse2fs", "-o", "ro");
export const ntfs3g = background("ntfs-3g", "ntfs-3g", "-o", "ro");

/** The kernel's own driver on a loop device. */
export const kernelLoop: Contender = {
  name: "kernel, loop mount",
  async mount(image, mountpoint) {
    execFileSync("mount", ["-o", "loop,ro", image, mountpoint], quiet);
  },
  unmount: umount,
};

/** It takes nothing but block devices from root. */
export const exfatFuse: Contender = {
  name: "exfat-fuse",
  async mount(image, mountpoint) {
    const device = attachLoop(image, "--read-only");
    try {
      execFileSync("mount.exfat-fuse", ["-o", "ro", device, mountpoint], { stdio: "ignore" });
      await mounted(mountpoint);
    } catch (error) {
      detachLoop(device);
      throw error;
    }
  },
  unmount(mountpoint) {
    const device = readMountinfo().find((entry) => entry.mountpoint === mountpoint)?.source;
    umount(mountpoint);
    if (device !== undefined) detachLoop(device);
  },
};

export function attachLoop(image: string, ...options: string[]): string {
  const parameters = [...options, "--find", "--show", image];
  return execFileSync("losetup", parameters, { encoding: "utf8" }).trim();
}

export function detachLoop(device: string): void {
  execFileSync("losetup", ["--detach", device], quiet);
}

async function mounted(mountpoint: string): Promise<void> {
  for (let i = 0; i < 2000; i++) {
    if (readMountinfo().some((entry) => entry.mountpoint === mountpoint)) return;
    await new Promise((done) => setTimeout(done, 5));
  }
  throw new Error(`${mountpoint} was not mounted in 10 seconds`);
}

/** The C server of peer.c, compiled into the folder, on the bytes of one file of an image. */
export function peer(folder: string, offset: number, length: number): Contender {
  const program = join(folder, "peer");
  return {
    name: "C, libfuse 3 with splice",
    async mount(image, mountpoint) {
      if (!existsSync(program)) compilePeer(program);
      spawn(program, [image, String(offset), String(length), mountpoint], { stdio: "ignore" });
      await mounted(mountpoint);
    },
    unmount: umount,
  };
}

function compilePeer(program: string): void {
  const flags = execFileSync("pkg-config", ["--cflags", "--libs", "fuse3"], { encoding: "utf8" });
  const source = join(project, "test/bench/peer.c");
  execFileSync("gcc", ["-O2", "-o", program, source, ...flags.trim().split(/\s+/)], quiet);
}
