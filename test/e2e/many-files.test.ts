/** Images that are made of many files, each of which is open for as long as its image is mounted. */
import { chmodSync, chownSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { MAX_LINE_BYTES } from "../../daemon/rpc/protocol.js";
import { buildIso, file, folder } from "../fixtures/iso9660/iso-builder.js";
import { type Credentials, setpriv } from "../support/credentials.js";
import { Isomount, type Outcome, program, startIsomount } from "../support/isomount.js";
import { descriptors } from "../support/processes.js";
import { writeSparseBundle } from "../support/sparse-bundle.js";

const isRoot = process.getuid!() === 0;
if (!isRoot) console.log("skipped: only root's daemon serves a group");

/** Of these, 320 are for the files of images: 40 for those of one guest, 160 for those of all. */
const FEW = 1024;
const disk = Buffer.from(buildIso(folder("", [file("A.TXT;1", "a".repeat(300_000))])));

function bundleOf(isomount: Isomount, name: string, bands: number): string {
  const path = join(isomount.folder, `${name}.sparsebundle`);
  expect(writeSparseBundle(path, disk, Math.ceil(disk.length / bands))).toBe(bands);
  return path;
}

function startWithFew(isomount: Isomount, action = "start"): void {
  const start = [process.execPath, program, "daemon", action];
  expect(isomount.runProgram("prlimit", `--nofile=${FEW}:${FEW}`, ...start).status).toBe(0);
}

describe("a daemon that may have few descriptors", () => {
  const isomount = startIsomount();

  it("says which limit keeps an image out, and serves the rest", () => {
    startWithFew(isomount);
    const before = descriptors(isomount.daemonPid()!).length;
    const large = bundleOf(isomount, "large", 400);
    const { status, stdout, stderr } = isomount.run(large, isomount.newMountpoint());
    expect({ status, stdout }).toEqual({ status: 32, stdout: "" });
    const reason =
      "is made of more files than isomountd can keep open: by its limit of 1024 descriptors 320 of all images, and 320 are open now (raise ";
    expect(stderr).toContain(`isomount: ${large} ${reason}`);
    expect(stderr).toMatch(/^[^\n]+\n$/);
    // Nothing of it stays open.
    expect(descriptors(isomount.daemonPid()!).length).toBeLessThan(before + 10);
    const path = isomount.mount(bundleOf(isomount, "small", 200));
    expect(readFileSync(join(path, "a.txt")).length).toBe(300_000);
    const again = isomount.run(bundleOf(isomount, "second", 200), isomount.newMountpoint());
    expect(again.stderr).toContain("second.sparsebundle is made of more files");
    isomount.succeed("umount", path);
    // Another that may have even fewer takes nothing on, and what is mounted goes on.
    const second = isomount.mount(join(isomount.folder, "second.sparsebundle"));
    const restart = [process.execPath, program, "daemon", "restart"];
    const fewer = isomount.runProgram("prlimit", "--nofile=200:200", ...restart);
    expect(fewer.status).toBe(2);
    expect(fewer.stderr).toMatch(
      /^isomount: [^\n]*what is mounted takes \d+ descriptors, and the limit here is 200: raise it/,
    );
    expect(readFileSync(join(second, "a.txt")).length).toBe(300_000);
    // The keeper starts one with the limit of the one before.
    expect(isomount.list()).toMatchObject([{ mountpoint: second, state: "serving" }]);
    isomount.succeed("umount", second);
    isomount.succeed("umount", isomount.mount(join(isomount.folder, "second.sparsebundle")));
  });
});

describe.skipIf(!isRoot)("root's daemon for a group", () => {
  const GROUP = 54321;
  const isomount = startIsomount();
  isomount.environment.ISOMOUNT_CONFIG = join(isomount.folder, "isomountd.toml");
  isomount.environment.ISOMOUNT_GROUP_SOCKET = join(isomount.folder, "group.sock");

  function mountAs(uid: number, image: string): Outcome & { mountpoint: string } {
    const who: Credentials = { uid, gid: uid, groups: [GROUP] };
    const mountpoint = isomount.newMountpoint();
    chownSync(mountpoint, uid, uid);
    const [first, ...rest] = setpriv(who);
    const words = ["env", process.execPath, program, "--system", image, mountpoint];
    return { ...isomount.runProgram(first, ...rest, ...words), mountpoint };
  }

  it("lets no guest take the descriptors of the others", () => {
    chmodSync(isomount.folder, 0o755);
    writeFileSync(join(isomount.folder, "isomountd.toml"), `group = ${GROUP}`);
    startWithFew(isomount);
    const [large, small] = [bundleOf(isomount, "large", 60), bundleOf(isomount, "small", 30)];
    const { status, stderr } = mountAs(1, large);
    expect(status).toBe(32);
    const reason = `${large} is made of too many files: the system's daemon keeps 40 of a user open, and 40 are open now (mount it without --system`;
    expect(stderr).toContain(reason);
    const mounted = mountAs(1, small);
    expect(mounted).toMatchObject({ status: 0, stderr: "" });
    expect(mountAs(1, small).stderr).toContain("40 of a user open");
    for (const uid of [2, 3, 4, 5]) expect(mountAs(uid, small)).toMatchObject({ status: 0 });
    expect(mountAs(6, small).stderr).toContain("keeps 160 of all its users open, and 1");
    // Root's own have the rest; and what another daemon takes on counts there, too.
    isomount.succeed("umount", isomount.mount(bundleOf(isomount, "roots", 130)));
    startWithFew(isomount, "restart");
    expect(mountAs(1, small).stderr).toContain("160 of all its users open, and 160 are open now");
    isomount.succeed("umount", mounted.mountpoint);
    expect(mountAs(1, small)).toMatchObject({ status: 0, stderr: "" });
  });
});

it("a bundle whose names fill more than a line of the protocol is mounted", () => {
  const isomount = new Isomount();
  try {
    const path = bundleOf(isomount, "long", 3);
    // As editors and clouds leave them between the bands.
    const name = (i: number) => `${"conflicted copy ".repeat(15)}${i}`;
    const count = Math.ceil(MAX_LINE_BYTES / name(0).length);
    mkdirSync(join(path, "bands"), { recursive: true });
    for (let i = 0; i < count; i++) writeFileSync(join(path, "bands", name(i)), "");
    const mountpoint = isomount.mount(path, "sleep-timeout=0");
    expect(readFileSync(join(mountpoint, "a.txt")).length).toBe(300_000);
    // The next server is told them, too.
    process.kill(isomount.list()[0].pid, "SIGKILL");
    expect(readFileSync(join(mountpoint, "a.txt")).length).toBe(300_000);
  } finally {
    isomount.end();
  }
});
