/** Images of several kinds over one source tree, by tools that are not ours. */
import { randomBytes } from "node:crypto";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "../support/tools.js";

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
  return [iso, udf, ext, fat];
}
