/** Mounts of an ordinary user, by fusermount3: theirs alone, and gone however they unmount. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { buildIso, file, folder } from "../fixtures/iso9660/iso-builder.js";
import { ORDINARY_USER, program, startIsomount } from "../support/isomount.js";
import { eventually, statusField } from "../support/processes.js";

/** Somebody else: `bin` of every distribution. */
const OTHER_USER = 2;

const user = startIsomount(ORDINARY_USER);
const at = (...names: string[]) => join(user.folder, ...names);
const image = at("disc.iso");

beforeAll(() => {
  const bytes = buildIso(folder("", [file("FILE.TXT;1", "content\n")]), { label: "DISC" });
  for (const name of ["disc.iso", "secret.iso"]) {
    writeFileSync(at(name), bytes, { mode: name === "secret.iso" ? 0o600 : 0o644 });
  }
  user.give(image);
});

function contentFor(uid: number | undefined, path: string): string {
  const who = uid === undefined ? {} : { uid, gid: uid };
  const { status, stdout, stderr } = spawnSync("cat", [path], { ...who, encoding: "utf8" });
  return status === 0 ? stdout : stderr;
}

describe("a mount", () => {
  it("is seen by its user alone, not even by root", () => {
    const mountpoint = user.mount(image);
    const path = join(mountpoint, "file.txt");
    expect(contentFor(ORDINARY_USER, path)).toBe("content\n");
    expect(contentFor(OTHER_USER, path)).toContain("Permission denied");
    expect(contentFor(undefined, path)).toContain("Permission denied");
    const line = readFileSync("/proc/self/mountinfo", "utf8")
      .split("\n")
      .find((each) => each.split(" ")[4] === mountpoint);
    expect(line).toMatch(/ ro,nosuid,nodev[ ,].* - fuse\.isomount /);
    expect(line).toContain(`user_id=${ORDINARY_USER},group_id=${ORDINARY_USER}`);
    expect(line).not.toContain("allow_other");
    user.succeed("umount", mountpoint);
    user.expectNothingLeft();
  });

  it("is unmounted by mountpoint, image or id", () => {
    const mountpoint = user.mount(image);
    user.succeed("umount", mountpoint);
    user.mount(image);
    user.mount(image);
    user.succeed("umount", image);
    expect(user.list()).toEqual([]);
    user.mount(image);
    user.succeed("umount", user.list()[0].id);
    user.expectNothingLeft();
  });

  it("is unmounted by fusermount3, which the daemon notices within a second", async () => {
    const mountpoint = user.mount(image);
    const outcome = user.runProgram("fusermount3", "-u", mountpoint);
    expect(outcome).toMatchObject({ status: 0, stderr: "" });
    await eventually("the daemon has noticed", () => user.servers().length === 0, 1);
    expect(user.list()).toEqual([]);
    user.expectNothingLeft();
  });

  it("is served by processes of that user", () => {
    const mountpoint = user.mount(image);
    const [{ pid }] = user.list();
    for (const process of [user.daemonPid() as number, pid]) {
      expect(statusField(process, "Uid").split("\t")).toEqual(Array(4).fill(`${ORDINARY_USER}`));
    }
    user.succeed("umount", mountpoint);
  });
});

describe("a mountpoint that nobody named", () => {
  const mounts = at("Mounts");

  it("is made in the home folder, and goes with the mount", () => {
    expect(user.succeed("disc.iso")).toBe(`${join(mounts, "DISC")}\n`);
    expect(user.list()).toMatchObject([{ mountpoint: join(mounts, "DISC") }]);
    user.succeed("umount", "disc.iso");
    expect(readdirSync(mounts)).toEqual([]);
  });

  it("goes also where fusermount3 unmounts", async () => {
    user.succeed("disc.iso");
    user.runProgram("fusermount3", "-u", join(mounts, "DISC"));
    await eventually("the folder is gone", () => readdirSync(mounts).length === 0, 1);
    user.expectNothingLeft();
  });

  it("goes where the mount fails", () => {
    const { status } = user.run("disc.iso", "-o", "offset=1");
    expect(status).toBe(32);
    expect(readdirSync(mounts)).toEqual([]);
  });

  it("stays where somebody has put something into it", () => {
    mkdirSync(join(mounts, "DISC"));
    writeFileSync(join(mounts, "DISC/mine"), "");
    expect(user.succeed("disc.iso")).toBe(`${join(mounts, "DISC 2")}\n`);
    user.succeed("umount", "disc.iso");
    expect(readdirSync(mounts)).toEqual(["DISC"]);
  });
});

describe("a refusal", () => {
  it("comes where the user may not read the image", () => {
    const { status, stderr } = user.run("secret.iso", user.newMountpoint());
    expect(stderr).toContain(`cannot open ${at("secret.iso")}: permission denied`);
    expect(status).toBe(32);
    user.expectNothingLeft();
  });

  const folders: [what: string, mode: number, theirs: boolean, says: RegExp][] = [
    ["not write to", 0o755, false, /no write access/],
    ["not enter", 0o700, false, /permission denied/],
    ["not enter, though it is theirs", 0o000, true, /permission denied/],
  ];
  it.each(folders)("comes for a mountpoint that the user may %s", (what, mode, theirs, says) => {
    const mountpoint = at(what.replace(/\W+/g, "-"));
    mkdirSync(mountpoint, { mode });
    if (theirs) user.give(mountpoint);
    const { status, stderr } = user.run(image, mountpoint);
    expect(stderr).toContain(`cannot mount on ${mountpoint}`);
    expect(stderr).toMatch(says);
    expect(status).toBe(32);
    user.expectNothingLeft();
  });

  const conf = existsSync("/etc/fuse.conf") ? readFileSync("/etc/fuse.conf", "utf8") : "";
  it.runIf(!/^user_allow_other/m.test(conf))("comes for sharing what the machine does not", () => {
    const { status, stderr } = user.run(image, user.newMountpoint(), "-o", "allow_other");
    expect(stderr).toContain("needs the line 'user_allow_other' in /etc/fuse.conf");
    expect(status).toBe(32);
    user.expectNothingLeft();
  });
});

describe("beside root's daemon", () => {
  const root = startIsomount();

  it("has mounts of its own", () => {
    const theirs = user.mount(image);
    const roots = root.mount(image);
    expect(user.list().map(({ mountpoint }) => mountpoint)).toEqual([theirs]);
    expect(root.list().map(({ mountpoint }) => mountpoint)).toEqual([roots]);
    expect(user.daemonPid()).not.toBe(root.daemonPid());
    expect(root.run("umount", "m99").status).toBe(32);
    expect(user.run("umount", roots).status).toBe(32);
    expect(contentFor(undefined, join(roots, "file.txt"))).toBe("content\n");
    user.succeed("umount", image);
    root.succeed("umount", image);
  });

  it("is not let in", () => {
    const environment = `ISOMOUNT_RUNTIME_DIR=${root.runtime}`;
    const words = [environment, process.execPath, program, "list"];
    const { status, stderr } = user.runProgram("env", ...words);
    expect(stderr).toContain("the runtime folder cannot be used");
    expect(status).toBe(2);
  });
});
