/**
 * A program behind the filter of servers: `confined.js DEED [ring]`. It says on standard output, as
 * JSON, what came of it; some deeds end it. With `ring` it has an io_uring before, as Node has with newer libuv. Bundled, since whoever compiles on the way needs more calls.
 */
import { spawnSync } from "node:child_process";
import { pbkdf2Sync } from "node:crypto";
import { openSync, readdirSync, readFileSync, readlinkSync, writeSync } from "node:fs";
import { createServer } from "node:net";
import { promisify } from "node:util";
import { Worker } from "node:worker_threads";
import { deflate, inflateSync } from "node:zlib";
import koffi from "koffi";
import { confine, filterObstacle } from "../../fs-adapter/seccomp/install.js";
import { deadly } from "../../fs-adapter/seccomp/rules.js";
import {
  errno,
  execv,
  fcntl,
  memfdCreate,
  SystemError,
  syscall,
} from "../../fs-adapter/system/libc.js";
import { Poller } from "../../fs-adapter/system/poller.js";
import { listenUnix, socketPair } from "../../fs-adapter/system/unix-socket.js";

const F_SETOWN = 8;
const SYS_OPENAT2 = 437;
const SYS_IO_URING_SETUP = 425;
const SYS_CLONE3 = 435;
const SELF = new URL(import.meta.url).pathname;

/** The errno's name, if that is what comes of it. */
function outcome(result: number | bigint): string {
  return Number(result) < 0 ? new SystemError("", errno()).code : "done";
}

/** Of a descriptor that is closed meanwhile: the error. */
function thrownOr(read: () => string): string {
  try {
    return read();
  } catch (error) {
    return String(error);
  }
}

function thrown(act: () => unknown): string {
  try {
    act();
    return "done";
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  }
}

/** Ends with what a thread says that is started now. */
function thread(code: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(`const { parentPort } = require("node:worker_threads"); ${code}`, {
      eval: true,
    });
    worker.once("message", resolve).once("error", reject);
  });
}

/** As much of it as is used here: the types of Node 20 have none. */
declare const WebAssembly: {
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object, imports: object) => { readonly exports: object };
};

/** A module whose function divides: by zero, it traps. */
const WASM = Buffer.from(
  "0061736d0100000001070160027f7f017f030201000707010364697600000a09010700200020016d0b",
  "hex",
);

const deeds: Record<string, () => unknown> = {
  // What a server needs.
  file: () => readFileSync(SELF).length > 0,
  import: async () => typeof (await import("node:http")).createServer,
  thread: () => thread("parentPort.postMessage(7)"),
  "thread waits": () =>
    thread(
      "const a = new Int32Array(new SharedArrayBuffer(4)); parentPort.postMessage(Atomics.wait(a, 0, 0, 10))",
    ),
  timer: () => new Promise((resolve) => setTimeout(resolve, 5, "rung")),
  pool: async () => inflateSync(await promisify(deflate)(Buffer.alloc(1e6))).length,
  poller: () =>
    new Promise((resolve) => {
      const poller = new Poller();
      poller.watch(0, 1, () => {
        poller.close();
        resolve("ready");
      });
    }),
  key: () => pbkdf2Sync("a", "b", 1000, 32, "sha1").length,
  memory: () => {
    let bytes = 0;
    const kept: unknown[] = [];
    for (let i = 0; i < 300; i++) {
      const part = Array.from({ length: 10_000 }, (_, j) => ({ i, j }));
      bytes += Buffer.alloc(1024 * 1024, 1).length;
      if (i % 30 === 0) kept.push(part);
    }
    return bytes + kept.length;
  },
  "memory usage": () => process.memoryUsage().rss > 0 && process.resourceUsage().maxRSS > 0,
  zone: () => new Date(0).toLocaleString("de", { timeZone: "Asia/Tokyo" }).length > 0,
  wasm: () => {
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(WASM), {});
    const { div } = exports as { div(a: number, b: number): number };
    return [div(6, 3), thrown(() => div(1, 0))];
  },
  "deep stack": () => {
    const dive = (): number => dive() + 1;
    return thrown(dive);
  },
  exit: () => process.exit(7),
  abort: () => process.abort(),
  throw: () => {
    throw new Error("thrown on purpose");
  },
  "fills its heap": () => {
    const kept: unknown[] = [];
    for (;;) kept.push(Array.from({ length: 100_000 }, (_, i) => ({ i })));
  },
  // What is refused.
  "write a file": () => thrown(() => openSync("/tmp/isomount-confined", "w")),
  "append to a file": () => thrown(() => openSync(SELF, "a")),
  "read and write a file": () => thrown(() => openSync(SELF, "r+")),
  openat2: () => outcome(syscall(SYS_OPENAT2, 0, 0, null, 0)),
  clone3: () => outcome(syscall(SYS_CLONE3, 0, 0, null, 0)),
  io_uring_setup: () => outcome(syscall(SYS_IO_URING_SETUP, 1, 0, Buffer.alloc(120), 0)),
  obstacle: () => filterObstacle() ?? "none",
  rings: () =>
    readdirSync("/proc/self/fd").filter((fd) =>
      thrownOr(() => readlinkSync(`/proc/self/fd/${fd}`)).includes("io_uring"),
    ),
  socket: () => thrown(() => listenUnix("@isomount-confined")),
  "pair of sockets": () => thrown(() => socketPair("stream")),
  network: () =>
    new Promise((resolve) => {
      const server = createServer().once("error", (error: NodeJS.ErrnoException) => {
        resolve(error.code);
      });
      server.listen(0, () => resolve("done"));
    }),
  memfd: () => outcome(memfdCreate("confined", 0)),
  "signals by a file": () => outcome(fcntl(0, F_SETOWN, 1)),
  // What ends it.
  program: () => execv("/bin/true", ["/bin/true", null]),
  "child process": () => spawnSync("/bin/true", { stdio: "ignore" }).status,
  "kill the parent": () => process.kill(process.ppid, 0),
  "kill init": () => process.kill(1, 0),
};
for (const [name, numbers] of Object.entries(deadly)) {
  const number = numbers[process.arch === "x64" ? 0 : 1];
  if (number !== undefined) deeds[`call ${name}`] = () => outcome(syscall(number, 0, 0, null, 0));
}

const [deed, ring] = process.argv.slice(2);
if (ring !== undefined) {
  const setup = koffi.load("libc.so.6").func("long syscall(long, uint32, void *)");
  const made = outcome(setup(SYS_IO_URING_SETUP, 8, Buffer.alloc(120)));
  // The second time there is no such thing any more.
  writeSync(1, `${made}\n`);
}
const problem = confine([0, 1, 2]);
if (problem !== undefined) writeSync(2, problem);
writeSync(1, JSON.stringify({ result: await deeds[deed]() }));
