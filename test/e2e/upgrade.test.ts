/** The program is replaced while it serves, as by a package manager: what is loaded late is gone. */
import {
  chmodSync,
  cpSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { mixedBytes } from "../fixtures/dmg/random.js";
import { buildUdif, zlibChunk } from "../fixtures/dmg/udif.js";
import { Isomount, program } from "../support/isomount.js";
import { eventually } from "../support/processes.js";
import { run, scratch } from "../support/tools.js";

const CHUNK = 256 * 1024;
const folder = scratch("upgrade");
const dmg = join(folder, "compressed.dmg");
const dist = join(folder, "installed/dist");
const random = mixedBytes(4 * 1024 * 1024, 1);
// Each repetition begins elsewhere in a chunk.
const bytes = Buffer.concat(Array.from({ length: 16 }, (_, i) => random.subarray(i * 1000)));
const isomount = new Isomount(undefined, join(dist, "isomount.js"));
afterAll(() => isomount.end());

/** The build that is tried, with what it needs and no more, at a place of its own. */
function install(): void {
  const project = resolve(dirname(program), "..");
  const listed = run("npm", ["ls", "--omit=dev", "--all", "--parseable"], { cwd: project });
  const needed = listed.toString().trim().split("\n").slice(1);
  for (const path of [...needed, join(project, "package.json"), dirname(program)]) {
    cpSync(path, join(folder, "installed", relative(project, path)), { recursive: true });
  }
  // Servers of root's daemon are nobody's.
  chmodSync(folder, 0o755);
}

/** As package managers do: the new files are there before the old ones go. */
function upgrade(): void {
  cpSync(dist, `${dist}.new`, { recursive: true });
  renameSync(dist, `${dist}.old`);
  renameSync(`${dist}.new`, dist);
  rmSync(`${dist}.old`, { recursive: true });
}

beforeAll(() => {
  install();
  const source = join(folder, "source");
  mkdirSync(source);
  writeFileSync(join(source, "large"), bytes);
  const iso = join(folder, "plain.iso");
  run("xorriso", ["-outdev", iso, "-volid", "UPGRADE", "-map", source, "/", "-commit"]);
  const disk = readFileSync(iso);
  const chunks = [];
  for (let at = 0; at < disk.length; at += CHUNK) {
    chunks.push(zlibChunk(disk.subarray(at, Math.min(disk.length, at + CHUNK))));
  }
  writeFileSync(dmg, buildUdif([{ sector: 0, chunks }]));
});

it("serves on what is mounted, and mounts, though nothing of the old program is there", async () => {
  const mountpoint = isomount.mount(dmg);
  await eventually("there is a spare server", () => isomount.countServers() === 2, 60);
  upgrade();

  // Decoding it all would have more threads serve.
  expect(readFileSync(join(mountpoint, "large")).equals(bytes)).toBe(true);
  expect(isomount.list().map(({ restarts }) => restarts)).toEqual([0]);
  const second = isomount.mount(dmg);
  expect(readFileSync(join(second, "large")).equals(bytes)).toBe(true);
  expect(isomount.daemonLog()).not.toMatch(/Cannot find|did not start/);
});
