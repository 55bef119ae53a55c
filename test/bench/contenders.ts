/** Who is measured: each mounts an image on a folder and unmounts it again. */
import { execFileSync, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { readMountinfo } from "../../fs-adapter/mounting/mountinfo.js";

const project = resolve(fileURLToPath(import.meta.url), "../../..");
export const isomountProgram = join(project, "dist/isomount.js");

export interface Contender {
  name: string;
  mount(image: string, mountpoint: string): Promise<void>;
  unmount(mountpoint: string): void;
}

export const isomount: Contender = {
  name: "isomount",
  async mount(image, mountpoint) {
    execFileSync(process.execPath, [isomountProgram, image, mountpoint]);
  },
  unmount: (mountpoint) => execFileSync(process.execPath, [isomountProgram, "umount", mountpoint]),
};

/** A program that mounts, goes to the background, and is unmounted by fusermount. */
function background(name: string): Contender {
  return {
    name,
    async mount(image, mountpoint) {
      execFileSync(name, [image, mountpoint], { stdio: "ignore" });
      await mounted(mountpoint);
    },
    unmount: (mountpoint) => execFileSync("umount", [mountpoint]),
  };
}

export const fuseiso = background("fuseiso");
export const archivemount = background("archivemount");

async function mounted(mountpoint: string): Promise<void> {
  for (let i = 0; i < 2000; i++) {
    if (readMountinfo().some((entry) => entry.mountpoint === mountpoint)) return;
    await new Promise((done) => setTimeout(done, 5));
  }
  throw new Error(`${mountpoint} was not mounted in 10 seconds`);
}

/** The C server of peer.c, compiled where the folder says, on the bytes of one file of an image. */
export function compilePeer(folder: string): (offset: number, length: number) => Contender {
  const program = join(folder, "peer");
  if (!existsSync(program)) {
    const flags = execFileSync("pkg-config", ["--cflags", "--libs", "fuse3"], { encoding: "utf8" });
    const source = join(project, "test/bench/peer.c");
    execFileSync("gcc", ["-O2", "-o", program, source, ...flags.trim().split(/\s+/)]);
  }
  return (offset, length) => ({
    name: "C, libfuse 3 with splice",
    async mount(image, mountpoint) {
      spawn(program, [image, String(offset), String(length), mountpoint], { stdio: "ignore" });
      await mounted(mountpoint);
    },
    unmount: (mountpoint) => execFileSync("umount", [mountpoint]),
  });
}
