/** What an administrator sees of mounts: events, status, metrics. */
import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { beforeAll, expect, it } from "vitest";
import type { DaemonEvent, DaemonInfo, MountInfo } from "../../daemon/rpc/protocol.js";
import { buildIso, file, folder } from "../fixtures/iso9660/iso-builder.js";
import { program, startIsomount } from "../support/isomount.js";
import { eventually } from "../support/processes.js";

const isomount = startIsomount();
const content = Buffer.alloc(100_000, "content ");
let image: string;

beforeAll(() => {
  image = join(isomount.folder, 'disc "1".iso');
  writeFileSync(image, buildIso(folder("", [file("FILE.;1", content)])));
  isomount.succeed("daemon", "start");
});

it("tells of each thing that happens to a mount", async () => {
  const listener = spawn(process.execPath, [program, "events", "--json"], {
    ...isomount.surroundings,
    stdio: ["ignore", "pipe", "inherit"],
    timeout: 60_000,
  });
  const events: DaemonEvent[] = [];
  let rest = "";
  listener.stdout.setEncoding("utf8").on("data", (text: string) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    events.push(...lines.map((line) => JSON.parse(line) as DaemonEvent));
  });
  const of = (path: string) => events.filter(({ mount }) => mount.mountpoint === path);
  const names = (path: string) =>
    of(path)
      .map(({ event }) => event)
      .join(" ");
  try {
    // It has subscribed when it hears of a mount.
    await eventually("it listens", () => {
      isomount.succeed("umount", isomount.mount(image));
      return events.length > 0;
    });
    const path = isomount.mount(image, "sleep-timeout=1");
    const [{ pid }] = isomount.list();
    expect(pid).toBeGreaterThan(0);
    process.kill(pid, "SIGKILL");
    await eventually("it sleeps", () => names(path).includes("asleep"));
    expect(readFileSync(join(path, "file"))).toEqual(content);
    isomount.succeed("umount", path);
    await eventually("the end is heard of", () => names(path).includes("unmounted"));
    // On a busy machine it falls asleep again before it is unmounted.
    expect(names(path)).toMatch(
      /^mounted revived asleep awake( asleep awake)*( asleep)? unmounted$/,
    );
    for (const { mount, time, message } of of(path)) {
      expect(mount.image).toBe(image);
      expect(Math.abs(time - Date.now() / 1000)).toBeLessThan(60);
      expect(message).toContain(path);
    }
  } finally {
    listener.kill();
  }
});

it("wakes nobody but the server for a request", async () => {
  const path = isomount.mount(image);
  const { pid, keeper } = isomount.daemonInfo();
  const others = [pid, keeper?.pid].filter((each) => each !== undefined);
  expect(others.length).toBeGreaterThan(0);
  const switches = () => others.reduce((sum, each) => sum + voluntarySwitches(each), 0);
  const requests = 2000;
  const before = switches();
  // Names that are not there are asked for once each.
  for (let i = 0; i < requests; i++) expect(existsSync(join(path, `none-${i}`))).toBe(false);
  expect(switches() - before).toBeLessThan(requests / 10);
  isomount.succeed("umount", path);
});

/** How often the threads of a process have gone to sleep, and so were woken. */
function voluntarySwitches(pid: number): number {
  const tasks = `/proc/${pid}/task`;
  return readdirSync(tasks).reduce((sum, task) => {
    const status = readFileSync(join(tasks, task, "status"), "utf8");
    return sum + Number(/^voluntary_ctxt_switches:\s+(\d+)$/m.exec(status)?.[1]);
  }, 0);
}

it("counts what was read, over the deaths of servers", async () => {
  const path = isomount.mount(image);
  expect(readFileSync(join(path, "file"))).toEqual(content);
  const bytes = () => isomount.list()[0].statistics.readBytes;
  await eventually("the server has told", () => bytes() >= content.length, 15);
  const before = bytes();
  process.kill(isomount.list()[0].pid, "SIGKILL");
  await eventually("another serves", () => isomount.list()[0].restarts === 1);
  expect(bytes()).toBe(before);
  const { daemon, mounts } = JSON.parse(isomount.succeed("status", "--json")) as {
    daemon: DaemonInfo;
    mounts: MountInfo[];
  };
  expect(daemon.pid).toBe(isomount.daemonPid());
  expect(mounts[0].statistics.milliseconds).toBeGreaterThan(0);
  expect(isomount.succeed("status")).toMatch(/requests +\d+, [\d.]+ (µs|ms) each/);
  isomount.succeed("umount", path);
});

/** What stands behind a name and its labels. */
function sample(text: string, name: string): number {
  const line = text.split("\n").find((each) => each.startsWith(name));
  if (line === undefined) throw new Error(`no ${name} in:\n${text}`);
  return Number(line.slice(line.lastIndexOf(" ") + 1));
}

function scrape(path: string): Promise<{ status?: number; type?: string; text: string }> {
  return new Promise((resolve, reject) => {
    const socketPath = join(isomount.runtime, "metrics.sock");
    request({ socketPath, path }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part) => {
        text += part;
      });
      const { statusCode: status, headers } = response;
      response.on("end", () => resolve({ status, type: headers["content-type"], text }));
    })
      .on("error", reject)
      .end();
  });
}

it("gives Prometheus its counters, by the command and by HTTP", async () => {
  const path = isomount.mount(image);
  expect(readFileSync(join(path, "file"))).toEqual(content);
  await eventually("the server has told", () => isomount.list()[0].statistics.reads > 0, 15);
  const { status, type, text } = await scrape("/metrics");
  expect(status).toBe(200);
  expect(type).toContain("version=0.0.4");
  expect(sample(text, "isomount_mounts")).toBe(1);
  expect(sample(text, "isomount_mount_read_bytes_total{")).toBeGreaterThanOrEqual(content.length);
  // The quotes of the image's name are escaped as the format wants it.
  expect(text).toContain(`image="${image.replaceAll('"', '\\"')}"`);
  expect((await scrape("/")).status).toBe(404);
  const byCommand = isomount.succeed("metrics");
  const names = (all: string) => all.split("\n").filter((line) => line.startsWith("# TYPE"));
  expect(names(byCommand)).toEqual(names(text));
  isomount.succeed("umount", path);
});
