/** ISO 9660 images by xorriso. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { made, noiseFile, smallFiles, tool } from "./make.js";

export const LARGE_FILE_MEBIBYTES = 700;

function xorriso(image: string, source: string): void {
  const parameters = ["-outdev", image, "-volid", "BENCH", "-padding", "0"];
  tool("xorriso", ...parameters, "-map", source, "/", "-commit");
}

/** One file of 700 MiB that does not compress. */
export function largeImage(folder: string): string {
  return made(folder, "large.iso", (image) => {
    const source = join(folder, "large");
    mkdirSync(source, { recursive: true });
    noiseFile(join(source, "file"), LARGE_FILE_MEBIBYTES);
    xorriso(image, source);
    rmSync(source, { recursive: true });
  });
}

/** One small file: where the mount is measured, not the image. */
export function tinyImage(folder: string): string {
  return made(folder, "tiny.iso", (image) => {
    const source = join(folder, "tiny");
    mkdirSync(source, { recursive: true });
    writeFileSync(join(source, "file"), "tiny\n");
    xorriso(image, source);
    rmSync(source, { recursive: true });
  });
}

/** `folders` times `files` small files. */
export function treeImage(folder: string, folders: number, files: number): string {
  return made(folder, `tree-${folders}x${files}.iso`, (image) => {
    const source = join(folder, "tree");
    smallFiles(source, folders, files);
    xorriso(image, source);
    rmSync(source, { recursive: true });
  });
}

/**
 * A million empty files. xorriso would take minutes over a source tree, so it is told of one empty
 * folder a thousand times.
 */
export function millionImage(folder: string): string {
  return made(folder, "million.iso", (image) => {
    const source = join(folder, "thousand");
    mkdirSync(source, { recursive: true });
    for (let i = 0; i < 1000; i++) writeFileSync(join(source, `file-${i}`), "");
    const maps = Array.from({ length: 1000 }, (_, i) => ["-map", source, `/folder-${i}`]).flat();
    tool("xorriso", "-outdev", image, "-volid", "MILLION", ...maps, "-commit");
    rmSync(source, { recursive: true });
  });
}
