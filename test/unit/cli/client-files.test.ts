/** What the client opens with the caller's rights: runtime folder, image, neighbours, mountpoint. */
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  existsSync,
  fchownSync,
  fstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  closeMountpoint,
  folderName,
  makeMountpoint,
  openMountpoint,
  removeMade,
} from "../../../daemon/client/mountpoint.js";
import { neighbourNames, openNeighbour } from "../../../daemon/client/neighbours.js";
import { openImage } from "../../../daemon/client/opener.js";
import { readPassphrase } from "../../../daemon/client/passphrase.js";
import { findTargets } from "../../../daemon/client/targets.js";
import { timeZone } from "../../../daemon/client/time-zone.js";
import type { MountInfo } from "../../../daemon/rpc/protocol.js";
import {
  checkRuntimeFolder,
  controlSocket,
  ensureRuntimeFolder,
  runtimeFolder,
} from "../../../daemon/rpc/runtime-folder.js";
import { mountInfo } from "./samples.js";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "isomount-client-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

if (process.getuid!() !== 0) console.log("skipped: only root can leave files of two users");

describe("runtime folder", () => {
  const uid = process.getuid!();

  it("is chosen by variable, by user, and by what the session has", () => {
    expect(runtimeFolder({ ISOMOUNT_RUNTIME_DIR: "/x/../y" }, 0)).toBe("/y");
    expect(runtimeFolder({ XDG_RUNTIME_DIR: folder }, 0)).toBe("/run/isomount");
    expect(runtimeFolder({}, 1234)).toBe("/tmp/isomount-1234");
    // Ours to the letter only where the folder is that user's.
    expect(runtimeFolder({ XDG_RUNTIME_DIR: folder }, uid + 1)).toBe(`/tmp/isomount-${uid + 1}`);
    expect(runtimeFolder({ XDG_RUNTIME_DIR: "/nowhere" }, 1234)).toBe("/tmp/isomount-1234");
    if (uid !== 0) expect(runtimeFolder({ XDG_RUNTIME_DIR: folder })).toBe(`${folder}/isomount`);
  });

  it("is made closed, and used again", () => {
    const path = join(folder, "run");
    expect(checkRuntimeFolder(path)).toBe(false);
    expect(ensureRuntimeFolder(path)).toBe(path);
    expect(statSync(path).mode & 0o777).toBe(0o700);
    expect(ensureRuntimeFolder(path)).toBe(path);
    expect(checkRuntimeFolder(path)).toBe(true);
    expect(controlSocket(path)).toBe(join(path, "control.sock"));
  });

  it("is refused where others could be behind it", () => {
    const open = join(folder, "open");
    mkdirSync(open);
    chmodSync(open, 0o710);
    expect(() => ensureRuntimeFolder(open)).toThrow(/chmod 700/);
    symlinkSync(open, join(folder, "link"));
    expect(() => checkRuntimeFolder(join(folder, "link"))).toThrow(/not a folder/);
    writeFileSync(join(folder, "file"), "");
    expect(() => ensureRuntimeFolder(join(folder, "file"))).toThrow(/not a folder/);
    expect(() => ensureRuntimeFolder(join(folder, "missing/run"))).toThrow(/ENOENT/);
    if (uid === 0) {
      const theirs = join(folder, "theirs");
      mkdirSync(theirs, { mode: 0o700 });
      execFileSync("chown", ["65534", theirs]);
      expect(() => checkRuntimeFolder(theirs)).toThrow(/belongs to user 65534/);
    }
  });
});

