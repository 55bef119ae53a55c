/**
 * Clients that send anything but requests, a thousand at once: they harm nobody but themselves, and
 * nothing of them is left.
 */
import { randomBytes } from "node:crypto";
import { closeSync, existsSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, it, onTestFinished } from "vitest";
import { controlSocket } from "../../daemon/rpc/runtime-folder.js";
import { close } from "../../fs-adapter/system/libc.js";
import { connectUnix, sendMessage, setNonBlocking } from "../../fs-adapter/system/unix-socket.js";
import { buildIso, file, folder } from "../fixtures/iso9660/iso-builder.js";
import { Isomount, program, startIsomount } from "../support/isomount.js";
import { descriptors, eventually, residentKibibytes } from "../support/processes.js";

const isomount = startIsomount();
const image = join(isomount.folder, "disc.iso");
const socket = controlSocket(isomount.runtime);
const CLIENTS = 1000;
/** The machine may be busy with the bad ones; a client that starts Node takes its time, too. */
const GOOD_TIME_MILLISECONDS = 10_000;
/** What is kept for later, of half a gigabyte that was sent: two seconds after they have gone. */
const MAX_GROWTH_KIBIBYTES = 40 * 1024;

let daemon: number;
const sockets: Socket[] = [];
const handles: number[] = [];

beforeAll(() => {
  // It comes and goes as the machine has time for it, and its sockets would be counted.
  writeFileSync(join(isomount.folder, "isomountd.toml"), "spare-server = false");
  isomount.environment.ISOMOUNT_CONFIG = join(isomount.folder, "isomountd.toml");
  writeFileSync(image, buildIso(folder("", [file("A.TXT;1", "a\n")])));
  isomount.mount(image);
  daemon = isomount.daemonPid()!;
});
afterAll(hangUp);

function hangUp(): void {
  for (const each of sockets.splice(0)) each.destroy();
  for (const fd of handles.splice(0)) close(fd);
}

/** Sends it all and goes on listening; what comes back is thrown away. */
function say(...parts: (string | Buffer)[]): Socket {
  const client = connect(socket);
  sockets.push(client);
  // EPIPE and ECONNRESET: thrown out, as it should be.
  client.on("error", () => {}).resume();
  for (const part of parts) client.write(part);
  return client;
}

const request = (method: unknown, params?: unknown, id: unknown = 1) =>
  `${JSON.stringify({ jsonrpc: "2.0", id, method, params })}\n`;

const wrongValues = [null, -1, 1.5, 1e300, true, "", "\0", "x".repeat(100_000), [], [[]], {}];
const fields: Record<string, string[]> = {
  open: ["image", "options", "owner", "timeZone", "sandbox", "size"],
  supply: ["session", "error", "names", "passphrase"],
  verify: ["session"],
  mount: ["session", "options", "made"],
  umount: ["target", "lazy"],
  wait: ["id"],
  shutdown: ["keepMounts"],
};

/** Every field of every method with every value that it should not have. */
function* wrongTypes(): Generator<string> {
  for (const [method, names] of Object.entries(fields)) {
    for (const name of names) {
      for (const value of wrongValues) {
        // With something mounted and no `keepMounts`, a daemon does not end.
        if (name === "keepMounts" && value === true) continue;
        const valid = { image: "/x", owner: { uid: 0, gid: 0 }, timeZone: "UTC", session: "s1" };
        yield request(method, { ...valid, [name]: value });
      }
    }
    for (const params of wrongValues) yield request(method, params);
  }
}

/** With descriptors, by a blocking client that does not wait for an answer. */
function hand(line: string, count: number): void {
  const fd = connectUnix(socket);
  handles.push(fd);
  setNonBlocking(fd);
  sendMessage(fd, Buffer.from(line), Array<number>(count).fill(0), false);
}

const noRequests = [
  ...["1\n", "null\n", '"x"\n', "[]\n", "{}\n", "true\n", "\n", '{"jsonrpc":"2.0"}\n'],
  `[${request("list").trim()}]\n`,
  '{"jsonrpc":"1.0","method":"list","id":1}\n',
  request(7),
  request("constructor"),
  request("__proto__", { __proto__: {} }),
  request("list", {}, { toString: null }),
  '{"jsonrpc":"2.0","id":1,"method":"list","params":{"__proto__":{"x":1}}}\n',
];

const kinds: Record<string, (i: number) => void> = {
  "random bytes": () => say(randomBytes(50_000)),
  "half a line": () => say(request("list").slice(0, 20)),
  "a line without end": () => say(Buffer.alloc(3_000_000, "x")),
  "a line that nearly ends": () => say(Buffer.alloc(1_000_000, " ")),
  "JSON that is no request": (i) => say(noRequests[i % noRequests.length]),
  "a thousand requests at once": () => say(request("wait", { id: "m1" }).repeat(1000)),
  "nesting without end": (i) => say("[".repeat(900_000), i % 2 === 0 ? "\n" : ""),
  "descriptors nobody asked for": (i) => hand(request("list"), 1 + (i % 20)),
  "descriptors with half a line": (i) => hand("{", 1 + (i % 16)),
  silence: () => say(),
  "a question, and away": () => say(request("list").repeat(20)).on("ready", hangUpSoon),
};

function hangUpSoon(this: Socket): void {
  setTimeout(() => this.destroy(), 5);
}

/** All of them, and whatever else they send. */
async function letLoose(): Promise<void> {
  const names = Object.keys(kinds);
  for (let i = 0; i < CLIENTS; i++) {
    kinds[names[i % names.length]](Math.floor(i / names.length));
    // The test's own event loop must come round, or nothing is sent.
    if (i % 50 === 0) await sleep(0);
  }
  say(...wrongTypes());
}

