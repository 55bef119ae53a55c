/** Images are made once and kept; one that failed halfway leaves nothing that looks whole. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { say } from "../bench.js";

/** The path of `name` in `folder`, which `make` writes to the path it is given if it is not there. */
export function made(folder: string, name: string, make: (path: string) => void): string {
  const path = join(folder, name);
  if (existsSync(path)) return path;
  say(`making ${name}`);
  const partial = join(folder, `partial-${name}`);
  rmSync(partial, { recursive: true, force: true });
  make(partial);
  renameSync(partial, path);
  return path;
}

/** Runs a maker of images; what it says on standard error comes with the error. */
export function tool(program: string, ...parameters: string[]): void {
  execFileSync(program, parameters, { stdio: ["ignore", "ignore", "pipe"] });
}

/** A file that does not compress. */
export function noiseFile(path: string, mebibytes: number): void {
  tool("dd", "if=/dev/urandom", `of=${path}`, "bs=1M", `count=${mebibytes}`);
}

/** `folders` times `files` small files. */
export function smallFiles(tree: string, folders: number, files: number): void {
  for (let i = 0; i < folders; i++) {
    const inner = join(tree, `folder-${i}`);
    mkdirSync(inner, { recursive: true });
    for (let k = 0; k < files; k++)
      writeFileSync(join(inner, `file-${k}`), `${i} ${k}\n`.repeat(100));
  }
}