describe("opening an image", () => {
  it("takes a file, read-only", () => {
    const path = join(folder, "disc.v2.iso");
    writeFileSync(path, "x");
    const image = openImage(path);
    expect(image).toMatchObject({ path, size: undefined, stem: "disc.v2" });
    expect(() => writeFileSync(image.fd, "y")).toThrow(/EBADF/);
    const neighbours = image.openFolder();
    expect(neighbourNames(neighbours, "")).toEqual(["disc.v2.iso"]);
    closeSync(neighbours);
    image.close();
    expect(() => fstatSync(image.fd)).toThrow(/EBADF/);
  });

  it("looks for neighbours where a symlink leads", () => {
    mkdirSync(join(folder, "real"));
    writeFileSync(join(folder, "real/disc.cue"), "x");
    symlinkSync("real/disc.cue", join(folder, "latest"));
    const image = openImage(join(folder, "latest"));
    expect(image.path).toBe(join(folder, "latest"));
    const neighbours = image.openFolder();
    expect(neighbourNames(neighbours, "")).toEqual(["disc.cue"]);
    closeSync(neighbours);
    image.close();
  });

  it("takes a bundle by its folder", () => {
    const path = join(folder, "backup.sparsebundle");
    mkdirSync(join(path, "bands"), { recursive: true });
    writeFileSync(join(path, "Info.plist"), "<plist/>");
    writeFileSync(join(path, "bands/0"), "band");
    const image = openImage(path);
    expect(image).toMatchObject({ path, stem: "backup" });
    expect(readFileSync(image.fd, "utf8")).toBe("<plist/>");
    const neighbours = image.openFolder();
    const band = openNeighbour(neighbours, "bands/0");
    expect(readFileSync(band, "utf8")).toBe("band");
    closeSync(band);
    closeSync(neighbours);
    image.close();
  });

  it.each([undefined, ""])("takes a bundle by the copy of its Info.plist (%j)", (damaged) => {
    const path = join(folder, `copy-${damaged}.sparsebundle`);
    mkdirSync(path);
    if (damaged !== undefined) writeFileSync(join(path, "Info.plist"), damaged);
    writeFileSync(join(path, "Info.bckup"), "<plist/>");
    const image = openImage(path);
    expect(readFileSync(image.fd, "utf8")).toBe("<plist/>");
    image.close();
  });

  it.each([
    ["missing", "it does not exist", "ENOENT"],
    ["file/below", "a part of the path is not a folder", "ENOTDIR"],
    ["loop", "too many symbolic links", "ELOOP"],
    ["folder", "is a folder, not an image", undefined],
    ["fifo", "neither a file nor a block device", undefined],
    ["empty", "is empty", undefined],
    ["bundle", "is a folder, not an image", undefined],
  ])("refuses %s at once", (name, message, code) => {
    writeFileSync(join(folder, "file"), "x");
    writeFileSync(join(folder, "empty"), "");
    mkdirSync(join(folder, "folder"));
    mkdirSync(join(folder, "bundle/Info.plist"), { recursive: true });
    symlinkSync("loop", join(folder, "loop"));
    execFileSync("mkfifo", [join(folder, "fifo")]);
    const before = readdirSync("/proc/self/fd").length;
    expect(() => openImage(join(folder, name))).toThrow(
      expect.objectContaining({
        message: expect.stringContaining(message),
        details: expect.objectContaining({ exitCode: 32, code }),
      }),
    );
    expect(readdirSync("/proc/self/fd").length).toBe(before);
  });

  it("refuses a device without bytes", () => {
    expect(() => openImage("/dev/null")).toThrow("/dev/null is neither a file nor a block device");
  });
});