/** Milliseconds that an honest client's day takes: it looks, mounts, reads and unmounts. */
async function honestDay(): Promise<number> {
  const started = Date.now();
  expect(await isomount.start("list", "--quiet")).toMatchObject({ status: 0, stderr: "" });
  const mountpoint = isomount.newMountpoint();
  expect(await isomount.start(image, mountpoint)).toEqual({ status: 0, stdout: "", stderr: "" });
  expect(readFileSync(join(mountpoint, "a.txt"), "utf8")).toBe("a\n");
  expect(await isomount.start("umount", mountpoint)).toMatchObject({ status: 0, stderr: "" });
  return Date.now() - started;
}

async function quiet(): Promise<void> {
  hangUp();
  await eventually("all is quiet", () => connections() <= 1, 20);
}

it(`answers while ${CLIENTS} bad clients are there, and keeps nothing of them`, async () => {
  await honestDay();
  const before = { descriptors: descriptors(daemon).length, memory: residentKibibytes(daemon) };
  const memory: number[] = [];
  const took: number[] = [];
  for (let wave = 0; wave < 2; wave++) {
    await letLoose();
    took.push(await honestDay());
    await quiet();
    await sleep(4_000);
    memory.push(residentKibibytes(daemon));
  }
  console.log(`${CLIENTS} bad clients, twice: a good one took ${took} ms beside them;`);
  console.log(`memory ${before.memory} KiB before, then ${memory}`);
  for (const milliseconds of took) expect(milliseconds).toBeLessThan(GOOD_TIME_MILLISECONDS);
  expect(isomount.daemonPid()).toBe(daemon);
  const fewer = () => descriptors(daemon).length <= before.descriptors;
  await eventually("descriptors are as before", fewer);
  expect(memory[0] - before.memory).toBeLessThan(MAX_GROWTH_KIBIBYTES);
  expect(memory[1] - before.memory).toBeLessThan(MAX_GROWTH_KIBIBYTES);
  expect(isomount.servers().length).toBe(1);
  const asked = Date.now();
  expect(isomount.list().length).toBe(1);
  expect(Date.now() - asked).toBeLessThan(GOOD_TIME_MILLISECONDS);
}, 180_000);

/** Sockets of the daemon beyond those that it has with nobody connected. */
function connections(): number {
  return descriptors(daemon).filter((each) => each.includes("socket:")).length - quietSockets;
}

let quietSockets = 0;
beforeAll(() => {
  quietSockets = descriptors(daemon).filter((each) => each.includes("socket:")).length;
});

it("ends the servers of those who hang up while their image is opened", async () => {
  const open = request("open", {
    image,
    options: {},
    owner: { uid: 0, gid: 0 },
    timeZone: "UTC",
  });
  const fd = openSync(image, "r");
  for (let i = 0; i < 12; i++) {
    const client = connectUnix(socket);
    sendMessage(client, Buffer.from(open), [fd]);
    // Some at once, some while the server reads.
    if (i % 2 === 0) await sleep(40 * i);
    close(client);
  }
  closeSync(fd);
  await eventually("their servers are gone", () => isomount.servers().length === 1, 30);
  expect(isomount.list().length).toBe(1);
});

it("lets who does not read wait for themselves only", async () => {
  // Far more answers than the socket holds; nobody reads them.
  const fd = connectUnix(socket);
  handles.push(fd);
  setNonBlocking(fd);
  for (let i = 0; i < 500; i++) {
    try {
      sendMessage(fd, Buffer.from(request("list").repeat(10)), [], false);
    } catch (error) {
      expect(["EAGAIN", "EPIPE", "ECONNRESET"]).toContain((error as { code: string }).code);
      break;
    }
    await sleep(2);
  }
  expect(isomount.list().length).toBe(1);
  hangUp();
});

it("serves a newcomer when more are connected than may be", async () => {
  const few = startFew();
  const silent = Array.from({ length: 300 }, () => connectUnix(few.socket));
  expect((await few.isomount.start("list")).status).toBe(0);
  expect(descriptors(few.daemon).length).toBeLessThan(FEW);
  for (const fd of silent) close(fd);
});

it("neither ends nor spins where it has no descriptor left", async () => {
  const few = startFew();
  const { isomount: own } = few;
  // Its own mounts take them all; the last one fails in words.
  let failure = "";
  for (let i = 0; i < FEW && failure === ""; i++) {
    const { status, stderr } = own.run(image, own.newMountpoint());
    if (status !== 0) failure = stderr;
  }
  expect(existsSync(`/proc/${few.daemon}`)).toBe(true);
  expect(failure).toMatch(/^isomount: [^\n]+\n$/);
  const clients = Array.from({ length: 60 }, () => connectUnix(few.socket));
  await sleep(500);
  const spent = processorTicks(few.daemon);
  await sleep(2000);
  // In hundredths of a second.
  expect(processorTicks(few.daemon) - spent).toBeLessThan(60);
  for (const fd of clients) close(fd);
  // Without the daemon, which may not even have a descriptor for who would ask it.
  for (let i = 1; i <= 3; i++) own.runProgram("umount", join(own.folder, `mnt${i}`));
  await eventually("it answers again", () => own.run("list").status === 0, 20);
  expect(own.daemonPid()).toBe(few.daemon);
}, 120_000);

const FEW = 128;

/** A daemon that may have few descriptors. */
function startFew() {
  const own = new Isomount();
  onTestFinished(() => own.end());
  const start = [process.execPath, program, "daemon", "start"];
  expect(own.runProgram("prlimit", `--nofile=${FEW}:${FEW}`, ...start).status).toBe(0);
  return { isomount: own, daemon: own.daemonPid()!, socket: controlSocket(own.runtime) };
}

/** utime and stime. */
function processorTicks(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  const words = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return Number(words[11]) + Number(words[12]);
}
