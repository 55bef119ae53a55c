/** What signals do to each process of ours, besides ending it. */
import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { beforeAll, describe, expect, it } from "vitest";
import { buildIso, file, folder } from "../fixtures/iso9660/iso-builder.js";
import { program, startIsomount } from "../support/isomount.js";
import { descriptors, eventually, statusField } from "../support/processes.js";

const isomount = startIsomount();
const image = join(isomount.folder, "disc.iso");

beforeAll(() => writeFileSync(image, buildIso(folder("", [file("A.TXT;1", "a\n")]))));

/** Inodes of the sockets of TCP that listen, in the network that the process has. */
function listening(pid: number): string[] {
  return ["tcp", "tcp6"]
    .flatMap((table) => readFileSync(`/proc/${pid}/net/${table}`, "latin1").split("\n").slice(1))
    .map((line) => line.trim().split(/\s+/))
    .filter(([, , , state]) => state === "0A")
    .map((fields) => `socket:[${fields[9]}]`);
}

function ports(pid: number): string[] {
  const open = new Set(listening(pid));
  return descriptors(pid).filter((each) => open.has(each.split(" ")[1]));
}

describe("SIGUSR1", () => {
  it("opens no debugger, in whatever process", async () => {
    const path = isomount.mount(image);
    const bare = isomount.newMountpoint();
    isomount.succeed(image, bare, "--no-sandbox");
    const client = spawn(process.execPath, [program, image, "--foreground", "-v"], {
      ...isomount.surroundings,
      stdio: ["ignore", "pipe", "ignore"],
      timeout: undefined,
    });
    await new Promise((mounted) => client.stdout.once("data", mounted));
    await eventually("there is a keeper", () => isomount.daemonInfo().keeper);
    const { pid: daemon, keeper } = isomount.daemonInfo();
    const servers = isomount.list().map(({ pid }) => pid);
    const all = [daemon!, keeper!.pid, client.pid!, ...servers];
    for (const pid of all) process.kill(pid, "SIGUSR1");
    // Node opens the port within milliseconds, by a thread that tells nobody.
    await pause(500);
    expect(isomount.list().map(({ pid, restarts }) => [pid, restarts])).toEqual(
      servers.map((pid) => [pid, 0]),
    );
    expect(all.map(ports)).toEqual(all.map(() => []));
    expect(readFileSync(join(path, "a.txt"), "utf8")).toBe("a\n");
    client.kill("SIGTERM");
    await new Promise((ended) => client.once("close", ended));
    isomount.succeed("umount", "--all");
  });
});

describe("a daemon that is stopped", () => {
  it("is named to whoever asks it, soon, with what to do", async () => {
    const path = isomount.mount(image);
    const pid = isomount.daemonPid()!;
    process.kill(pid, "SIGSTOP");
    try {
      await eventually("it is stopped", () => statusField(pid, "State").startsWith("T"));
      const message = `isomountd (process ${pid}) is stopped and answers nobody (kill -CONT ${pid} lets it go on)`;
      const failure = { status: 2, stdout: "", stderr: `isomount: ${message}\n` };
      const began = performance.now();
      for (const words of [["list"], ["umount", path], [image], ["daemon", "status"]]) {
        expect(isomount.run(...words)).toEqual(failure);
      }
      // A minute each where it is waited for.
      expect(performance.now() - began).toBeLessThan(60_000);
      expect(readFileSync(join(path, "a.txt"), "utf8")).toBe("a\n");
    } finally {
      process.kill(pid, "SIGCONT");
    }
    expect(isomount.list().map(({ mountpoint }) => mountpoint)).toEqual([path]);
    expect(isomount.daemonPid()).toBe(pid);
    isomount.succeed("umount", path);
  });
});