describe("neighbours", () => {
  let fd: number;
  beforeEach(() => {
    mkdirSync(join(folder, "images/Tracks/deep"), { recursive: true });
    writeFileSync(join(folder, "images/disc.bin"), "disc");
    writeFileSync(join(folder, "images/Tracks/Track 01.WAV"), "track");
    writeFileSync(join(folder, "images/Tracks/deep/\u00fcber.bin"), "deep");
    writeFileSync(join(folder, "secret"), "secret");
    symlinkSync("../secret", join(folder, "images/out"));
    symlinkSync("Tracks", join(folder, "images/in"));
    execFileSync("mkfifo", [join(folder, "images/fifo")]);
    fd = openSync(join(folder, "images"), constants.O_RDONLY);
  });
  afterEach(() => closeSync(fd));

  it.each([
    ["disc.bin", "disc"],
    ["./disc.bin", "disc"],
    ["DISC.BIN", "disc"],
    ["tracks/track 01.wav", "track"],
    ["TRACKS\\TRACK 01.WAV", "track"],
    ["tracks//DEEP/U\u0308BER.bin", "deep"],
    // Where it was made, not where it is: the last part counts.
    ["C:\\images\\Disc.bin", "disc"],
    ["/home/somebody/disc.bin", "disc"],
    ["../other/disc.bin", "disc"],
  ])("finds %s", (path, content) => {
    const found = openNeighbour(fd, path);
    expect(readFileSync(found, "utf8")).toBe(content);
    expect(() => writeFileSync(found, "y")).toThrow(/EBADF/);
    closeSync(found);
  });

  it.each([
    ["nothing.bin", "it is not there"],
    ["../secret", "it is not there"],
    ["tracks/../../secret", "it is not there"],
    ["", "no usable file name"],
    ["..", "it is not there"],
    ["out", "it is a symbolic link"],
    ["OUT", "it is a symbolic link"],
    ["in/Track 01.WAV", "it is a symbolic link"],
    ["fifo", "it is not a file"],
    ["tracks", "it is not a file"],
    ["disc.bin/x", "it is not there"],
    ["a/".repeat(64), "no usable file name"],
    [`${"n".repeat(300)}`, "it is not there"],
  ])("does not open %s", (path, reason) => {
    const before = readdirSync("/proc/self/fd").length;
    expect(() => closeSync(openNeighbour(fd, path))).toThrow(reason);
    expect(readdirSync("/proc/self/fd").length).toBe(before);
  });

  it("opens no hidden files but AppleDouble's", () => {
    const image = join(folder, "images-hidden");
    mkdirSync(join(image, ".ssh"), { recursive: true });
    for (const name of [".ssh/key", ".env", "._disc.img"]) writeFileSync(join(image, name), "x");
    const opened = openSync(image, "r");
    for (const name of [".ssh/key", ".env", ".SSH/KEY", "/home/x/.env"]) {
      expect(() => closeSync(openNeighbour(opened, name))).toThrow("it is not there");
    }
    closeSync(openNeighbour(opened, "._disc.img"));
    closeSync(opened);
  });

  it.skipIf(process.getuid!() !== 0)("opens nothing for root that is another's secret", () => {
    const image = openSync(join(folder, "of-somebody.cue"), "w");
    fchownSync(image, 1, 1);
    const [secret, open] = ["root.key", "root.bin"].map((name) => join(folder, name));
    writeFileSync(secret, "key", { mode: 0o600 });
    writeFileSync(open, "bytes", { mode: 0o644 });
    const folderFd = openSync(folder, "r");
    const before = readdirSync("/proc/self/fd").length;
    expect(() => openNeighbour(folderFd, "root.key", image)).toThrow(
      "it belongs to another user than the image, and not everybody may read it",
    );
    expect(readdirSync("/proc/self/fd").length).toBe(before);
    closeSync(openNeighbour(folderFd, "root.bin", image));
    chownSync(secret, 1, 1);
    closeSync(openNeighbour(folderFd, "root.key", image));
    for (const fd of [image, folderFd]) closeSync(fd);
  });

  it("takes the exact spelling before another, and of others always the same", () => {
    for (const name of ["a.bin", "A.BIN", "A.bin"]) {
      writeFileSync(join(folder, "images", name), name);
    }
    const contents = ["A.bin", "a.bin", "a.BIN"].map((name) => {
      const found = openNeighbour(fd, name);
      const text = readFileSync(found, "utf8");
      closeSync(found);
      return text;
    });
    expect(contents).toEqual(["A.bin", "a.bin", "A.BIN"]);
  });

  it("lists names", () => {
    expect(neighbourNames(fd, "").sort()).toEqual(["Tracks", "disc.bin", "fifo", "in", "out"]);
    expect(neighbourNames(fd, "tracks\\DEEP")).toEqual(["\u00fcber.bin"]);
    expect(() => neighbourNames(fd, "none")).toThrow("it is not there");
    expect(() => neighbourNames(fd, "..")).toThrow("it is not there");
    expect(() => neighbourNames(fd, "disc.bin")).toThrow("it is not a folder");
    expect(() => neighbourNames(fd, "in")).toThrow("it is a symbolic link");
  });
});

