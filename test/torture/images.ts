/** Images of several kinds over one source tree, by tools that are not ours. */
import { randomBytes } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  buildUdif,
  type FixtureChunk,
  SECTOR,
  zeroChunk,
  zlibChunk,
} from "../fixtures/dmg/udif.js";
import { makeVolume, withMount } from "../fixtures/ntfs/images.js";
import { run } from "../support/tools.js";

/** What Disk Utility writes: 256 KiB. */
const CHUNK_SECTORS = 512;

/** Files from nothing to 20 MiB, and a folder of many. */
export function makeSource(folder: string): string {
  const source = join(folder, "source");
  mkdirSync(join(source, "many"), { recursive: true });
  for (const [name, bytes] of [
    ["empty", 0],
    ["small", 1234],
    ["medium", 300_001],
    ["large", 20 * 1024 * 1024 + 7],
  ] as const) {
    writeFileSync(join(source, name), randomBytes(bytes));
  }
  for (let i = 0; i < 500; i++) writeFileSync(join(source, "many", `file-${i}`), randomBytes(i));
  return source;
}

/** Paths of the images. */
export function makeImages(folder: string, source: string): string[] {
  const iso = join(folder, "torture.iso");
  run("xorriso", ["-outdev", iso, "-volid", "TORTURE", "-map", source, "/", "-commit"]);
  const udf = join(folder, "torture.udf");
  run("genisoimage", ["-quiet", "-udf", "-allow-limited-size", "-o", udf, source]);
  const ext = join(folder, "torture.ext4");
  run("mke2fs", ["-q", "-F", "-t", "ext4", "-d", source, ext, "60M"]);
  const fat = join(folder, "torture.fat");
  run("truncate", ["-s", "60M", fat]);
  run("mkfs.fat", ["-F", "32", fat]);
  const tops = readdirSync(source).map((name) => join(source, name));
  run("mcopy", ["-s", "-i", fat, ...tops, "::"]);
  const ntfs = makeVolume(join(folder, "torture.ntfs"), 60);
  withMount(ntfs, folder, "big_writes", (mountpoint) => run("cp", ["-r", ...tops, mountpoint]));
  const dmg = join(folder, "torture.dmg");
  writeFileSync(dmg, buildUdif([{ sector: 0, chunks: zlibChunks(readFileSync(iso)) }]));
  return [iso, dmg, ntfs, udf, ext, fat];
}

function zlibChunks(disk: Buffer): FixtureChunk[] {
  const chunks: FixtureChunk[] = [];
  for (let at = 0; at < disk.length; at += CHUNK_SECTORS * SECTOR) {
    const plain = disk.subarray(at, at + CHUNK_SECTORS * SECTOR);
    const isZero = plain.every((byte) => byte === 0);
    chunks.push(isZero ? zeroChunk(plain.length / SECTOR) : zlibChunk(plain));
  }
  return chunks;
}
