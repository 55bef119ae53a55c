/**
 * Images whose structures lie: walking them ends, what is sound beside the damage reads right, and
 * the server outlives it.
 */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, it } from "vitest";
import { buildIso, file, folder, type IsoNode } from "../fixtures/iso9660/iso-builder.js";
import { both32, ce, nm, px, sp } from "../fixtures/iso9660/susp-entries.js";
import { Client } from "../support/client.js";
import { startIsomount } from "../support/isomount.js";

const SECTOR = 2048;
const isomount = startIsomount();
let client: Client;

beforeAll(() => {
  client = Client.of(isomount);
});

/** The record of `name` among those of the directory in `block`: a view of the image. */
function record(image: Uint8Array, block: number, name: string): Uint8Array {
  for (let at = block * SECTOR; at < (block + 1) * SECTOR; at += image[at]) {
    if (image[at] === 0) break;
    const identifier = Buffer.from(image.subarray(at + 33, at + 33 + image[at + 32]));
    if (identifier.toString("latin1") === name) return image.subarray(at, at + image[at]);
  }
  throw new Error(`no record ${name} in block ${block}`);
}

const regular = (name: string) => () => [px(0o100644), nm(name)];

/** Two sound files around what is damaged, in the root and in a folder of it. */
function tree(damaged: IsoNode[] = []): { root: IsoNode; sub: IsoNode } {
  const sub = folder(
    "SUB",
    [file("INNER.;1", "inner\n", { systemUse: regular("inner") }), ...damaged],
    { systemUse: () => [px(0o40755), nm("sub")] },
  );
  const root = folder(
    "",
    [
      file("FIRST.;1", "first\n", { systemUse: regular("first") }),
      sub,
      file("ZLAST.;1", "last\n", { systemUse: regular("zlast") }),
    ],
    { dot: () => [sp(), px(0o40755)] },
  );
  return { root, sub };
}

/** What is said of the damaged part; the sound files are looked at for all alike. */
interface Damage {
  image(): Uint8Array;
  /** Of these, each with the errno that reading it ends in. */
  broken?: Record<string, RegExp>;
  /** Sound files that the damage does not leave to be found. */
  lost?: string[];
}

