/**
 * The system-call filter: every thread of every server is behind it, what a server needs works
 * there, and what else the kernel offers does not.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Action, assemble, callOf, end, ifCalled } from "../../fs-adapter/seccomp/bpf.js";
import { deadly } from "../../fs-adapter/seccomp/rules.js";
import { filledPipe } from "../../fs-adapter/system/filled-pipe.js";
import { close } from "../../fs-adapter/system/libc.js";
import { buildIso, file, folder } from "../fixtures/iso9660/iso-builder.js";
import { ORDINARY_USER, startIsomount } from "../support/isomount.js";
import { descriptors, eventually, statusField } from "../support/processes.js";

const project = join(import.meta.dirname, "../..");

describe.each([
  ["root", startIsomount()],
  ["a user", startIsomount(ORDINARY_USER)],
] as const)("servers of %s", (_, isomount) => {
  const image = join(isomount.folder, "disc.iso");
  beforeAll(() => {
    writeFileSync(image, buildIso(folder("", [file("FILE.TXT;1", "content\n")])));
    isomount.give(image);
  });

  function expectFiltered(pid: number): void {
    const threads = readdirSync(`/proc/${pid}/task`);
    expect(threads.length).toBeGreaterThan(2);
    for (const thread of threads) {
      const status = readFileSync(`/proc/${pid}/task/${thread}/status`, "utf8");
      expect([thread, /^Seccomp:\s+(\d)$/m.exec(status)?.[1]]).toEqual([thread, "2"]);
      expect(status).toMatch(/^NoNewPrivs:\s+1$/m);
    }
    // Through one that is there, calls would go past the filter.
    expect(descriptors(pid).join("\n")).not.toContain("io_uring");
  }

  it.each(["sandbox", "nosandbox"])("are behind it (%s)", (option) => {
    const mountpoint = isomount.mount(image, option);
    const mount = isomount.list().find((each) => each.mountpoint === mountpoint)!;
    expect(mount.sandboxed).toBe(option === "sandbox");
    // What has been asked of it since.
    const { stdout } = isomount.runProgram("cat", join(mountpoint, "FILE.TXT"));
    expect(stdout).toBe("content\n");
    expectFiltered(mount.pid);
    expect(isomount.daemonLog()).not.toContain("filter");
  });

  it("are behind it before they are needed", async () => {
    const mounts = isomount.list().length;
    await eventually("there is a spare server", () => isomount.countServers() > mounts, 40);
    await eventually("its process is known", () => isomount.daemonInfo().spare?.pid);
    const { pid } = isomount.daemonInfo().spare!;
    await eventually("it is loaded", () => statusField(pid, "Seccomp") === "2");
    expectFiltered(pid);
  });

  it("are alone there: the daemon needs more", () => {
    expect(statusField(isomount.daemonPid()!, "Seccomp")).toBe(statusField(process.pid, "Seccomp"));
  });
});

describe("behind it, a process", () => {
  const bundle = join(project, `.work/confined-${process.pid}.mjs`);

  beforeAll(async () => {
    await build({
      entryPoints: [join(project, "test/support/confined.ts")],
      outfile: bundle,
      bundle: true,
      format: "esm",
      platform: "node",
      external: ["koffi"],
    });
  });

  afterAll(() => rmSync(bundle, { force: true }));

  function run(flags: string[], ...words: string[]) {
    const parameters = ["--no-warnings", ...flags, bundle, ...words];
    return spawnSync(process.execPath, parameters, {
      encoding: "utf8",
      input: "",
      timeout: 30_000,
    });
  }

  function perform(deed: string, ...flags: string[]) {
    const { status, signal, stdout, stderr } = run(flags, deed);
    return { status, signal, result: stdout && JSON.parse(stdout).result, stderr };
  }

  /** seccomp(2): what it says when asked what there is (2), and when told to put up a filter (1). */
  it.each([
    ["has none", [], 38, "", "kernel"],
    ["does not want to", [2], 1, "seccomp: EPERM", "none"],
  ])("goes on without where the kernel %s", (_, operations, code, stderr, obstacle) => {
    const isArm = process.arch === "arm64";
    const test = { argument: 0, mask: 0xffffffff, allowed: operations, otherwise: 0x50000 | code };
    const kernel = filledPipe(
      assemble([
        ...callOf(isArm ? 0xc00000b7 : 0xc000003e, Action.ALLOW),
        ...ifCalled(isArm ? 277 : 317, test),
        end(Action.ALLOW),
      ]),
    );
    const beneath = ["--dev-bind", "/", "/", "--seccomp", "3", process.execPath, "--no-warnings"];
    const outcome = spawnSync("bwrap", [...beneath, bundle, "obstacle"], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe", kernel],
      timeout: 30_000,
    });
    close(kernel);
    expect(outcome).toMatchObject({ stdout: JSON.stringify({ result: obstacle }), stderr });
  });

  it("has no io_uring, and starts anew to be rid of one", () => {
    expect(perform("rings")).toMatchObject({ result: [], status: 0, stderr: "" });
    const { stdout, stderr } = run([], "rings", "ring");
    const [made, again, said] = stdout.split("\n");
    if (made !== "done") {
      console.log(`skipped: no io_uring can be made here (${made})`);
      return;
    }
    expect([again, said, stderr]).toEqual(["ENOSYS", '{"result":[]}', ""]);
  });

  it.each([
    ["file", true],
    ["import", "function"],
    ["thread", 7],
    ["thread waits", "timed-out"],
    ["timer", "rung"],
    ["pool", 1e6],
    ["poller", "ready"],
    ["key", 32],
    ["memory", 300 * 1024 * 1024 + 10],
    ["memory usage", true],
    ["zone", true],
    ["wasm", [2, "RuntimeError: divide by zero"]],
    ["deep stack", "RangeError: Maximum call stack size exceeded"],
  ])("can do what servers do: %s", (deed, result) => {
    expect(perform(deed)).toMatchObject({ result, status: 0, signal: null, stderr: "" });
  });

  it.each([
    ["exit", { status: 7, signal: null }],
    ["abort", { status: null, signal: "SIGABRT" }],
    ["throw", { status: 1, stderr: expect.stringContaining("thrown on purpose") }],
  ])("ends as it would without: %s", (deed, end) => {
    expect(perform(deed)).toMatchObject(end);
  });

  it("says what has happened when its heap is full", () => {
    const { signal, stderr } = perform("fills its heap", "--max-old-space-size=32");
    expect(stderr).toContain("heap out of memory");
    expect(["SIGABRT", "SIGTRAP"]).toContain(signal);
  });

  it.each([
    ["write a file", "EACCES"],
    ["append to a file", "EACCES"],
    ["read and write a file", "EACCES"],
    ["openat2", "ENOSYS"],
    ["clone3", "ENOSYS"],
    ["io_uring_setup", "ENOSYS"],
    ["socket", "ENOSYS"],
    ["pair of sockets", "ENOSYS"],
    ["network", "ENOSYS"],
    ["memfd", "ENOSYS"],
    ["signals by a file", "EPERM"],
  ])("is refused: %s", (deed, result) => {
    expect(perform(deed)).toMatchObject({ result, status: 0, stderr: "" });
    expect(existsSync("/tmp/isomount-confined")).toBe(false);
  });

  const calls = ["execve", "execveat", "ptrace", "bpf", "unshare", "setns", "mount", "userfaultfd"];
  const more = ["io_uring_enter", "keyctl", "perf_event_open", "process_vm_readv", "init_module"];
  it.each([
    "program",
    "child process",
    "kill the parent",
    "kill init",
    ...[...calls, ...more].map((name) => `call ${name}`),
  ])("is ended by it: %s", (deed) => {
    const name = deed.replace("call ", "");
    if (deed !== name) expect(deadly).toHaveProperty(name);
    expect(perform(deed)).toMatchObject({ signal: "SIGSYS", result: "" });
  });
});