describe("mountpoint", () => {
  it("is opened by path, symlinks resolved", () => {
    symlinkSync(folder, join(folder, "link"));
    const mountpoint = openMountpoint(join(folder, "link"));
    expect(mountpoint).toMatchObject({ path: folder });
    expect(() => readdirSync(`/proc/self/fdinfo/${mountpoint.fd}`)).toThrow();
    expect(readFileSync(`/proc/self/fdinfo/${mountpoint.fd}`, "utf8")).toMatch(/^flags:\s+012/m);
    closeMountpoint(mountpoint);
  });

  it.each([
    ["missing", "does not exist", "ENOENT"],
    ["file", "it is not a folder", "ENOTDIR"],
  ])("is refused where it is a %s", (name, message, code) => {
    writeFileSync(join(folder, "file"), "");
    expect(() => openMountpoint(join(folder, name))).toThrow(
      expect.objectContaining({
        message: expect.stringContaining(message),
        details: expect.objectContaining({ exitCode: 32, code }),
      }),
    );
  });

  it("is made after the label, numbered where that is taken, and removed again", () => {
    const media = join(folder, "media");
    const made = [1, 2, 3].map(() => makeMountpoint("My Disc", "image", media));
    expect(made.map(({ path }) => path)).toEqual([
      join(media, "My Disc"),
      join(media, "My Disc 2"),
      join(media, "My Disc 3"),
    ]);
    expect(made[1].made).toMatchObject({ name: "My Disc 2" });
    for (const mountpoint of made) {
      removeMade(mountpoint);
      // The daemon may have been first.
      removeMade(mountpoint);
      closeMountpoint(mountpoint);
    }
    expect(readdirSync(media)).toEqual([]);
  });

  it("takes the folders above it away with it, where they were made for it", () => {
    const home = join(folder, "home");
    mkdirSync(home);
    const first = makeMountpoint("Disc", "image", join(home, "a/Mounts"));
    const second = makeMountpoint("Disc", "image", join(home, "a/Mounts"));
    removeMade(first);
    expect(readdirSync(join(home, "a/Mounts"))).toEqual(["Disc 2"]);
    removeMade(second);
    // Not made for the second, which knows nothing of the first.
    expect(readdirSync(join(home, "a/Mounts"))).toEqual([]);
    for (const mountpoint of [first, second]) closeMountpoint(mountpoint);
    const third = makeMountpoint("Disc", "image", join(home, "b/Mounts"));
    removeMade(third);
    closeMountpoint(third);
    expect(readdirSync(home)).toEqual(["a"]);
  });

  it("keeps what somebody put into it", () => {
    const mountpoint = makeMountpoint("", "disc", folder);
    expect(mountpoint.path).toBe(join(folder, "disc"));
    writeFileSync(join(mountpoint.path, "x"), "");
    expect(() => removeMade(mountpoint)).toThrow(/ENOTEMPTY/);
    expect(existsSync(mountpoint.path)).toBe(true);
    closeMountpoint(mountpoint);
  });

  it.each([
    ["Ubuntu 24.04", "Ubuntu 24.04"],
    ["AC/DC", "AC\u2215DC"],
    ["../../etc", "\u2215..\u2215etc"],
    ["..", ""],
    [".", ""],
    [".hidden", "hidden"],
    ["  x \0\n y\u2028z ", "x   y z"],
    ["\u001b[31mred", "[31mred"],
    ["\u5149\u76d8", "\u5149\u76d8"],
    ["\ud800x", "\ufffdx"],
  ])("names folders after labels: %j", (label, expected) => {
    expect(folderName(label)).toBe(expected);
  });

  it("keeps names within what a file system takes", () => {
    expect(Buffer.byteLength(folderName("\u{1f4bf}".repeat(200)))).toBeLessThanOrEqual(250);
    expect(folderName("\u{1f4bf}".repeat(200))).toMatch(/^\u{1f4bf}+$/u);
  });
});

