/** The command against a supervisor that answers what the test says, over a real socket. */
import { readdirSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Connection } from "../../../daemon/client/connection.js";
import { imageDescription, mountInfo } from "./samples.js";
import { newStage } from "./supervisor-double.js";

const opened = { session: "s1", description: imageDescription() };

describe("mounting", () => {
  it("hands over image and mountpoint, and keeps quiet", async () => {
    const stage = newStage();
    const image = stage.file("disk.iso", "the image");
    const mountpoint = stage.newFolder("mnt");
    await stage.listen({
      open: [{ event: { method: "mounted", params: {} }, result: opened }],
      mount: [{ result: mountInfo({ image, mountpoint }) }],
    });
    const outcome = stage.run("isomount", image, mountpoint, "-o", "view=joliet,mode=600,nofail");
    expect(outcome).toEqual({ status: 0, stdout: "", stderr: "" });
    const [open, mount, ...more] = stage.requests();
    expect(more).toEqual([]);
    expect(open).toMatchObject({
      method: "open",
      params: {
        image,
        options: { view: "joliet" },
        owner: { uid: process.getuid!(), gid: process.getgid!() },
      },
      descriptors: ["the image"],
    });
    expect(open.params.timeZone).toMatch(/^[A-Z]/);
    // O_ACCMODE: read-only.
    expect(open.flags[0] & 3).toBe(0);
    expect(mount).toMatchObject({
      method: "mount",
      params: { session: "s1", options: { mode: 0o600 } },
      descriptors: [mountpoint],
    });
    // O_PATH.
    expect(mount.flags[0] & 0o10000000).not.toBe(0);
    expect(mount.params.made).toBeUndefined();
  });

  it("names the folder that the daemon is to make, and where, and prints it", async () => {
    const stage = newStage();
    const image = stage.file("disk.iso");
    await stage.listen({
      open: [{ result: opened }],
      mount: [{ result: mountInfo({ mountpoint: "/where/it/is" }) }],
    });
    const outcome = stage.run("isomount", image);
    expect(outcome).toEqual({ status: 0, stdout: "/where/it/is\n", stderr: "" });
    const [, { params, descriptors, flags }] = stage.requests();
    expect(params.made).toBe("DISK");
    expect(descriptors).toHaveLength(1);
    expect(flags[0] & 0o10000000).not.toBe(0);
    // Made by the command, it would stay if that were killed now.
    expect(readdirSync(descriptors[0])).not.toContain("DISK");
  });

  it("makes the folder itself for a daemon of a version that does not", async () => {
    const stage = newStage();
    const image = stage.file("disk.iso");
    const error = { code: -32602, message: "the mountpoint's descriptor is missing" };
    await stage.listen({
      open: [{ result: opened }],
      mount: [{ error }, { result: mountInfo({ mountpoint: "/where/it/is" }) }],
    });
    expect(stage.run("isomount", image)).toMatchObject({ status: 0, stdout: "/where/it/is\n" });
    const [, , { params, descriptors }] = stage.requests();
    expect(descriptors).toHaveLength(2);
    expect(descriptors[0]).toBe(join(descriptors[1], params.made as string));
    rmdirSync(descriptors[0]);
  });

  it("passes on why a mount fails", async () => {
    const stage = newStage();
    const image = stage.file("disk.iso");
    const error = { code: 2, message: "cannot mount on x: EPERM", data: { code: "EPERM" } };
    await stage.listen({ open: [{ result: opened }], mount: [{ error }] });
    const outcome = stage.run("isomount", image);
    expect(outcome).toEqual({
      status: 32,
      stdout: "",
      stderr: "isomount: cannot mount on x: EPERM\n",
    });
  });

  it("brings neighbours, names and the passphrase", async () => {
    const stage = newStage();
    const image = stage.file("images/disc.cue", "sheet");
    stage.file("images/Disc.BIN", "tracks");
    stage.file("secret", "not for images");
    const key = stage.file("key", "open sesame\n");
    const mountpoint = stage.newFolder("mnt");
    const need = (need: object) => ({ result: { session: "s7", need } });
    await stage.listen({
      open: [need({ kind: "neighbour", path: "disc.bin" })],
      supply: [
        need({ kind: "names", folder: "" }),
        need({ kind: "neighbour", path: "../secret" }),
        need({ kind: "names", folder: "none" }),
        need({ kind: "passphrase" }),
        { result: { ...opened, session: "s7" } },
      ],
      mount: [{ result: mountInfo() }],
    });
    const outcome = stage.run("isomount", image, mountpoint, "-o", `passphrase-file=${key}`);
    expect(outcome).toEqual({ status: 0, stdout: "", stderr: "" });
    const supplied = stage.requests().filter(({ method }) => method === "supply");
    expect(supplied.map(({ params }) => params)).toEqual([
      { session: "s7" },
      { session: "s7", names: expect.arrayContaining(["disc.cue", "Disc.BIN"]) },
      { session: "s7", error: "it is not there" },
      { session: "s7", error: "it is not there" },
      { session: "s7", passphrase: Buffer.from("open sesame").toString("base64") },
    ]);
    expect(supplied.map(({ descriptors }) => descriptors)).toEqual([["tracks"], [], [], [], []]);
  });

  it("says that a passphrase is missing where nobody can be asked", async () => {
    const stage = newStage();
    const image = stage.file("secret.dmg");
    const error = {
      code: 1,
      message: "encrypted: needs a passphrase",
      data: { kind: "encrypted" },
    };
    await stage.listen({
      open: [{ result: { session: "s1", need: { kind: "passphrase" } } }],
      supply: [{ error }],
    });
    const { status, stderr } = stage.run("isomount", image, stage.newFolder("mnt"));
    expect(status).toBe(32);
    expect(stderr).toContain(`isomount: ${image}: encrypted: needs a passphrase (`);
    expect(stderr).toMatch(/\(.*passphrase-file.*\)\n$/);
    expect(stage.requests()[1].params).toEqual({ session: "s1", error: "no passphrase was given" });
  });

  it("shows warnings, the first few unless asked for more", async () => {
    const stage = newStage();
    const image = stage.file("disk.iso");
    const warnings = [1, 2, 3, 4, 5, 6, 7].map((number) => `odd thing ${number}\u001b[2J`);
    await stage.listen({
      open: [{ result: opened }],
      mount: [{ result: mountInfo({ image, mountpoint: "/m", warnings }) }],
    });
    const mountpoint = stage.newFolder("mnt");
    const brief = stage.run("isomount", image, mountpoint);
    expect(brief.stderr.split("\n")).toHaveLength(7);
    expect(brief.stderr).toContain("isomount: warning: odd thing 5\\x1b[2J\n");
    expect(brief.stderr).toContain("isomount: warning: 2 more; --verbose shows them\n");
    const verbose = stage.run("isomount", image, mountpoint, "-v");
    expect(verbose.stderr.match(/odd thing/g)).toHaveLength(7);
    expect(verbose.stdout).toBe(
      `${image} on /m: iso9660 (rockridge) "DISK" in raw, dev-fuse, sandboxed\n`,
    );
  });

  it("prints JSON for programs", async () => {
    const stage = newStage();
    const image = stage.file("disk.iso");
    const info = mountInfo({ warnings: ["odd"] });
    await stage.listen({ open: [{ result: opened }], mount: [{ result: info }] });
    const { status, stdout, stderr } = stage.run("isomount", image, stage.newFolder("m"), "--json");
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(JSON.parse(stdout)).toEqual(info);
  });

  it("is the same by mount(8)'s helper", async () => {
    const stage = newStage();
    const image = stage.file("disk.iso", "the image");
    const mountpoint = stage.newFolder("mnt");
    await stage.listen({ open: [{ result: opened }], mount: [{ result: mountInfo() }] });
    const outcome = stage.run(
      "mount.isomount",
      ...[image, mountpoint, "-sn", "-o", "rw,frobnicate,view=boot", "-t", "isomount"],
    );
    expect(outcome).toEqual({ status: 0, stdout: "", stderr: "" });
    const [open, mount] = stage.requests();
    expect(open).toMatchObject({ params: { image, options: { view: "boot" } } });
    expect(mount.descriptors).toEqual([mountpoint]);
  });
});