const damages: Record<string, Damage> = {
  "a directory that contains the root": {
    image() {
      const loop = folder("LOOP", [], { systemUse: () => [px(0o40755), nm("loop")] });
      const { root, sub } = tree([loop]);
      return buildIso(root, {
        finish: (image, blockOf) =>
          record(image, blockOf(sub), "LOOP").set(both32(blockOf(root)), 2),
      });
    },
  },
  "two directories that contain each other": {
    image() {
      const b = folder("B", [], { systemUse: () => [px(0o40755), nm("b")] });
      const a = folder("A", [b], { systemUse: () => [px(0o40755), nm("a")] });
      const { root } = tree([a]);
      return buildIso(root, {
        finish(image, blockOf) {
          const inner = blockOf(b) * SECTOR;
          // A record for A in B, copied from where B is in A.
          const copy = record(image, blockOf(a), "B").slice();
          copy.set(both32(blockOf(a)), 2);
          image.set(copy, inner + image[inner] + image[inner + image[inner]]);
        },
      });
    },
  },
  "a file that claims to be a directory": {
    image() {
      const { root, sub } = tree();
      return buildIso(root, {
        finish: (image, blockOf) => record(image, blockOf(sub), "INNER.;1").set([2], 25),
      });
    },
    lost: ["sub/inner"],
  },
  "a record that overruns its sector": {
    image() {
      const { root, sub } = tree([file("LONG.;1", "x", { systemUse: regular("long") })]);
      return buildIso(root, {
        finish: (image, blockOf) => record(image, blockOf(sub), "LONG.;1").set([255], 0),
      });
    },
  },
  "a record too short for its name": {
    image() {
      const { root, sub } = tree([file("SHORT.;1", "x", { systemUse: regular("short") })]);
      return buildIso(root, {
        finish: (image, blockOf) => record(image, blockOf(sub), "SHORT.;1").set([200], 32),
      });
    },
  },
  "a directory longer than the image": {
    image() {
      const { root } = tree();
      return buildIso(root, {
        finish: (image, blockOf) => record(image, blockOf(root), "SUB").set(both32(0x7ffff800), 10),
      });
    },
  },
  "a continuation area that continues in itself": {
    image() {
      const { root, sub } = tree([
        file("CHAIN.;1", "chain\n", {
          systemUse: (blockOf) => [px(0o100644), ce(blockOf(sub) + 1, 0, 28)],
        }),
      ]);
      const spare = folder("SPARE", [], { systemUse: () => [px(0o40755), nm("spare")] });
      (root.children as IsoNode[]).splice(2, 0, spare);
      return buildIso(root, {
        finish(image, blockOf) {
          const area = blockOf(spare);
          const chain = record(image, blockOf(sub), "CHAIN.;1");
          const at = Buffer.from(chain).indexOf("CE");
          chain.set(both32(area), at + 4);
          chain.set(both32(1024), at + 12);
          image.set(ce(area, 1024, 28), area * SECTOR + 1024);
        },
      });
    },
  },
  "a continuation area beyond the image": {
    image() {
      return buildIso(
        tree([
          file("FAR.;1", "far\n", {
            systemUse: () => [px(0o100644), ce(0x7fffffff, 2000, 0x7fffffff)],
          }),
        ]).root,
      );
    },
  },
  "a file that begins beyond the image": {
    image() {
      const { root, sub } = tree([file("FAR.;1", "far\n", { systemUse: regular("far") })]);
      return buildIso(root, {
        finish: (image, blockOf) =>
          record(image, blockOf(sub), "FAR.;1").set(both32(0x7ffffff0), 2),
      });
    },
    broken: { "sub/far": /Input\/output error/ },
  },
  "a file that ends beyond the image": {
    image() {
      const { root, sub } = tree([file("LONG.;1", "long\n", { systemUse: regular("long") })]);
      return buildIso(root, {
        finish: (image, blockOf) =>
          record(image, blockOf(sub), "LONG.;1").set(both32(0xfffffff0), 10),
      });
    },
    broken: { "sub/long": /Input\/output error/ },
  },
  "a folder in the middle of noise": {
    image() {
      const noise = folder("NOISE", [], { systemUse: () => [px(0o40755), nm("noise")] });
      const { root } = tree([noise]);
      return buildIso(root, {
        finish(image, blockOf) {
          const start = blockOf(noise) * SECTOR;
          for (let i = 0; i < SECTOR; i++) image[start + i] = (i * 167 + 13) & 255;
        },
      });
    },
  },
};

/** Killed, and so failed, where it does not end by itself. */
function limited(name: string, ...parameters: string[]) {
  const result = spawnSync(name, parameters, {
    encoding: "utf8",
    timeout: 20_000,
    killSignal: "SIGKILL",
    maxBuffer: 1 << 26,
    env: { ...process.env, LC_ALL: "C" },
  });
  expect(result.signal).toBe(null);
  return result;
}

it.each(Object.entries(damages))("%s", async (name, { image, broken = {}, lost = [] }) => {
  const path = join(isomount.folder, `${name.replaceAll(" ", "-")}.iso`);
  writeFileSync(path, image());
  const mountpoint = isomount.newMountpoint();
  const { id, pid } = await client.mount(path, mountpoint);
  // A tree that contained itself would be walked until the path is too long.
  expect(limited("find", mountpoint).stdout.split("\n").length).toBeLessThan(100);
  expect(limited("ls", "-laR", mountpoint).stdout.length).toBeLessThan(20_000);
  const sound = { first: "first\n", "sub/inner": "inner\n", zlast: "last\n" };
  for (const [file, content] of Object.entries(sound)) {
    if (lost.includes(file)) continue;
    expect([file, limited("cat", join(mountpoint, file)).stdout]).toEqual([file, content]);
  }
  for (const [file, reason] of Object.entries(broken)) {
    const { status, stderr } = limited("cat", join(mountpoint, file));
    expect(stderr).toMatch(reason);
    expect(status).toBe(1);
  }
  expect(client.list()).toContainEqual(expect.objectContaining({ id, pid, restarts: 0 }));
  client.umount(id);
});

it("has logged no defect of ours", () => {
  expect(isomount.daemonLog()).not.toMatch(/error:|TypeError|RangeError/);
});
