/**
 * What lies in a mount whose server does not answer: the command gives up, the daemon goes on
 * answering, and a request that costs one server after the other its life is given up, too.
 */
import { readFileSync, renameSync, rmdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { closeMountpoint, openMountpoint } from "../../daemon/client/mountpoint.js";
import { readMountinfo } from "../../fs-adapter/mounting/mountinfo.js";
import { buildIso, file, folder } from "../fixtures/iso9660/iso-builder.js";
import { Client } from "../support/client.js";
import { ORDINARY_USER, startIsomount } from "../support/isomount.js";
import { descriptors, eventually } from "../support/processes.js";
import { run } from "../support/tools.js";

const content = Buffer.alloc(4 * 1024 * 1024, "inner file ");
const inner = buildIso(folder("", [file("LARGE.;1", content), file("SMALL.;1", "small\n")]));
const outer = buildIso(folder("", [file("INNER.ISO;1", inner), folder("MNT", [])]));

/** Stopped servers, which would keep everything after the test waiting. */
const stopped = new Set<number>();

function stop(pid: number): void {
  process.kill(pid, "SIGSTOP");
  stopped.add(pid);
}

function resumeAll(): void {
  for (const pid of stopped) {
    try {
      process.kill(pid, "SIGCONT");
    } catch (error) {
      // Its mount is gone, and so is it.
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
  }
  stopped.clear();
}

afterEach(resumeAll);

describe.each([
  ["root", undefined],
  ["a user", ORDINARY_USER],
])("%s's mount with a stopped server", (_, uid) => {
  const isomount = startIsomount(uid);
  let image: string;

  beforeAll(() => {
    image = join(isomount.folder, "outer.iso");
    writeFileSync(image, outer);
    isomount.give(image);
  });

  function listsWithinASecond(): void {
    const before = Date.now();
    isomount.list();
    // Starting Node is most of it.
    expect(Date.now() - before).toBeLessThan(3000);
  }

  async function refusesImageIn(path: string): Promise<void> {
    const outcome = await isomount.start(join(path, "inner.iso"), isomount.newMountpoint());
    expect(outcome.stderr).toContain(`the mount on ${path} that it lies in is stuck`);
    expect(outcome.status).toBe(32);
  }

  it("neither holds up the command for ever nor the daemon at all", async () => {
    const path = isomount.mount(image);
    const [{ pid, id }] = isomount.list();
    // So that the kernel knows the folder and only entering it asks the server.
    isomount.runProgram("stat", join(path, "mnt"));
    stop(pid);
    const started = Date.now();
    const [asMountpoint, beside] = await Promise.all([
      isomount.start(image, join(path, "mnt")),
      isomount.start(image, isomount.newMountpoint()),
      // It takes the command 15 seconds to be sure: once is enough.
      uid === undefined ? undefined : refusesImageIn(path),
      Promise.resolve().then(listsWithinASecond),
    ]);
    expect(Date.now() - started).toBeLessThan(40_000);
    // Whether the kernel has to ask is its own business: nobody waits either way.
    expect([0, 32]).toContain(asMountpoint.status);
    expect(beside).toMatchObject({ status: 0, stderr: "" });
    listsWithinASecond();
    for (const each of isomount.list().reverse()) {
      if (each.id !== id) isomount.succeed("umount", each.id);
    }
    // Not even to unmount it needs its server.
    isomount.succeed("umount", "--lazy", path);
    resumeAll();
    isomount.expectNothingLeft();
  });
});

const poisoned = startIsomount();

// Tried again where the machine forgets cached pages meanwhile: then no new server can even start.
it("gives up a request that costs every server its life, and serves on", {
  retry: 2,
  timeout: 90_000,
}, async () => {
  const isomount = poisoned;
  const image = join(isomount.folder, "outer.iso");
  writeFileSync(image, outer);
  const client = Client.of(isomount);
  const below = isomount.newMountpoint();
  const above = isomount.newMountpoint();
  const outside = await client.mount(image, below);
  await client.mount(join(below, "inner.iso"), above);
  expect(readFileSync(join(above, "small"), "utf8")).toBe("small\n");
  const current = () => client.list().find(({ mountpoint }) => mountpoint === above);
  // With the mount below stopped, a server above that reads the image stays in that call.
  stop(outside.pid);
  const reader = isomount.startProgram(
    ...["timeout", "-s", "KILL", "40", "dd", `if=${join(above, "large")}`],
    ...["bs=4k", "count=1", "skip=700", "iflag=direct", "status=none"],
  );
  const killed = new Set<number>();
  for (let deaths = 0; deaths < 3; deaths++) {
    await eventually("a server is at the request", () => {
      const pid = current()?.pid ?? 0;
      return pid > 0 && !killed.has(pid) && isReadingImage(pid, join(below, "inner.iso"));
    });
    const pid = current()?.pid as number;
    killed.add(pid);
    process.kill(pid, "SIGKILL");
  }
  const { status, stderr } = await reader;
  expect(stderr).toContain("Input/output error");
  expect(status).toBe(1);
  await eventually("served again", () => current()?.state === "serving");
  expect(current()).toMatchObject({ restarts: 3 });
  expect(isomount.daemonLog()).toMatch(
    /3 servers died of READ of node \d+ at 2867200: it is answered EIO from now on/,
  );
  resumeAll();
  // Whatever lies elsewhere in the same file still reads, in the same mount.
  const rest = run("dd", [
    ...[`if=${join(above, "large")}`, "bs=4k", "count=700", "iflag=direct", "status=none"],
  ]);
  expect(rest.equals(content.subarray(0, 700 * 4096))).toBe(true);
  client.umount(above);
  // Until then it holds the image, which lies in the mount below.
  const { length } = client.list();
  await eventually("the server above has ended", () => isomount.servers().length === length);
  client.umount(below);
});

/** By /proc/PID/task/TID/syscall: a pread64(2) of the descriptor that the server has the image on. */
function isReadingImage(pid: number, image: string): boolean {
  const fd = descriptors(pid).find((descriptor) => descriptor.endsWith(image));
  if (fd === undefined) return false;
  const result = run("sh", ["-c", `cat /proc/${pid}/task/*/syscall 2>/dev/null; true`]).toString();
  return new RegExp(`^(17|67) 0x${Number.parseInt(fd, 10).toString(16)} `, "m").test(result);
}

describe.each([
  ["root", undefined],
  ["a user", ORDINARY_USER],
])("a mountpoint of %s that changes after it was opened", (_, uid) => {
  const isomount = startIsomount(uid);
  const at = (name: string) => join(isomount.folder, name);
  const image = at("inner.iso");

  beforeAll(() => {
    writeFileSync(image, inner);
    isomount.give(image);
  });

  const mountsHere = () =>
    readMountinfo()
      .map(({ mountpoint }) => mountpoint)
      .filter((mountpoint) => mountpoint.startsWith(isomount.folder));

  it("is mounted where it went, never through the link in its place", async () => {
    const client = Client.of(isomount);
    const victim = isomount.newMountpoint();
    const named = isomount.newMountpoint();
    const opened = openMountpoint(named);
    renameSync(named, at("moved"));
    symlinkSync(victim, named);
    try {
      const { id, mountpoint } = await client.mountOn(image, opened);
      expect(mountpoint).toBe(at("moved"));
      expect(mountsHere()).toEqual([at("moved")]);
      client.umount(id);
    } finally {
      closeMountpoint(opened);
    }
    isomount.expectNothingLeft();
  });

  it("is refused where it is gone, with nothing left behind", async () => {
    const client = Client.of(isomount);
    const named = isomount.newMountpoint();
    const opened = openMountpoint(named);
    rmdirSync(named);
    await expect(client.mountOn(image, opened)).rejects.toThrow(`mountpoint ${named} was removed`);
    closeMountpoint(opened);
    expect(mountsHere()).toEqual([]);
    isomount.expectNothingLeft();
  });
});
