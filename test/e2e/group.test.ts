/**
 * Root's daemon serving the members of a group: what they may do, what they may not, and who is no
 * member.
 */
import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { Connection } from "../../daemon/client/connection.js";
import { O_PATH } from "../../daemon/client/mountpoint.js";
import { openImage } from "../../daemon/client/opener.js";
import { openSession } from "../../daemon/client/session.js";
import type { MountInfo, MountOptions } from "../../daemon/rpc/protocol.js";
import { MAX_MOUNTS, MAX_SESSIONS } from "../../daemon/supervisor/guests.js";
import { buildIso, file, folder } from "../fixtures/iso9660/iso-builder.js";
import { as, type Credentials, setpriv } from "../support/credentials.js";
import { type Outcome, program, startIsomount } from "../support/isomount.js";
import { eventually } from "../support/processes.js";

const isRoot = process.getuid!() === 0;
if (!isRoot) console.log("skipped: only root's daemon serves a group");

/** Nobody has it, and it has no name. */
const GROUP = 54321;
const member: Credentials = { uid: 1, gid: 1, groups: [7, GROUP] };
const other: Credentials = { uid: 3, gid: GROUP, groups: [] };
const stranger: Credentials = { uid: 2, gid: 2, groups: [7, 8] };

describe.skipIf(!isRoot)("root's daemon for a group", () => {
  const isomount = startIsomount();
  const at = (...names: string[]) => join(isomount.folder, ...names);
  const socket = at("group.sock");
  const home = at("home");
  const image = at("disc.iso");
  isomount.environment.ISOMOUNT_CONFIG = at("isomountd.toml");
  isomount.environment.ISOMOUNT_GROUP_SOCKET = socket;

  /** `isomount --system ...` by them, at home. */
  function system(who: Credentials, ...words: string[]): Outcome {
    const [first, ...rest] = setpriv(who);
    const command = ["env", `HOME=${home}`, process.execPath, program, "--system", ...words];
    return isomount.runProgram(first, ...rest, ...command);
  }

  /** A folder that is theirs. */
  function folderOf({ uid }: Credentials, name: string): string {
    mkdirSync(at(name));
    chownSync(at(name), uid, uid);
    return at(name);
  }

  beforeAll(() => {
    chmodSync(isomount.folder, 0o755);
    folderOf(member, "home");
    const folders = folder("", [file("A.TXT;1", "a\n"), folder("INNER", [])]);
    writeFileSync(image, buildIso(folders));
    writeFileSync(at("isomountd.toml"), "");
    isomount.succeed("daemon", "start");
  });

  it("is not there unless the configuration names a group", () => {
    expect(existsSync(socket)).toBe(false);
    const { status, stderr } = system(member, "list");
    expect(status).toBe(2);
    expect(stderr).toContain(`serves no group: ${socket} is not there (root lets a group in: `);
    expect(stderr).toContain("systemctl enable --now isomountd-group.socket");
    writeFileSync(at("isomountd.toml"), `group = ${GROUP}`);
    isomount.succeed("daemon", "reload");
    const { uid, gid, mode } = statSync(socket);
    expect({ uid, gid, mode: mode & 0o7777 }).toEqual({ uid: 0, gid: GROUP, mode: 0o660 });
  });

  it("is not believed where the socket is somebody else's", () => {
    const mine = folderOf(member, "mine");
    isomount.environment.ISOMOUNT_GROUP_SOCKET = join(mine, "s");
    for (const make of [
      () => writeFileSync(join(mine, "s"), ""),
      () => symlinkSync(socket, join(mine, "s2")),
    ]) {
      make();
      const { status, stderr } = system(member, "list");
      expect(status).toBe(2);
      expect(stderr).toContain("is no socket of root's");
      isomount.environment.ISOMOUNT_GROUP_SOCKET = join(mine, "s2");
    }
    isomount.environment.ISOMOUNT_GROUP_SOCKET = socket;
  });

  describe("lets a member", () => {
    const mountpoint = at("mnt");

    it("mount in their own folder, read, and see", () => {
      folderOf(member, "mnt");
      expect(system(member, image, mountpoint)).toEqual({ status: 0, stdout: "", stderr: "" });
      expect(readFileSync(join(mountpoint, "a.txt"), "utf8")).toBe("a\n");
      const [cat, ...words] = [...setpriv(member), "cat", join(mountpoint, "a.txt")];
      expect(isomount.runProgram(cat, ...words).stdout).toBe("a\n");
      // The image says nothing of owners.
      expect(statSync(join(mountpoint, "a.txt"))).toMatchObject({ uid: 1, gid: 1 });
      const listed = JSON.parse(system(other, "list", "--json").stdout) as MountInfo[];
      expect(listed).toMatchObject([{ mountpoint, uid: 1, sandboxed: true }]);
      expect(system(member, "status").status).toBe(0);
      expect(system(member, "info", image).stdout).toContain("iso9660");
      expect(system(member, "verify", image).stdout).toContain("nothing to verify");
    });

    it("unmount what is theirs, and no more", () => {
      for (const target of [mountpoint, "m1", image]) {
        const { status, stderr } = system(other, "umount", target);
        expect(status).toBe(32);
        expect(stderr).toContain("m1 was mounted by another user");
      }
      expect(system(other, "umount", "--all").status).toBe(0);
      expect(isomount.list().length).toBe(1);
      const theirs = folderOf(other, "mnt-other");
      expect(system(other, image, theirs).status).toBe(0);
      expect(system(member, "umount", "--all")).toEqual({ status: 0, stdout: "", stderr: "" });
      expect(isomount.list()).toMatchObject([{ mountpoint: theirs, uid: 3 }]);
      isomount.succeed("umount", theirs);
    });

    it("choose an owner who is themselves, and a group of their own", () => {
      expect(system(member, image, mountpoint, "-o", "uid=1,gid=7").status).toBe(0);
      expect(statSync(join(mountpoint, "a.txt"))).toMatchObject({ uid: 1, gid: 7 });
      expect(system(member, "umount", mountpoint).status).toBe(0);
    });

    it("leave the folder to us, which is theirs and goes away again", () => {
      const { stdout, status } = system(member, image);
      expect(status).toBe(0);
      const made = stdout.trim();
      expect(made.startsWith(join(home, "Mounts/"))).toBe(true);
      expect(readFileSync(join(made, "a.txt"), "utf8")).toBe("a\n");
      expect(system(member, "umount", made).status).toBe(0);
      return eventually("it is gone", () => readdirSync(join(home, "Mounts")).length === 0);
    });

    it("stay in the foreground", async () => {
      const [first, ...rest] = setpriv(member);
      const words = [process.execPath, program, "--system", "-f", image, mountpoint];
      const staying = isomount.startProgram(first, ...rest, ...words);
      await eventually("it is mounted", () => isomount.list().length === 1);
      expect(system(member, "umount", mountpoint).status).toBe(0);
      expect(await staying).toEqual({ status: 0, stdout: "", stderr: "" });
    });
  });

  describe("refuses a member", () => {
    it.each([
      ["a folder of somebody else", [at("root")], "belongs to user 0, not to you"],
      ["no sandbox", [at("own"), "-o", "nosandbox"], "the image would be read as root"],
      ["fuse-native", [at("own"), "-o", "transport=fuse-native"], "would run as root"],
      ["a mount that root alone sees", [at("own"), "-o", "private"], "hide the mount"],
      ["files of somebody else", [at("own"), "-o", "uid=0"], "uid=0 is not you"],
      ["files of a group not theirs", [at("own"), "-o", "gid=8"], "you are not of group 8"],
    ])("%s", (_, words, message) => {
      if (!existsSync(at("own"))) folderOf(member, "own");
      if (!existsSync(at("root"))) mkdirSync(at("root"));
      const { status, stdout, stderr } = system(member, image, ...words);
      expect({ status, stdout }).toEqual({ status: 32, stdout: "" });
      expect(stderr).toMatch(/^isomount: [^\n]+\n$/);
      expect(stderr).toContain(message);
      expect(isomount.list()).toEqual([]);
    });

    it("a folder within a mount", () => {
      expect(system(member, image, at("own")).status).toBe(0);
      const { status, stderr } = system(member, image, join(at("own"), "inner"));
      expect(status).toBe(32);
      expect(stderr).toContain("lies in a FUSE filesystem (fuse.isomount)");
      isomount.succeed("umount", at("own"));
    });

    it("what is root's", () => {
      const connection = as(member, () => Connection.open(socket));
      for (const method of ["shutdown", "reload", "metrics"] as const) {
        expect(() => connection.call(method, {})).toThrow(`${method} is for root only`);
      }
      expect(connection.call("daemon", {}).mounts).toBe(0);
      connection.close();
      const root = Connection.open(socket);
      expect(root.call("reload", {})).toEqual({});
      root.close();
    });

    it("a parent folder that is not theirs", async () => {
      const connection = as(member, () => Connection.open(socket));
      const { id } = await session(connection);
      const [own, root] = [at("own"), at("root")].map((path) => openSync(path, O_PATH));
      const ask = () =>
        connection.call("mount", { session: id, options: {}, made: "x" }, [own, root]);
      expect(ask).toThrow(`${at("root")} belongs to user 0`);
      closeSync(own);
      closeSync(root);
      connection.close();
    });

    it(`more than ${MAX_SESSIONS} images at a time, and more than ${MAX_MOUNTS} mounts`, async () => {
      const connections = [1, 2].map(() => as(member, () => Connection.open(socket)));
      const sessions: string[] = [];
      for (let i = 0; i < MAX_SESSIONS; i++) {
        sessions.push((await session(connections[i % 2])).id);
      }
      await expect(session(connections[0])).rejects.toThrow("16 images are being opened already");
      // Of another user nothing is taken away.
      const theirs = as(other, () => Connection.open(socket));
      expect((await session(theirs)).id).toMatch(/^s\d+$/);
      theirs.close();

      const mounts = folderOf(member, "mounts");
      const mount = (i: number, id: string, options: MountOptions = {}) => {
        const path = join(mounts, String(i));
        mkdirSync(path);
        chownSync(path, member.uid, member.uid);
        const fd = openSync(path, O_PATH | constants.O_DIRECTORY);
        try {
          return connections[i % 2].call("mount", { session: id, options }, [fd]);
        } finally {
          closeSync(fd);
        }
      };
      for (let i = 0; i < MAX_MOUNTS; i++) {
        mount(i, sessions[i] ?? (await session(connections[i % 2])).id);
      }
      const { id } = await session(connections[MAX_MOUNTS % 2]);
      expect(() => mount(MAX_MOUNTS, id)).toThrow("64 images are mounted already");
      for (const { id: mounted } of connections[0].call("list", {})) {
        connections[0].call("umount", { target: mounted });
      }
      for (const connection of connections) connection.close();
      expect(isomount.list()).toEqual([]);
    }, 120_000);
  });

  describe("refuses who is no member", () => {
    it("by the mode of the socket", () => {
      const { status, stderr } = system(stranger, "list");
      expect(status).toBe(2);
      expect(stderr).toContain("cannot reach the system's daemon: permission denied");
      expect(stderr).toContain(`be a member of group ${GROUP}`);
    });

    it("and by what the kernel says of them, whatever the mode", () => {
      chmodSync(socket, 0o666);
      const { status, stdout } = system(stranger, "list");
      expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
      expect(isomount.daemonLog()).toMatch(
        /refused a connection from user 2 \(process \d+\): they are not of group 54321\n/,
      );
      expect(system(member, "list").status).toBe(0);
      chmodSync(socket, 0o660);
    });

    it("on the private socket, be they members or not", () => {
      chmodSync(isomount.runtime, 0o755);
      chmodSync(join(isomount.runtime, "control.sock"), 0o666);
      const connection = as(member, () => Connection.open(join(isomount.runtime, "control.sock")));
      expect(() => connection.call("list", {})).toThrow(/connection|isomountd/);
      connection.close();
      chmodSync(isomount.runtime, 0o700);
    });
  });

  it("goes to another group, and away, with a reload", () => {
    writeFileSync(at("isomountd.toml"), "group = 7");
    isomount.succeed("daemon", "reload");
    expect(statSync(socket).gid).toBe(7);
    expect(system(stranger, "list").status).toBe(0);
    expect(system(other, "list").status).toBe(2);
    writeFileSync(at("isomountd.toml"), "");
    isomount.succeed("daemon", "reload");
    expect(existsSync(socket)).toBe(false);
  });

  it("takes its socket with it", () => {
    writeFileSync(at("isomountd.toml"), "group = 7");
    isomount.succeed("daemon", "reload");
    isomount.succeed("daemon", "stop");
    expect(existsSync(socket)).toBe(false);
    isomount.succeed("daemon", "start");
    expect(existsSync(socket)).toBe(true);
  });

  async function session(connection: Connection): Promise<{ id: string }> {
    const opened = openImage(image);
    try {
      return await openSession(connection, {
        image: opened,
        options: {},
        passphrase: {},
        ask: async () => undefined,
      });
    } finally {
      opened.close();
    }
  }
});
