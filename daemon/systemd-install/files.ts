/** Files that are put in place and taken away again, if they are ours. */
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname } from "node:path";
import { codeOf, type Failure, failed, reasonOf } from "../client/failure.js";

/** Every file of ours has it, as a comment. */
const MARK = "isomount daemon install";

/** In the first line of what is installed. */
export const markLine = `# Written by '${MARK}'; '${MARK.replace("install", "uninstall")}' takes it away.\n`;

/** Whole or not at all. True if anything changed. Throws Failure where something else is there. */
export function putFile(path: string, text: string, mode: number): boolean {
  const there = contents(path);
  if (there === text) return false;
  if (there !== undefined && !isOurs(path, there)) {
    throw failed(`${path} is not isomount's`, undefined, "move it away first");
  }
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(`${path}.new`, text);
    chmodSync(`${path}.new`, mode);
    renameSync(`${path}.new`, path);
  } catch (error) {
    throw cannot("write", path, error);
  }
  return true;
}

/** True if there was one of ours. */
export function removeFile(path: string): boolean {
  const there = contents(path);
  if (there === undefined || !isOurs(path, there)) return false;
  try {
    rmSync(path);
  } catch (error) {
    throw cannot("remove", path, error);
  }
  return true;
}

function cannot(what: string, path: string, error: unknown): Failure {
  const hint =
    codeOf(error) === "EACCES" ? "run it as root: sudo isomount daemon install" : undefined;
  return failed(`cannot ${what} ${path}: ${reasonOf(error)}`, error, hint);
}

/** Of a symlink, the target. Undefined where there is nothing. */
function contents(path: string): string | undefined {
  try {
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (stat === undefined) return undefined;
    return stat.isSymbolicLink() ? readlinkSync(path) : readFileSync(path, "utf8");
  } catch (error) {
    throw cannot("read", path, error);
  }
}

/** Also a link by hand to the helper of some installation, as `npm link` makes them. */
function isOurs(path: string, text: string): boolean {
  return text.includes(MARK) || basename(text.trim()).replace(/\.js$/, "") === basename(path);
}
