/** What a server can reach: the descriptors that it was given, and nothing of the host. */
import {
  existsSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { buildIso, file, folder } from "../fixtures/iso9660/iso-builder.js";
import { ORDINARY_USER, program, startIsomount } from "../support/isomount.js";
import { descriptors, statusField } from "../support/processes.js";

const NOBODY = "65534";
const O_ACCMODE = 3;

const daemons: [string, ReturnType<typeof startIsomount>, string][] = [
  ["root", startIsomount(), NOBODY],
  ["a user", startIsomount(ORDINARY_USER), String(ORDINARY_USER)],
];

describe.each(daemons)("a server of %s", (_, isomount, uid) => {
  let pid: number;
  let image: string;
  const inside = (path: string) => `/proc/${pid}/root${path}`;

  beforeAll(() => {
    image = join(isomount.folder, "disc.iso");
    writeFileSync(image, buildIso(folder("", [file("FILE.TXT;1", "content\n")])));
    isomount.give(image);
    isomount.newMountpoint();
    // A caller with a file open that is nobody's business.
    const secret = join(isomount.folder, "secret");
    writeFileSync(secret, "secret");
    isomount.give(secret);
    const outcome = isomount.runProgram(
      "sh",
      "-c",
      'exec 9<> secret; exec "$0" "$1" disc.iso mnt1',
      process.execPath,
      program,
    );
    expect(outcome).toMatchObject({ status: 0, stderr: "" });
    const [mount] = isomount.list();
    expect(mount.sandboxed).toBe(true);
    pid = mount.pid;
  });

  it("sees the runtime and our code, nothing else", () => {
    const top = readdirSync(inside("/"));
    // Where our own code lies, its folders stand, with nothing else in them.
    const ours = program.split("/")[1];
    for (const name of ["home", "root", "etc", "proc", "sys", "dev", "run", "var", "tmp"]) {
      if (name !== ours) expect(top).not.toContain(name);
    }
    expect(existsSync(inside(isomount.folder))).toBe(false);
    expect(existsSync(inside(image))).toBe(false);
    expect(existsSync(inside("/usr/lib"))).toBe(true);
  });

  it("cannot write to what it sees", () => {
    const options = readFileSync(`/proc/${pid}/mountinfo`, "utf8")
      .trim()
      .split("\n")
      .map((line) => line.split(" "))
      .map(([, , , , mountpoint, flags]) => [mountpoint, flags.split(",").includes("ro")]);
    expect(options.length).toBeGreaterThan(0);
    for (const [mountpoint, readOnly] of options)
      expect([mountpoint, readOnly]).toEqual([mountpoint, true]);
  });

  it("is nobody in particular, and cannot become anybody", () => {
    expect(statusField(pid, "Uid").split("\t")).toEqual(Array(4).fill(uid));
    expect(statusField(pid, "Gid").split("\t")).toEqual(Array(4).fill(uid));
    expect(statusField(pid, "NoNewPrivs")).toBe("1");
    for (const set of ["CapEff", "CapPrm", "CapInh", "CapBnd", "CapAmb"]) {
      expect([set, Number.parseInt(statusField(pid, set), 16)]).toEqual([set, 0]);
    }
    // Only root's supplementary groups could help.
    expect(statusField(pid, "Groups").split(" ")).not.toContain("0");
  });

  it("is in namespaces of its own", () => {
    for (const kind of ["mnt", "pid", "net", "ipc", "uts", "user"]) {
      const theirs = readlinkSync(`/proc/${pid}/ns/${kind}`);
      expect([kind, theirs]).not.toEqual([kind, readlinkSync(`/proc/self/ns/${kind}`)]);
    }
  });

  it("holds the image for reading only, and no descriptor of the host's files besides", () => {
    const held = descriptors(pid);
    const files = held.filter((each) => / \//.test(each) && !each.includes("/memfd:"));
    const paths = files.map((each) => each.slice(each.indexOf(" ") + 1));
    // "/" is the sandbox's own: Node's.
    for (const path of paths) expect([image, "/dev/fuse", "/dev/null", "/"]).toContain(path);
    const ownRoot = statSync(inside("/.")).dev;
    for (const each of files.filter((file) => file.endsWith(" /"))) {
      expect(statSync(`/proc/${pid}/fd/${each.split(" ")[0]}`).dev).toBe(ownRoot);
    }
    expect(paths).toContain(image);
    for (const each of files.filter((file) => file.endsWith(image))) {
      const fd = each.slice(0, each.indexOf(" "));
      const flags = /^flags:\s+(\d+)$/m.exec(
        readFileSync(`/proc/${pid}/fdinfo/${fd}`, "utf8"),
      )?.[1];
      expect(Number.parseInt(flags as string, 8) & O_ACCMODE).toBe(0);
    }
    // Of sockets: where it listens, and its supervisor.
    expect(held.filter((each) => each.includes("socket:")).length).toBeLessThanOrEqual(3);
    expect(
      held.filter((each) => each.includes("/memfd:")).map((each) => each.replace(/^\d+ /, "")),
    ).toEqual(["/memfd:isomount-slots (deleted)"]);
  });

  it("has nothing that the daemon's starter left open, nor has the daemon", () => {
    for (const process of [pid, isomount.daemonPid() as number]) {
      expect(descriptors(process).join()).not.toContain("secret");
    }
  });

  it("has no environment of the daemon's", () => {
    const environment = readFileSync(`/proc/${pid}/environ`, "utf8").split("\0");
    const names = environment.map((each) => each.split("=")[0]).filter((name) => name !== "");
    for (const name of names) expect(["PATH", "TZ", "PWD", "MALLOC_ARENA_MAX"]).toContain(name);
  });
});
