/** Starting a daemon where none runs, and staying in the foreground of a real mount. */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { demoImage } from "../../../daemon/bootstrap/demo-image.mjs";
import { startDaemon } from "../../../daemon/client/start-daemon.js";
import { program, startIsomount } from "../../support/isomount.js";
import { run, scratch } from "../../support/tools.js";

describe("starting", () => {
  const folder = scratch("start");
  let count = 0;

  /** A daemon that runs this, and the folder of its log. */
  function daemon(code: string): [string, string] {
    const place = join(folder, String(++count));
    mkdirSync(place);
    const file = join(place, "isomountd.mjs");
    writeFileSync(file, `import { closeSync, writeSync } from "node:fs";\n${code}`);
    return [file, place];
  }

  it.each([
    ["ready", 'writeSync(3, "rea"); writeSync(3, "dy\\n"); setTimeout(() => {}, 50);'],
    ["another is there", 'writeSync(3, "already running: another isomountd serves /x\\n");'],
  ])("goes on when it is %s", (_, code) => {
    const before = readdirSync("/proc/self/fd").length;
    startDaemon(...daemon(code));
    expect(readdirSync("/proc/self/fd").length).toBe(before);
  });

  it.each([
    ["says why", 'writeSync(3, "cannot lock the folder\\n");', "cannot lock the folder"],
    ["crashes", 'throw new Error("in the log");', "it ended without a word"],
    ["closes the pipe", "closeSync(3); setTimeout(() => {}, 50);", "it ended without a word"],
  ])("fails when it %s", (_, code, message) => {
    const [file, place] = daemon(code);
    expect(() => startDaemon(file, place)).toThrow(
      expect.objectContaining({
        message: `isomountd did not start: ${message}`,
        details: expect.objectContaining({ exitCode: 2, hint: `see ${place}/isomountd.log` }),
      }),
    );
  });

  it("is in a session of its own, in the root folder, its words in the log", () => {
    const [file, place] = daemon(
      `import { readFileSync } from "node:fs";
      const stat = readFileSync("/proc/self/stat", "latin1").split(") ")[1].split(" ");
      console.log(process.cwd(), Number(stat[3]) === process.pid);
      console.error("to standard error");
      writeSync(3, "ready\\n");`,
    );
    startDaemon(file, place);
    expect(readFileSync(join(place, "isomountd.log"), "utf8")).toBe("/ true\nto standard error\n");
  });

  it("fails where there can be no log", () => {
    const [file, place] = daemon("");
    expect(() => startDaemon(file, join(place, "none"))).toThrow(
      /cannot write .*none.isomountd.log/,
    );
  });
});

describe("--foreground", () => {
  const isomount = startIsomount();
  const image = join(isomount.folder, "demo.iso");
  writeFileSync(image, demoImage("DEMO", { "a.txt": "a" }, new Date()));

  /** Mounts, waits until it is there, lets `end` end it. */
  async function foreground(end: (pid: number, mountpoint: string) => unknown) {
    const mountpoint = isomount.newMountpoint();
    const child = spawn(process.execPath, [program, "-f", "--json", image, mountpoint], {
      env: { ...process.env, ISOMOUNT_RUNTIME_DIR: isomount.runtime },
      stdio: ["ignore", "pipe", "inherit"],
    });
    const ended = new Promise<number | null>((resolve) => child.on("exit", resolve));
    const told = await new Promise<string>((resolve) => child.stdout.once("data", resolve));
    expect(JSON.parse(String(told))).toMatchObject({ mountpoint });
    expect(readFileSync(join(mountpoint, "a.txt"), "utf8")).toBe("a");
    expect(child.exitCode).toBeNull();
    await end(child.pid!, mountpoint);
    expect(await ended).toBe(0);
    expect(isomount.list()).toEqual([]);
  }

  it("unmounts on an interrupt", () => foreground((pid) => process.kill(pid, "SIGINT")));
  it("unmounts when it is to end", () => foreground((pid) => process.kill(pid, "SIGTERM")));
  it("stays while the daemon is dead, and ends with the mount", () =>
    foreground(async (pid, place) => {
      process.kill(isomount.daemonPid()!, "SIGKILL");
      // Longer than it waits before it connects again.
      await pause(700);
      isomount.list();
      expect(existsSync(`/proc/${pid}`)).toBe(true);
      run("umount", [place]);
    }));
  it("ends when somebody unmounts", () => foreground((_, place) => run("umount", [place])));
});