describe("targets", () => {
  const mounts: MountInfo[] = [
    mountInfo({ id: "m1", image: "/i/a.iso", mountpoint: "/mnt/a" }),
    mountInfo({ id: "m2", image: "/i/b.iso", mountpoint: "/mnt/b" }),
    mountInfo({ id: "m3", image: "/i/a.iso", mountpoint: "/mnt/b" }),
    mountInfo({ id: "m4", image: "/mnt/a/inner.iso", mountpoint: join(process.cwd(), "m1") }),
  ];
  const ids = (target: string, resolveFolder?: (folder: string) => string) =>
    findTargets(mounts, target, resolveFolder).map(({ id }) => id);
  const never = () => {
    throw new Error("looked into a folder");
  };

  it("are found by mountpoint (the uppermost), by image (all), by id", () => {
    expect(ids("/mnt/a", never)).toEqual(["m1"]);
    expect(ids("/mnt/x/../a/", never)).toEqual(["m1"]);
    expect(ids("/mnt/b", never)).toEqual(["m3"]);
    expect(ids("/i/a.iso", never)).toEqual(["m1", "m3"]);
    expect(ids("m2")).toEqual(["m2"]);
  });

  it("prefer a path to an id of the same name", () => {
    expect(ids("m1", never)).toEqual(["m4"]);
  });

  it("are found through symlinks, but never by looking into a mount", () => {
    expect(ids("/link/a", (path) => (path === "/link" ? "/mnt" : never()))).toEqual(["m1"]);
    expect(ids("/mnt/a/nothing", never)).toEqual([]);
    expect(ids("/mnt/a", never)).toEqual(["m1"]);
    expect(ids("/nowhere/at/all")).toEqual([]);
  });
});

describe("time zone", () => {
  const utc = () => "/usr/share/zoneinfo/Etc/UTC";

  it.each([
    ["Europe/Berlin", "Europe/Berlin"],
    [":America/Argentina/Buenos_Aires", "America/Argentina/Buenos_Aires"],
    ["", "UTC"],
    ["/usr/share/zoneinfo/posix/Asia/Tokyo", "Asia/Tokyo"],
  ])("TZ=%s", (variable, expected) => {
    expect(timeZone(variable, utc)).toBe(expected);
  });

  it("comes from /etc/localtime, and from Intl where that is no symlink", () => {
    expect(timeZone(undefined, () => "../usr/share/zoneinfo/Europe/Paris")).toBe("Europe/Paris");
    const byIntl = Intl.DateTimeFormat().resolvedOptions().timeZone;
    const noLink = () => {
      throw Object.assign(new Error("EINVAL"), { code: "EINVAL" });
    };
    expect(timeZone(undefined, noLink)).toBe(byIntl);
  });
});

describe("passphrase", () => {
  const read = async (source: Parameters<typeof readPassphrase>[0]) =>
    (await readPassphrase(source))?.toString();

  it("comes from file, descriptor or command, without one newline", async () => {
    const file = join(folder, "key");
    for (const [content, expected] of [
      ["secret", "secret"],
      ["secret\n", "secret"],
      ["secret\r\n", "secret"],
      [" two words \n\n", " two words \n"],
    ]) {
      writeFileSync(file, content);
      expect(await read({ file })).toBe(expected);
    }
    const descriptor = openSync(file, "r");
    expect(await read({ descriptor })).toBe(" two words \n");
    closeSync(descriptor);
    expect(await read({ command: "echo a; printf 'b c'" })).toBe("a\nb c");
    expect(await read({})).toBeUndefined();
  });

  it("says what is wrong with its source", async () => {
    await expect(read({ file: join(folder, "none") })).rejects.toThrow(/none: it does not exist/);
    await expect(read({ command: "exit 3" })).rejects.toThrow("ended with status 3");
    await expect(read({ command: "kill -9 $$" })).rejects.toThrow("ended with SIGKILL");
    await expect(read({ command: "true" })).rejects.toThrow("the passphrase is empty");
    await expect(read({ descriptor: 987 })).rejects.toThrow(/descriptor 987: EBADF/);
  });
});
