/** Root's mounts: everybody sees them, with the permissions that the image records. */
import { spawnSync } from "node:child_process";
import { closeSync, existsSync, openSync, readdirSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildIso, file, folder } from "../fixtures/iso9660/iso-builder.js";
import { nm, px, sp } from "../fixtures/iso9660/susp-entries.js";
import { ORDINARY_USER, startIsomount } from "../support/isomount.js";
import { eventually } from "../support/processes.js";
import { run } from "../support/tools.js";

const isomount = startIsomount();
const image = join(isomount.folder, "shared.iso");

beforeAll(() => {
  const posix = (mode: number, name: string) => ({
    systemUse: () => [px(mode, 1, 0, 0), nm(name)],
  });
  const root = folder(
    "",
    [
      folder("CLOSED", [file("IN.;1", "in\n", posix(0o100644, "in"))], {
        ...posix(0o40700, "closed"),
        dot: () => [px(0o40700)],
      }),
      file("OPEN.;1", "open\n", posix(0o100644, "open")),
      file("SECRET.;1", "secret\n", posix(0o100600, "secret")),
    ],
    { dot: () => [sp(), px(0o40755)] },
  );
  const label = `SHARED-${process.pid}`;
  writeFileSync(image, buildIso(root, { label }));
});

function asUser(name: string, ...parameters: string[]): { status: number | null; text: string } {
  const { status, stdout, stderr } = spawnSync(name, parameters, {
    uid: ORDINARY_USER,
    gid: ORDINARY_USER,
    // The scratch folder is root's alone: from inside the mount.
    cwd: "/",
    encoding: "utf8",
    env: { ...process.env, LC_ALL: "C" },
  });
  return { status, text: stdout + stderr };
}

describe("another user", () => {
  // Beneath a folder that everybody may enter.
  let mountpoint: string;
  beforeAll(() => {
    mountpoint = isomount.succeed(image).slice(0, -1);
  });

  it("reads what the image lets everybody read", () => {
    expect(asUser("cat", join(mountpoint, "open"))).toEqual({ status: 0, text: "open\n" });
    expect(asUser("ls", mountpoint).text).toBe("closed\nopen\nsecret\n");
  });

  it("does not read what is root's alone", () => {
    for (const path of ["secret", "closed/in"]) {
      const { status, text } = asUser("cat", join(mountpoint, path));
      expect(text).toContain("Permission denied");
      expect(status).toBe(1);
    }
    expect(asUser("ls", join(mountpoint, "closed")).text).toContain("Permission denied");
    // Root has read it before, so that it is in the cache: still not.
    expect(run("cat", [join(mountpoint, "secret")]).toString()).toBe("secret\n");
    expect(asUser("cat", join(mountpoint, "secret")).status).toBe(1);
    isomount.succeed("umount", mountpoint);
  });

  it("sees nothing of a private mount", () => {
    isomount.succeed(image, "-o", "private");
    expect(asUser("ls", mountpoint).text).toContain("Permission denied");
    isomount.succeed("umount", image);
  });
});

describe("umount(8)", () => {
  const parent = "/run/media/root";
  const wasThere = existsSync(parent);
  afterAll(() => {
    // Made on the way, not by us to keep: goes if others have nothing in it.
    if (!wasThere) spawnSync("rmdir", ["--ignore-fail-on-non-empty", parent]);
  });

  it("is noticed within a second, and the folder that was made goes", async () => {
    const mountpoint = isomount.succeed(image).slice(0, -1);
    expect(dirname(mountpoint)).toBe(parent);
    run("umount", [mountpoint]);
    await eventually("the folder is gone", () => !existsSync(mountpoint), 1);
    await eventually("the server is gone", () => isomount.servers().length === 0, 1);
    expect(isomount.list()).toEqual([]);
    isomount.expectNothingLeft();
  });

  it("leaves a folder that was there before", async () => {
    const mountpoint = isomount.mount(image);
    run("umount", [mountpoint]);
    await eventually("the server is gone", () => isomount.servers().length === 0, 1);
    expect(readdirSync(mountpoint)).toEqual([]);
    isomount.expectNothingLeft();
  });

  it("keeps open files going where it is lazy", async () => {
    const mountpoint = isomount.mount(image);
    const fd = openSync(join(mountpoint, "open"), "r");
    run("umount", ["-l", mountpoint]);
    expect(readdirSync(mountpoint)).toEqual([]);
    expect(run("cat", [`/proc/${process.pid}/fd/${fd}`]).toString()).toBe("open\n");
    // Its place is free for another, which this one's id must not unmount.
    const [{ id }] = isomount.list();
    isomount.succeed(image, mountpoint);
    const { status, stderr } = isomount.run("umount", id);
    expect(stderr).toContain("is unmounted already, but files are still open");
    expect(status).toBe(32);
    expect(readdirSync(mountpoint)).toContain("open");
    closeSync(fd);
    await eventually("the server is gone", () => isomount.list().length === 1, 2);
    isomount.succeed("umount", mountpoint);
    isomount.expectNothingLeft();
  });
});

it("is unmounted by id where a folder above it was renamed", () => {
  const above = join(isomount.folder, "above");
  const moved = join(isomount.folder, "moved");
  run("mkdir", ["-p", join(above, "mnt")]);
  isomount.succeed(image, join(above, "mnt"));
  const [{ id }] = isomount.list();
  renameSync(above, moved);
  // What lies at its old place now is another's.
  run("mkdir", ["-p", join(above, "mnt")]);
  run("mount", ["-t", "tmpfs", "none", join(above, "mnt")]);
  try {
    isomount.succeed("umount", id);
    expect(readdirSync(join(moved, "mnt"))).toEqual([]);
    expect(run("findmnt", ["-n", "-o", "FSTYPE", join(above, "mnt")]).toString()).toBe("tmpfs\n");
  } finally {
    run("umount", [join(above, "mnt")]);
  }
  isomount.expectNothingLeft();
});
