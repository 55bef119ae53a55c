/** The images that are measured, made once and kept in a scratch folder. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export const LARGE_FILE_BYTES = 700 * 1024 * 1024;

function xorriso(image: string, source: string): void {
  execFileSync(
    "xorriso",
    ["-outdev", image, "-volid", "BENCH", "-padding", "0", "-map", source, "/", "-commit"],
    { stdio: "ignore" },
  );
}

/** One file of 700 MiB that does not compress. */
export function largeImage(folder: string): string {
  const image = join(folder, "large.iso");
  if (existsSync(image)) return image;
  const source = join(folder, "large");
  mkdirSync(source, { recursive: true });
  const count = `count=${LARGE_FILE_BYTES >> 20}`;
  execFileSync("dd", ["if=/dev/urandom", `of=${join(source, "file")}`, "bs=1M", count], {
    stdio: "ignore",
  });
  xorriso(image, source);
  rmSync(source, { recursive: true });
  return image;
}

/** `folders` times `files` small files. */
export function treeImage(folder: string, folders: number, files: number): string {
  const image = join(folder, `tree-${folders}x${files}.iso`);
  if (existsSync(image)) return image;
  const source = join(folder, "tree");
  for (let i = 0; i < folders; i++) {
    const inner = join(source, `folder-${i}`);
    mkdirSync(inner, { recursive: true });
    for (let k = 0; k < files; k++)
      writeFileSync(join(inner, `file-${k}`), `${i} ${k}\n`.repeat(100));
  }
  xorriso(image, source);
  rmSync(source, { recursive: true });
  return image;
}

/**
 * A million empty files. xorriso would take minutes over a source tree, so it is told of one empty
 * folder a thousand times.
 */
export function millionImage(folder: string): string {
  const image = join(folder, "million.iso");
  if (existsSync(image)) return image;
  const source = join(folder, "thousand");
  mkdirSync(source, { recursive: true });
  for (let i = 0; i < 1000; i++) writeFileSync(join(source, `file-${i}`), "");
  const maps = Array.from({ length: 1000 }, (_, i) => ["-map", source, `/folder-${i}`]).flat();
  execFileSync("xorriso", ["-outdev", image, "-volid", "MILLION", ...maps, "-commit"], {
    stdio: "ignore",
  });
  rmSync(source, { recursive: true });
  return image;
}