describe("other commands", () => {
  it("unmount by mountpoint and image, go on after a failure, and end with 32", async () => {
    const stage = newStage();
    const mounts = [
      mountInfo({ id: "m1", mountpoint: join(stage.folder, "a") }),
      mountInfo({ id: "m2", image: "/images/b.iso", mountpoint: "/b" }),
    ];
    const busy = { code: 3, message: "/a is in use", data: { code: "EBUSY" } };
    await stage.listen({
      list: [{ result: mounts }],
      umount: [{ error: busy }, { result: [mounts[1]] }],
    });
    const { status, stderr } = stage.run(
      "isomount",
      ...["umount", "-l", join(stage.folder, "a"), "/nowhere", "/images/b.iso"],
    );
    expect(status).toBe(32);
    expect(stderr).toBe(
      "isomount: /a is in use\nisomount: /nowhere is not mounted ('isomount list' shows what is)\n",
    );
    const asked = stage.requests().filter(({ method }) => method === "umount");
    expect(asked.map(({ params }) => params)).toEqual([
      { target: "m1", lazy: true },
      { target: "m2", lazy: true },
    ]);
  });

  it("unmount everything, the latest first", async () => {
    const stage = newStage();
    await stage.listen({
      list: [{ result: [mountInfo({ id: "m1" }), mountInfo({ id: "m2", mountpoint: "/b" })] }],
      umount: [{ result: [] }],
    });
    expect(stage.run("isomount", "umount", "--all").status).toBe(0);
    const asked = stage.requests().filter(({ method }) => method === "umount");
    expect(asked.map(({ params }) => params.target)).toEqual(["m2", "m1"]);
  });

  it("list, describe and tell about the daemon", async () => {
    const stage = newStage();
    const image = stage.file("disk.iso");
    const mounts = [mountInfo(), mountInfo({ id: "m2", mountpoint: "/b c" })];
    const daemon = {
      protocol: 1,
      version: "1.2.3",
      pid: 99,
      since: 1_700_000_000,
      mounts: 2,
      runtimeFolder: stage.runtime,
    };
    await stage.listen({
      list: [{ result: mounts }],
      open: [{ result: opened }],
      daemon: [{ result: daemon }],
      shutdown: [{ error: { code: 3, message: "2 images are still mounted", data: {} } }],
    });
    expect(JSON.parse(stage.run("isomount", "list", "--json").stdout)).toEqual(mounts);
    expect(stage.run("isomount", "ls", "-q").stdout).toBe("/mnt/iso\n/b c\n");
    const described = stage.run("isomount", "info", image, "--json");
    expect(JSON.parse(described.stdout)).toEqual(opened.description);
    expect(JSON.parse(stage.run("isomount", "daemon", "status", "--json").stdout)).toEqual({
      running: true,
      ...daemon,
    });
    expect(stage.run("isomount", "daemon", "start").stdout).toBe(
      `isomountd 1.2.3 is running since 2023-11-14T22:13:20Z: pid 99, 2 mounts, ${stage.runtime}\n`,
    );
    expect(stage.run("isomount", "daemon", "stop")).toMatchObject({
      status: 32,
      stderr: "isomount: 2 images are still mounted\n",
    });
  });

  it("do without a daemon", () => {
    const stage = newStage();
    expect(stage.run("isomount", "list").stdout).toBe("nothing is mounted\n");
    expect(stage.run("isomount", "list", "--json").stdout).toBe("[]\n");
    expect(stage.run("isomount", "umount", "--all").status).toBe(0);
    expect(stage.run("isomount", "daemon", "stop").status).toBe(0);
    expect(stage.run("isomount", "daemon", "status")).toMatchObject({
      status: 2,
      stdout: "isomountd is not running; it starts with the first mount\n",
    });
    expect(readdirSync(stage.runtime)).toEqual([]);
  });
});

