/**
 * Files that a client hands over and whose filesystem does not let go of them: each close(2) waits
 * for it, in the daemon as in each process that the daemon starts.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Connection } from "../../daemon/client/connection.js";
import { controlSocket } from "../../daemon/rpc/runtime-folder.js";
import { close } from "../../fs-adapter/system/libc.js";
import { connectUnix } from "../../fs-adapter/system/unix-socket.js";
import { buildIso, file, folder } from "../fixtures/iso9660/iso-builder.js";
import { as, type Credentials } from "../support/credentials.js";
import { startIsomount } from "../support/isomount.js";
import { descriptors, eventually } from "../support/processes.js";

const isRoot = process.getuid!() === 0;
if (!isRoot) console.log("skipped: only root may mount the filesystem that does not let go");

const GROUP = 54321;
const member: Credentials = { uid: 1, gid: 1, groups: [GROUP] };
const handing = join(import.meta.dirname, "../support/hand-over.ts");
const withholding = join(import.meta.dirname, "../support/withholding.ts");

describe.skipIf(!isRoot)("files that cannot be closed", () => {
  const isomount = startIsomount();
  const at = (name: string) => join(isomount.folder, name);
  isomount.environment.ISOMOUNT_CONFIG = at("isomountd.toml");
  isomount.environment.ISOMOUNT_GROUP_SOCKET = at("group.sock");
  const children: ChildProcess[] = [];
  let daemon: number;

  beforeAll(() => {
    // What cuts a filesystem off; systemd mounts it everywhere.
    if (!existsSync("/sys/fs/fuse/connections/.")) throw new Error("this kernel has no FUSE");
    isomount.runProgram("mount", "-t", "fusectl", "none", "/sys/fs/fuse/connections");
    chmodSync(isomount.folder, 0o755);
    writeFileSync(at("disc.iso"), buildIso(folder("", [file("A.TXT;1", "a\n")])));
    writeFileSync(at("isomountd.toml"), `group = ${GROUP}\nspare-server = false`);
    isomount.succeed("daemon", "start");
    daemon = isomount.daemonPid()!;
  });
  afterAll(letGo);

  /** `user`: whose filesystem it is. */
  async function holdOn(...user: string[]): Promise<string> {
    for (const name of ["below", "control"]) mkdirSync(at(name), { recursive: true });
    const filesystem = spawn(
      process.execPath,
      ["--import", "tsx", withholding, at("below"), at("disc.iso"), at("control"), ...user],
      { stdio: ["ignore", "pipe", "inherit"] },
    );
    children.push(filesystem);
    await once(filesystem.stdout!, "data");
    writeFileSync(join(at("control"), "hold-flush"), "");
    return join(at("below"), "image");
  }

  function letGo(): void {
    // The filesystem first: only then can the others end.
    for (const child of children.splice(0)) child.kill("SIGKILL");
    isomount.runProgram("umount", "--lazy", at("below"));
    rmSync(at("control"), { recursive: true, force: true });
  }

  /** `connection` is closed here, and stays open there. */
  async function handOver(connection: number, line: string, path: string, count: number) {
    const script = ["--import", "tsx", handing, path, String(count), line];
    const child = spawn(process.execPath, script, {
      stdio: ["ignore", "pipe", "inherit", connection],
    });
    close(connection);
    children.push(child);
    await once(child.stdout!, "data");
  }

  async function expectUsable(): Promise<void> {
    const started = Date.now();
    const mountpoint = isomount.newMountpoint();
    const outcome = await isomount.start(at("disc.iso"), mountpoint);
    expect(outcome).toEqual({ status: 0, stdout: "", stderr: "" });
    expect((await isomount.start("umount", mountpoint)).status).toBe(0);
    expect(Date.now() - started).toBeLessThan(20_000);
    expect(existsSync(`/proc/${daemon}`)).toBe(true);
  }

  async function expectNothingLeft(): Promise<void> {
    letGo();
    const left = () => descriptors(daemon).filter((each) => each.includes("/below/"));
    await eventually("nothing is left", () => left().length === 0, 10);
  }

  it("do not keep the daemon from its work", async () => {
    const image = await holdOn();
    const line = '{"jsonrpc":"2.0","id":1,"method":"list"}\n';
    await handOver(connectUnix(controlSocket(isomount.runtime)), line, image, 2);
    await eventually("it is being closed", () => existsSync(join(at("control"), "held")), 10);
    await expectUsable();
    await expectNothingLeft();
  });

  it("are not taken from a guest, not even for a moment", async () => {
    const image = await holdOn(`${member.uid}`);
    // Half a line: what came with it would wait for the rest.
    const connection = as(member, () => connectUnix(at("group.sock")));
    await handOver(connection, "{", image, 12);
    // Its program ends, since it hears no more of the kernel.
    await eventually("the filesystem is cut off", () => children[0].exitCode === 0, 10);
    await expectUsable();
    await expectNothingLeft();
  });

  it("and a guest is told", async () => {
    const image = await holdOn();
    rmSync(join(at("control"), "hold-flush"));
    const connection = as(member, () => Connection.open(at("group.sock")));
    const fd = openSync(image, "r");
    const params = { image, options: {}, owner: { uid: 1, gid: 1 }, timeZone: "UTC" };
    expect(() => connection.call("open", params, [fd])).toThrow("lies in a FUSE filesystem");
    // What lies elsewhere is taken on the same connection.
    const own = openSync(at("disc.iso"), "r");
    expect(connection.call("open", { ...params, image: at("disc.iso") }, [own])).toMatchObject({
      description: { containers: [{ format: "raw" }] },
    });
    closeSync(own);
    connection.close();
    closeSync(fd);
    letGo();
  });

  it("and what is no file, or open for writing, is not taken as an image", () => {
    const connection = Connection.open(controlSocket(isomount.runtime));
    const params = { image: "/x", options: {}, owner: { uid: 0, gid: 0 }, timeZone: "UTC" };
    const tries: [string, string, string][] = [
      [isomount.folder, "r", "the image is no file and no block device"],
      ["/dev/zero", "r", "the image is no file and no block device"],
      ["/dev/fuse", "r+", "the image is no file and no block device"],
      [at("disc.iso"), "r+", "the image is open for writing"],
    ];
    for (const [path, flags, reason] of tries) {
      const fd = openSync(path, flags);
      expect(() => connection.call("open", params, [fd])).toThrow(reason);
      closeSync(fd);
    }
    connection.close();
  });
});
