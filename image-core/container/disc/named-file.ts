/** The files that a sheet names: always beside it or below its folder, whatever path was written. */
import { ImageError } from "../../errors.js";
import type { OpenContext } from "../../format.js";
import type { ByteSource } from "../../source/byte-source.js";

/** As Linux limits it. */
const MAX_PATH = 4096;

/**
 * Sheets carry the paths of the machine they were made on: of an absolute one (`C:\rips\x.bin`)
 * the last part is looked for. Throws `missing-neighbour` where it is not there, `corrupt` for a
 * relative path that leads out of the folder.
 */
export function openNamed(context: OpenContext, format: string, name: string): ByteSource {
  return context.neighbour(neighbourPath(format, name));
}

/**
 * The same; if it is not there, the first of `others` that is, with a warning: files get renamed
 * together with their sheet, which goes on naming the old one.
 */
export function openNamedOr(
  context: OpenContext,
  format: string,
  name: string,
  others: readonly string[],
  warnings: string[],
): ByteSource {
  let missing: ImageError;
  try {
    return openNamed(context, format, name);
  } catch (error) {
    if (!isMissing(error)) throw error;
    missing = error;
  }
  for (const other of others) {
    try {
      const file = context.neighbour(other);
      warnings.push(`${JSON.stringify(name)} is not there; ${JSON.stringify(other)} stands in`);
      return file;
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  }
  throw missing;
}

/** `Game.cue` with `.bin`: `Game.bin`. */
export function withExtension(name: string, extension: string): string {
  const dot = name.lastIndexOf(".");
  return (dot > 0 ? name.slice(0, dot) : name) + extension;
}

/** From the last dot on, or nothing. */
export function extensionOf(name: string): string {
  const base = name.slice(Math.max(name.lastIndexOf("/"), name.lastIndexOf("\\")) + 1);
  const dot = base.lastIndexOf(".");
  return dot > 0 ? base.slice(dot) : "";
}

function neighbourPath(format: string, name: string): string {
  if (name.length > MAX_PATH) {
    throw new ImageError("corrupt", format, `a file name of ${name.length} characters`);
  }
  const path = name.replaceAll("\\", "/");
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  const absolute = path.startsWith("/") || /^[A-Za-z]:/.test(path);
  const base = parts.at(-1)?.replace(/^[A-Za-z]:/, "") ?? "";
  if (base === "" || base === ".." || path.includes("\0")) {
    throw new ImageError("corrupt", format, `${JSON.stringify(name)} names no file`);
  }
  if (absolute) return base;
  if (parts.includes("..")) {
    throw new ImageError(
      "corrupt",
      format,
      `${JSON.stringify(name)} leads out of the folder of the image`,
    );
  }
  return parts.join("/");
}

function isMissing(error: unknown): error is ImageError {
  return error instanceof ImageError && error.kind === "missing-neighbour";
}
