/** Programs that tests compare with. A missing one is an error that says how to get it, not a skip. */
import { type ExecFileSyncOptions, execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";

/** Runs a program to its end and returns its output. A non-zero exit throws with what it said. */
export function run(program: string, args: string[], options: ExecFileSyncOptions = {}): Buffer {
  try {
    return execFileSync(program, args, {
      stdio: ["ignore", "pipe", "pipe"],
      maxBuffer: 1 << 28,
      timeout: 120_000,
      ...options,
    }) as Buffer;
  } catch (error) {
    const failed = error as NodeJS.ErrnoException & { stderr?: Buffer };
    if (failed.code === "ENOENT") {
      throw new Error(`${program} is not installed; 'npm test' installs what tests need`);
    }
    throw new Error(`${program} ${args.join(" ")}: ${failed.stderr?.toString() || failed.message}`);
  }
}

/** A scratch folder that goes away when the test file is done. */
export function scratch(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `isomount-${name}-`));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
