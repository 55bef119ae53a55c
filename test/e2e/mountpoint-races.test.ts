/** Mountpoints and images that somebody changes between the look at them and the mount. */
import { mkdirSync, readdirSync, renameSync, rmdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { closeMountpoint, openMountpoint } from "../../daemon/client/mountpoint.js";
import { readMountinfo } from "../../fs-adapter/mounting/mountinfo.js";
import { buildIso, file, folder } from "../fixtures/iso9660/iso-builder.js";
import { Client } from "../support/client.js";
import { ORDINARY_USER, startIsomount } from "../support/isomount.js";

const isRoot = process.getuid!() === 0;
if (!isRoot) console.log("skipped: only root can try both root's daemon and a user's");

describe.skipIf(!isRoot).each([
  ["root's daemon", undefined],
  ["a user's own", ORDINARY_USER],
])("%s", (_, user) => {
  const isomount = startIsomount(user);
  const image = join(isomount.folder, "disc.iso");
  writeFileSync(image, buildIso(folder("", [file("A.TXT;1", "a\n")])));
  const client = Client.of(isomount);

  const mountsOn = (path: string) =>
    readMountinfo().filter(({ mountpoint }) => mountpoint === path).length;

  /** The reason why it is not mounted, or where it is. */
  async function mountAfter(path: string, change: () => void): Promise<string> {
    const mountpoint = openMountpoint(path);
    try {
      change();
      return (await client.mountOn(image, mountpoint)).mountpoint;
    } catch (error) {
      return (error as Error).message;
    } finally {
      closeMountpoint(mountpoint);
    }
  }

  it("gives a folder to one of several that want it at the same time", async () => {
    const path = isomount.newMountpoint();
    const outcomes = await Promise.all(
      Array.from({ length: 5 }, () => isomount.start(image, path)),
    );
    const failures = outcomes.filter(({ status }) => status !== 0);
    expect(failures).toHaveLength(4);
    for (const { status, stderr } of failures) {
      expect(status).toBe(32);
      expect(stderr).toMatch(/^isomount: mountpoint \S+ is in use: [^\n]+\n$/);
    }
    expect(mountsOn(path)).toBe(1);
    expect(isomount.list()).toHaveLength(1);
    isomount.succeed("umount", path);
    expect(mountsOn(path)).toBe(0);
    expect(isomount.leftovers()).toEqual([]);
  });

  it("mounts on none that somebody else has been given meanwhile", async () => {
    const path = isomount.newMountpoint();
    const reason = await mountAfter(path, () => isomount.succeed(image, path));
    expect(reason).toBe(`mountpoint ${path} is in use: ${image} is mounted there`);
    expect(mountsOn(path)).toBe(1);
    isomount.succeed("umount", path);
  });

  it("says that a folder was removed meanwhile", async () => {
    const path = isomount.newMountpoint();
    const reason = await mountAfter(path, () => rmdirSync(path));
    expect(reason).toBe(`mountpoint ${path} was removed`);
    expect(isomount.list()).toEqual([]);
    expect(isomount.leftovers()).toEqual([]);
  });

  it("mounts on the folder that was named, wherever it is now, and on no other", async () => {
    const path = isomount.newMountpoint();
    const [other, elsewhere] = [isomount.newMountpoint(), `${path}-renamed`];
    const where = await mountAfter(path, () => {
      renameSync(path, elsewhere);
      symlinkSync(other, path);
    });
    expect(where).toBe(elsewhere);
    expect(mountsOn(other)).toBe(0);
    expect(readdirSync(other)).toEqual([]);
    expect(isomount.list()).toMatchObject([{ mountpoint: elsewhere }]);
    isomount.succeed("umount", elsewhere);
    expect(isomount.leftovers()).toEqual([]);
  });

  it("mounts on no folder that it could not name again", async () => {
    const path = isomount.newMountpoint();
    const odd = Buffer.concat([Buffer.from(path), Buffer.from([0xff])]);
    const reason = await mountAfter(path, () => renameSync(path, odd));
    expect(reason).toBe(`mountpoint ${path}\ufffd has a name that is not UTF-8: rename it`);
    expect(isomount.list()).toEqual([]);
    const { status, stderr } = isomount.run(image, `${path}\ufffd`);
    expect(status).toBe(32);
    expect(stderr).toContain("does not exist (names that are not UTF-8 cannot be given: rename it");
    expect(isomount.run(`${image}\ufffd`).stderr).toContain("make a symbolic link to it)");
  });

  it("finds a mount again whose parent was renamed, also after a restart", () => {
    const parent = join(isomount.folder, "parent");
    const path = join(parent, "mnt");
    for (const made of [parent, path]) {
      mkdirSync(made);
      isomount.give(made);
    }
    isomount.succeed(image, path);
    const renamed = `${parent}-renamed`;
    renameSync(parent, renamed);
    const now = join(renamed, "mnt");
    expect(isomount.list()).toMatchObject([{ mountpoint: now, state: "serving" }]);
    isomount.succeed("daemon", "restart");
    expect(isomount.list()).toMatchObject([{ mountpoint: now }]);
    isomount.succeed("umount", now);
    expect(isomount.leftovers()).toEqual([]);
  });
});
