/** What cannot be mounted: a clear message, the right exit code, and nothing left behind. */
import { randomBytes } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { readMountinfo } from "../../fs-adapter/mounting/mountinfo.js";
import { buildIso, file, folder } from "../fixtures/iso9660/iso-builder.js";
import { Isomount, ORDINARY_USER, program, startIsomount } from "../support/isomount.js";
import { descriptors, eventually } from "../support/processes.js";
import { run } from "../support/tools.js";

const isomount = startIsomount();
const at = (name: string) => join(isomount.folder, name);

let daemon: number;
let before: string[];

/** Everything of ours that a failed command could leave behind. */
function traces(): string[] {
  return [
    ...readdirSync(isomount.folder, { recursive: true }).map((name) => `file ${name}`),
    ...readMountinfo()
      .filter(({ mountpoint }) => mountpoint.startsWith(isomount.folder))
      .map(({ mountpoint }) => `mount ${mountpoint}`),
    ...isomount.servers(daemon).map((pid) => `process ${pid}`),
    // The daemon's own sockets and pipes keep their numbers.
    ...descriptors(daemon).map((descriptor) => `descriptor ${descriptor}`),
    // Where a mountpoint would be made that nobody named.
    ...(existsSync("/run/media/root/junk") ? ["/run/media/root/junk"] : []),
  ].sort();
}

beforeAll(() => {
  // It would come and go between two looks at what is there.
  writeFileSync(at("isomountd.toml"), "spare-server = false\n");
  isomount.environment.ISOMOUNT_CONFIG = at("isomountd.toml");
  const good = buildIso(folder("", [file("GOOD.TXT;1", "good\n")]));
  writeFileSync(at("good.iso"), good);
  writeFileSync(at("junk.img"), randomBytes(200_000));
  writeFileSync(at("zeros.img"), "");
  truncateSync(at("zeros.img"), 1_000_000);
  writeFileSync(at("empty.iso"), "");
  writeFileSync(at("short.iso"), good.subarray(0, 16 * 2048));
  mkdirSync(at("folder"));
  mkdirSync(at("mnt"));
  mkdirSync(at("busy"));
  symlinkSync("loop", at("loop"));
  symlinkSync("nowhere", at("dangling"));
  run("mkfifo", [at("fifo")]);
  isomount.succeed("good.iso", "busy");
  daemon = isomount.daemonPid() as number;
  before = traces();
});

interface Case {
  words: string[];
  status: number;
  /** Parts of the one line on standard error. */
  says: string[];
}

const unreadable = "no filesystem or partition table that isomount knows";

const cases: Record<string, Case> = {
  "not an image": {
    words: ["junk.img", "mnt"],
    status: 32,
    says: [at("junk.img"), unreadable],
  },
  "not an image, and no mountpoint": {
    words: ["junk.img"],
    status: 32,
    says: [at("junk.img"), unreadable],
  },
  "zeros only": { words: ["zeros.img", "mnt"], status: 32, says: [at("zeros.img"), unreadable] },
  "cut before its first descriptor": {
    words: ["short.iso", "mnt"],
    status: 32,
    says: [at("short.iso"), unreadable],
  },
  "an empty file": { words: ["empty.iso", "mnt"], status: 32, says: ["empty.iso is empty"] },
  "an image that is missing": {
    words: ["missing.iso", "mnt"],
    status: 32,
    says: [`cannot open ${at("missing.iso")}`, "does not exist"],
  },
  "a link to nowhere": {
    words: ["dangling", "mnt"],
    status: 32,
    says: [`cannot open ${at("dangling")}`, "does not exist"],
  },
  "a link to itself": {
    words: ["loop", "mnt"],
    status: 32,
    says: [`cannot open ${at("loop")}`, "too many symbolic links"],
  },
  "a path through a file": {
    words: ["good.iso/x", "mnt"],
    status: 32,
    says: ["good.iso/x", "a part of the path is not a folder"],
  },
  "a folder for an image": {
    words: ["folder", "mnt"],
    status: 32,
    says: ["folder is a folder, not an image"],
  },
  "a FIFO, which would wait for its writer": {
    words: ["fifo", "mnt"],
    status: 32,
    says: ["fifo is neither a file nor a block device"],
  },
  "a character device": {
    words: ["/dev/zero", "mnt"],
    status: 32,
    says: ["/dev/zero is neither a file nor a block device"],
  },
  "a mountpoint that is missing": {
    words: ["good.iso", "missing"],
    status: 32,
    says: [`mountpoint ${at("missing")} does not exist`],
  },
  "a mountpoint that is a file": {
    words: ["good.iso", "junk.img"],
    status: 32,
    says: [`mountpoint ${at("junk.img")} cannot be used`, "not a folder"],
  },
  "a mountpoint that is a link to itself": {
    words: ["good.iso", "loop"],
    status: 32,
    says: [`mountpoint ${at("loop")} cannot be used`, "too many symbolic links"],
  },
  "a mountpoint in use": {
    words: ["good.iso", "busy"],
    status: 32,
    says: [`mountpoint ${at("busy")} is in use`, "good.iso is mounted there"],
  },
  "an image that is broken, and a mountpoint in use": {
    words: ["junk.img", "busy"],
    status: 32,
    says: ["is in use"],
  },
  "an empty name for an image": { words: ["", "mnt"], status: 1, says: ["image's name is empty"] },
  "an empty name for a mountpoint": {
    words: ["good.iso", ""],
    status: 1,
    says: ["mountpoint's name is empty"],
  },
  "an empty name to unmount": { words: ["umount", ""], status: 1, says: ["name", "is empty"] },
  "no image": { words: ["mount"], status: 1, says: ["an argument is missing"] },
  "an argument too many": {
    words: ["good.iso", "mnt", "more"],
    status: 1,
    says: ["unknown argument 'more'"],
  },
  "an unknown option": {
    words: ["good.iso", "mnt", "-o", "vieew=joliet"],
    status: 1,
    says: ["unknown option 'vieew'", "view"],
  },
  "a value that is no number": {
    words: ["good.iso", "mnt", "-o", "uid=me"],
    status: 1,
    says: ["uid=me is not a numeric id"],
  },
  "an unknown flag": {
    words: ["good.iso", "mnt", "--readwrite"],
    status: 1,
    says: ["unknown argument"],
  },
  "a session that the disc has not": {
    words: ["good.iso", "mnt", "-o", "session=9"],
    status: 32,
    says: [at("good.iso"), "session"],
  },
  "a view that the image has not": {
    words: ["good.iso", "mnt", "-o", "view=joliet"],
    status: 32,
    says: [at("good.iso"), "joliet"],
  },
  "a partition that the image has not": {
    words: ["good.iso", "mnt", "-o", "partition=3"],
    status: 32,
    says: [at("good.iso"), "partition=3"],
  },
  "an offset beyond the end": {
    words: ["good.iso", "mnt", "-o", "offset=1G"],
    status: 32,
    says: [at("good.iso"), "offset"],
  },
  "unmounting what is not mounted": {
    words: ["umount", "mnt"],
    status: 32,
    says: ["mnt is not mounted"],
  },
  "information on what is no image": {
    words: ["info", "junk.img"],
    status: 32,
    says: [at("junk.img"), unreadable],
  },
};

