/** What `umount --force` does to a mount in use: its connection ends, and nothing dead stays. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { readdirSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { readMountinfo } from "../../fs-adapter/mounting/mountinfo.js";
import { buildIso, file, folder } from "../fixtures/iso9660/iso-builder.js";
import { ORDINARY_USER, startIsomount } from "../support/isomount.js";
import { eventually } from "../support/processes.js";

const disc = buildIso(folder("", [file("A.TXT;1", "a\n")]));

const isMounted = (path: string) => readMountinfo().some(({ mountpoint }) => mountpoint === path);

describe.each([
  ["root", undefined],
  ["a user", ORDINARY_USER],
])("a mount of %s that is unmounted by force while it is in use", (_, uid) => {
  const isomount = startIsomount(uid);
  let image: string;
  let holder: ChildProcess | undefined;

  beforeAll(() => {
    image = join(isomount.folder, "disc.iso");
    writeFileSync(image, disc);
    isomount.give(image);
  });

  afterEach(() => {
    holder?.kill("SIGKILL");
  });

  /** Somebody works in the mount meanwhile. */
  async function force(path: string): Promise<void> {
    const { uid, gid } = isomount.surroundings;
    holder = spawn("/bin/sh", ["-c", 'cd "$1" && exec sleep 60', "sh", path], { uid, gid });
    const cwd = `/proc/${holder.pid}/cwd`;
    await eventually("the mount is in use", () => readlinkSync(cwd) === path);
    const { status, stderr } = spawnSync("umount", ["--force", path], { encoding: "utf8" });
    expect(stderr).toContain("busy");
    expect(status).toBe(32);
  }

  it("is gone, and so is all that served it", async () => {
    const path = isomount.mount(image);
    await force(path);
    await eventually("it is gone", () => !isMounted(path) && isomount.list().length === 0);
    isomount.expectNothingLeft();
    expect(readdirSync(path)).toEqual([]);
    expect(isomount.daemonLog()).toContain(`${path}: its connection was ended by force`);
    expect(isomount.daemonLog()).not.toContain("starting another");
    isomount.succeed("umount", isomount.mount(image));
  });

  it("is gone while its server sleeps", async () => {
    const path = isomount.mount(image, "sleep-timeout=1");
    await eventually("it sleeps", () => isomount.list()[0].state === "asleep", 30);
    await force(path);
    await eventually("it is gone", () => !isMounted(path) && isomount.list().length === 0);
    isomount.expectNothingLeft();
    expect(readdirSync(path)).toEqual([]);
  });
});
