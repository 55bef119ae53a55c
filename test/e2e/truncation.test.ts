/**
 * Images that end too early: cut anywhere before they are mounted, or while they are. What is whole
 * reads right, the rest is EIO, and every request gets its answer.
 */
import { type SpawnSyncReturns, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  closeSync,
  ftruncateSync,
  openSync,
  readFileSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { RpcFailure } from "../../daemon/client/connection.js";
import { buildIso, file, folder, type IsoNode } from "../fixtures/iso9660/iso-builder.js";
import { nm, px, sp } from "../fixtures/iso9660/susp-entries.js";
import { Client } from "../support/client.js";
import { startIsomount } from "../support/isomount.js";

const SECTOR = 2048;
const isomount = startIsomount();
const at = (name: string) => join(isomount.folder, name);
let client: Client;

/** Bytes that tell where they are from. */
function pattern(length: number, seed: number): Buffer {
  const data = Buffer.alloc(length);
  for (let i = 0; i + 4 <= length; i += 4) data.writeUInt32LE((i * 2654435761 + seed) >>> 0, i);
  return data;
}

const sha256 = (data: Uint8Array) => createHash("sha256").update(data).digest("hex");

/** Never longer than a few seconds: what would hang is killed and fails the test. */
function limited(name: string, ...parameters: string[]): SpawnSyncReturns<Buffer> {
  const result = spawnSync(name, parameters, {
    timeout: 20_000,
    killSignal: "SIGKILL",
    maxBuffer: 1 << 28,
    env: { ...process.env, LC_ALL: "C" },
  });
  expect(result.signal).toBe(null);
  return result;
}

beforeAll(() => {
  client = Client.of(isomount);
});

describe("cut before it is mounted", () => {
  const regular = (name: string) => () => [px(0o100644), nm(name)];
  const files: IsoNode[] = [
    file("A.;1", pattern(3000, 1), { systemUse: regular("a") }),
    file("B.;1", pattern(4 * SECTOR, 2), { systemUse: regular("b") }),
    file("C.;1", pattern(20_000, 3), { systemUse: regular("c") }),
    file("D.;1", pattern(1, 4), { systemUse: regular("d") }),
  ];
  const directory = folder("SUB", files.slice(2), { systemUse: () => [px(0o40755), nm("sub")] });
  const root = folder("", [...files.slice(0, 2), directory], {
    dot: () => [sp(), px(0o40755)],
  });
  const paths = ["a", "b", "sub/c", "sub/d"];
  /** Where each file, and the last directory, ends. */
  const ends: number[] = [];
  let directoriesEnd = 0;
  const whole = buildIso(root, {
    finish: (_, blockOf) => {
      files.forEach((node, i) => {
        ends[i] = blockOf(node) * SECTOR + (node.data?.length ?? 0);
      });
      directoriesEnd = blockOf(directory) * SECTOR + SECTOR;
    },
  });
  const sectors = whole.length / SECTOR;
  const cuts = [
    ...Array.from({ length: sectors - 16 }, (_, i) => (i + 16) * SECTOR),
    1,
    16 * SECTOR + 1,
    whole.length - 1,
    directoriesEnd - 1,
    ends[1] - 1,
    ends[2] - 1,
  ];

  it.each(cuts)("at byte %d", async (cut) => {
    const image = at(`cut-${cut}.iso`);
    writeFileSync(image, whole.subarray(0, cut));
    const mountpoint = isomount.newMountpoint();
    let id: string;
    try {
      ({ id } = await client.mount(image, mountpoint));
    } catch (error) {
      expect(error).toBeInstanceOf(RpcFailure);
      expect((error as RpcFailure).message).toMatch(/^[a-z0-9]+: \S/);
      // With the root directory, something can be shown.
      expect(cut).toBeLessThan(directoriesEnd);
      return;
    }
    limited("find", mountpoint);
    paths.forEach((path, i) => {
      const { status, stdout, stderr } = limited("cat", join(mountpoint, path));
      if (status === 0) expect(sha256(stdout)).toBe(sha256(files[i].data as Uint8Array));
      else expect(stderr.toString()).toMatch(/Input\/output error|No such file/);
      if (cut >= Math.max(ends[i], directoriesEnd)) expect([path, status]).toEqual([path, 0]);
      if (cut < ends[i]) expect([path, status]).toEqual([path, 1]);
    });
    expect(client.list()).toContainEqual(
      expect.objectContaining({ id, restarts: 0, state: "serving" }),
    );
    client.umount(id);
  });
});

describe("cut while it is mounted", () => {
  const LARGE = 12 * 1024 * 1024;
  const large = file("LARGE.;1", pattern(LARGE, 5));
  const small = file("SMALL.;1", "small\n");
  const late = file("LATE.;1", "late\n");
  let start = 0;
  const whole = buildIso(folder("", [small, large, late]), {
    finish: (_, blockOf) => {
      start = blockOf(large) * SECTOR;
    },
  });

  /** Mounts a fresh copy; the server's pid tells whether it lived through everything. */
  async function mounted(name: string): Promise<{ image: string; path: string; pid: number }> {
    const image = at(name);
    writeFileSync(image, whole);
    const path = isomount.newMountpoint();
    const { pid } = await client.mount(image, path);
    expect(pid).toBeGreaterThan(0);
    return { image, path, pid };
  }

  const dd = (path: string, bs: string, ...more: string[]) =>
    limited("dd", `if=${join(path, "large")}`, `bs=${bs}`, "status=none", ...more);

  function stillServes(path: string, pid: number): void {
    expect(limited("cat", join(path, "small")).stdout.toString()).toBe("small\n");
    expect(limited("ls", path).stdout.toString()).toBe("large\nlate\nsmall\n");
    const mount = client.list().find(({ mountpoint }) => mountpoint === path);
    expect(mount).toMatchObject({ pid, restarts: 0, state: "serving" });
  }

  // 4 KiB is answered by copy, 64 KiB by splice, 1 MiB is more than the pipe holds.
  it.each(["4k", "64k", "1M"])("read in steps of %s past the cache", async (bs) => {
    const { image, path, pid } = await mounted(`direct-${bs}.iso`);
    // In the middle of a page, and of every request.
    const kept = 5 * 1024 * 1024 + 12_345;
    truncateSync(image, start + kept);
    const { status, stdout, stderr } = dd(path, bs, "iflag=direct");
    expect(stderr.toString()).toContain("Input/output error");
    expect(status).toBe(1);
    const step = { "4k": 4096, "64k": 65_536, "1M": 1_048_576 }[bs] as number;
    expect(stdout.length).toBe(Math.floor(kept / step) * step);
    expect(stdout.equals((large.data as Buffer).subarray(0, stdout.length))).toBe(true);
    expect(dd(path, bs, "iflag=direct", `skip=${Math.ceil(kept / step)}`, "count=1").status).toBe(
      1,
    );
    expect(limited("cat", join(path, "late")).status).toBe(1);
    stillServes(path, pid);
  });

  it("read from beginning to end with readahead", async () => {
    const { image, path, pid } = await mounted("sequential.iso");
    const kept = 6 * 1024 * 1024 + 3000;
    truncateSync(image, start + kept);
    const { status, stdout, stderr } = limited("cat", join(path, "large"));
    expect(stderr.toString()).toContain("Input/output error");
    expect(status).toBe(1);
    // Readahead that failed is asked for again page by page: all whole pages come.
    expect(stdout.length).toBe(Math.floor(kept / 4096) * 4096);
    expect(stdout.equals((large.data as Buffer).subarray(0, stdout.length))).toBe(true);
    stillServes(path, pid);
  });

  it("cut to nothing, and whole again", async () => {
    const { image, path, pid } = await mounted("nothing.iso");
    truncateSync(image, 0);
    for (const bs of ["4k", "64k", "1M"]) {
      expect(dd(path, bs, "count=4", "iflag=direct").status).toBe(1);
    }
    expect(limited("cat", join(path, "large")).status).toBe(1);
    // A directory that was never listed is gone with the rest, but nobody waits for it.
    limited("ls", path);
    const fd = openSync(image, "r+");
    writeSync(fd, whole);
    closeSync(fd);
    expect(limited("cat", join(path, "large")).stdout.equals(large.data as Buffer)).toBe(true);
    stillServes(path, pid);
  });

  it("shrinks and grows again and again under several readers", async () => {
    const { image, path, pid } = await mounted("flicker.iso");
    writeFileSync(at("original"), large.data as Buffer);
    // What comes must be right; that it ends early is cmp's "EOF".
    const script =
      'for i in $(seq 20); do dd if="$0" bs="$1" iflag=direct status=none | cmp - "$2"; done';
    const readers = ["4k", "64k", "1M"].map((bs) => {
      const words = ["sh", "-c", script, join(path, "large"), bs, at("original")];
      return isomount.startProgram("timeout", "-s", "KILL", "40", ...words);
    });
    const fd = openSync(image, "r+");
    let running = true;
    const done = Promise.all(readers).finally(() => {
      running = false;
    });
    while (running) {
      ftruncateSync(fd, start + 100_000);
      await new Promise((resolve) => setTimeout(resolve, 3));
      writeSync(fd, whole, 0, whole.length, 0);
      await new Promise((resolve) => setTimeout(resolve, 3));
    }
    closeSync(fd);
    for (const { status, stdout } of await done) {
      // Not killed by the timeout: each came to an end by itself.
      expect(status).not.toBe(137);
      expect(stdout).not.toContain("differ");
    }
    expect(readFileSync(join(path, "large")).equals(large.data as Buffer)).toBe(true);
    stillServes(path, pid);
  });
});