describe("a supervisor that misbehaves", () => {
  it.each([
    [{ close: true }, /^isomountd closed the connection/],
    [{ raw: "no JSON\n" }, /^isomountd sent no JSON/],
    [{ raw: "null\n" }, /^isomountd sent no object/],
    [{ raw: "[]\n", silent: false }, /did not answer within 1 second/],
    [{ silent: true }, /did not answer within 1 second/],
    [{ raw: '{"id":1' }, /did not answer within 1 second/],
    [{ raw: '{"id":77,"result":[]}\n' }, /did not answer within 1 second/],
  ])("%j", async (answer, message) => {
    const stage = newStage();
    await stage.listen({ list: [answer] });
    const connection = Connection.open(stage.socket, 1);
    expect(() => connection.call("list", {})).toThrow(message);
    connection.close();
  });

  it("cannot make the client hoard its words", async () => {
    const stage = newStage();
    await stage.listen({ list: [{ raw: "x".repeat(17 * 1024 * 1024) }] });
    const connection = Connection.open(stage.socket, 5);
    expect(() => connection.call("list", {})).toThrow("isomountd sent an answer without end");
    connection.close();
  });

  it("is told apart from a wrong version and from a bad image", async () => {
    const stage = newStage();
    const image = stage.file("disk.iso");
    await stage.listen({
      open: [
        { error: { code: -32602, message: "params.owner is missing" } },
        { error: { code: -32603, message: "boom" } },
        { error: { code: 1, message: "no format", data: { kind: "unknown-format" } } },
        { result: opened },
      ],
      mount: [{ error: { code: 2, message: "no /dev/fuse", data: { code: "ENOENT" } } }],
    });
    const mountpoint = stage.newFolder("mnt");
    const outcomes = [1, 2, 3, 4].map(() => stage.run("isomount", image, mountpoint, "--json"));
    expect(outcomes.map(({ status, stdout }) => [status, stdout])).toEqual([
      [2, ""],
      [2, ""],
      [32, ""],
      [2, ""],
    ]);
    const errors = outcomes.map(({ stderr }) => JSON.parse(stderr).error);
    expect(errors).toEqual([
      expect.objectContaining({ exitCode: 2, hint: expect.stringContaining("daemon stop") }),
      { message: "boom", exitCode: 2 },
      expect.objectContaining({
        message: `${image}: no format`,
        exitCode: 32,
        kind: "unknown-format",
      }),
      expect.objectContaining({ message: "no /dev/fuse", exitCode: 2, code: "ENOENT" }),
    ]);
  });
});
