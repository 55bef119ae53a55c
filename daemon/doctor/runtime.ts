/** The software that runs us: Node, its native add-ons, the kernel. */
import { execFile } from "node:child_process";
import { release } from "node:os";
import { promisify } from "node:util";
import { type Finding, fine, lack } from "./finding.js";
import { asRoot, installCommand } from "./packages.js";

/** package.json, "engines". */
const OLDEST_NODE = "20.19";

/** openat2(2), by which neighbours of an image are kept within its folder. */
const OLDEST_KERNEL = "5.6";
/** FUSE_NOTIFY_RESEND. */
const RESENDING_KERNEL = "6.9";

export function nodeVersion(version = process.versions.node): Finding {
  if (atLeast(version, OLDEST_NODE)) return fine("Node", version);
  return lack(
    "failure",
    "Node",
    `${version} is older than ${OLDEST_NODE}`,
    "isomount may not run",
    "install a newer Node: https://nodejs.org",
  );
}

/** `version` as uname(2) has it: `6.1.0-18-amd64`. */
export function kernel(version = release()): Finding {
  if (!atLeast(version, OLDEST_KERNEL)) {
    return lack(
      "failure",
      "kernel",
      `${version} is older than ${OLDEST_KERNEL}`,
      "images of several files (cue, mds, sparse bundles) cannot be opened",
      "boot a newer kernel",
    );
  }
  const requests = "what a server had read when it crashed is answered by the next one";
  return fine(
    "kernel",
    atLeast(version, RESENDING_KERNEL)
      ? `${version}: ${requests}, and the kernel can resend the rest`
      : `${version}: ${requests} (the kernel itself resends from ${RESENDING_KERNEL} on)`,
  );
}

/** By their first two numbers. */
function atLeast(version: string, wanted: string): boolean {
  const [major, minor] = numbers(version);
  const [wantedMajor, wantedMinor] = numbers(wanted);
  return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
}

function numbers(version: string): [number, number] {
  const [, major, minor] = /^(\d+)\.(\d+)/.exec(version) ?? [];
  return [Number(major), Number(minor)];
}

/** The system calls that Node lacks go through this: without it there is no isomount. */
export async function koffi(
  load: () => Promise<unknown> = () => import("../../fs-adapter/system/libc.js"),
): Promise<Finding> {
  try {
    await load();
    return fine("koffi", "loads");
  } catch (error) {
    return lack(
      "failure",
      "koffi",
      `does not load: ${firstLine(error)}`,
      "nothing can be mounted",
      "npm install koffi   # in the folder where isomount is installed",
    );
  }
}

/** Loaded by another process: a native library that crashes takes its process with it. */
const LOAD_FUSE_NATIVE =
  'import("fuse-native").catch((e) => { console.error(e.message); process.exit(1); })';

/** Only the second transport, for machines on which the first does not work. */
export async function fuseNative(folder: string, code = LOAD_FUSE_NATIVE): Promise<Finding> {
  const subject = "fuse-native";
  try {
    await promisify(execFile)(process.execPath, ["--input-type=module", "--eval", code], {
      cwd: folder,
      timeout: 20_000,
    });
    return fine(subject, "loads, with libfuse 2");
  } catch (error) {
    const said = (error as { stderr?: string }).stderr || String(error);
    const lacksLibrary = /libfuse\.so\.2/.test(said);
    return lack(
      "warning",
      subject,
      lacksLibrary ? "does not load: there is no libfuse 2" : `does not load: ${firstLine(said)}`,
      "-o transport=fuse-native does not work; the default transport does without",
      lacksLibrary
        ? installCommand("libfuse2")
        : `${asRoot}npm install fuse-native   # in the folder where isomount is installed`,
    );
  }
}

function firstLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.trim().split("\n")[0];
}
