/** Where the passphrase of an encrypted image comes from. Asked for only when an image needs it. */
import { readFileSync } from "node:fs";
import { failed, reasonOf } from "./failure.js";

export interface PassphraseSource {
  /** Path, read whole. */
  file?: string;
  /** Open descriptor, read to its end. */
  descriptor?: number;
  /** For `/bin/sh -c`; its output. */
  command?: string;
}

/** The bytes, without one newline at the end. Undefined where no source was given. */
export async function readPassphrase(source: PassphraseSource): Promise<Buffer | undefined> {
  const bytes = await readAll(source);
  if (bytes === undefined) return undefined;
  let end = bytes.length;
  if (bytes[end - 1] === 0x0a) end--;
  if (end < bytes.length && bytes[end - 1] === 0x0d) end--;
  if (end === 0) throw failed("the passphrase is empty");
  return bytes.subarray(0, end);
}

async function readAll(source: PassphraseSource): Promise<Buffer | undefined> {
  const { file, descriptor, command } = source;
  if (file !== undefined) return readFrom(file, `passphrase file ${file}`);
  if (descriptor !== undefined) return readFrom(descriptor, `passphrase descriptor ${descriptor}`);
  if (command !== undefined) return outputOf(command);
  return undefined;
}

function readFrom(from: string | number, what: string): Buffer {
  try {
    return readFileSync(from);
  } catch (error) {
    throw failed(`cannot read ${what}: ${reasonOf(error)}`, error);
  }
}

async function outputOf(command: string): Promise<Buffer> {
  // Loaded only here: it is seldom needed.
  const { spawnSync } = await import("node:child_process");
  const { status, signal, stdout, error } = spawnSync("/bin/sh", ["-c", command], {
    stdio: ["inherit", "pipe", "inherit"],
  });
  if (error !== undefined)
    throw failed(`cannot run the passphrase command: ${reasonOf(error)}`, error);
  if (status !== 0)
    throw failed(`the passphrase command ended with ${signal ?? `status ${status}`}`);
  return stdout;
}