describe("a refusal says why and leaves nothing behind", () => {
  it.each(Object.entries(cases))("%s", async (_, { words, status, says }) => {
    const outcome = isomount.run(...words);
    for (const part of says) expect(outcome.stderr).toContain(part);
    expect(outcome.stderr).toMatch(/^isomount: [^\n]+\n$/);
    expect(outcome).toMatchObject({ status, stdout: "" });
    // The daemon hears of the client's end a moment later.
    await eventually("nothing is left", () => traces().join("\n") === before.join("\n"), 6).catch(
      () => expect(traces()).toEqual(before),
    );
  });

  it("and tells programs in JSON", () => {
    const { status, stderr } = isomount.run("missing.iso", "mnt", "--json");
    expect(status).toBe(32);
    expect(JSON.parse(stderr)).toMatchObject({ error: { code: "ENOENT", exitCode: 32 } });
  });
});

it("mounts on a folder that is not empty, which comes back", () => {
  writeFileSync(at("folder/mine"), "mine");
  isomount.succeed("good.iso", "folder");
  expect(readdirSync(at("folder"))).toEqual(["good.txt"]);
  isomount.succeed("umount", "folder");
  expect(readdirSync(at("folder"))).toEqual(["mine"]);
});

/** Runs a script with a daemon that starts in it. */
function inScript(lines: string[], user?: number): { status: number | null; stderr: string } {
  const other = new Isomount(user);
  try {
    writeFileSync(join(other.folder, "good.iso"), readFileSync(at("good.iso")), { mode: 0o644 });
    other.newMountpoint();
    const script = lines.join("\n");
    const { status, stderr } = other.runProgram("sh", "-ec", script, process.execPath, program);
    expect(other.leftovers()).toEqual([]);
    return { status, stderr };
  } finally {
    other.end();
  }
}

describe("a machine that lacks something", () => {
  it("has no /dev/fuse", () => {
    const { status, stderr } = inScript([
      `exec unshare -m --propagation slave sh -ec '`,
      "mount -t tmpfs none /dev",
      "mknod -m 666 /dev/null c 1 3",
      "mknod -m 666 /dev/urandom c 1 9",
      `exec "$0" "$1" good.iso mnt1' "$0" "$1"`,
    ]);
    expect(stderr).toContain("there is no /dev/fuse: load the module with 'modprobe fuse'");
    expect(status).toBe(2);
  });

  const missing = {
    "is not there": "",
    "may not be run": ": > bin/fusermount3",
  };
  it.each(Object.entries(missing))("has a fusermount3 that %s", (_, instead) => {
    const tools = ["bwrap", "test"].map((name) => `ln -s "$(command -v ${name})" bin/`);
    const { status, stderr } = inScript(
      [`mkdir bin; ${tools.join("; ")}`, instead, `PATH=$PWD/bin exec "$0" "$1" good.iso mnt1`],
      ORDINARY_USER,
    );
    expect(stderr).toContain("fusermount3 is not installed: install the package 'fuse3'");
    expect(status).toBe(2);
  });
});
