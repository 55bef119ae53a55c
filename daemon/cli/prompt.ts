/** Asks for a passphrase on the terminal, without showing it. */
import { openSync } from "node:fs";
import { basename } from "node:path";
import { ReadStream } from "node:tty";
import { printable } from "./printable.js";

const ENTER = new Set([0x0a, 0x0d]);
const ERASE = new Set([0x08, 0x7f]);
const CONTROL_C = 0x03;
const CONTROL_D = 0x04;
const CONTROL_U = 0x15;

/** Undefined where there is no terminal, or where the person gave up. */
export async function askPassphrase(image: string, tries: number): Promise<Buffer | undefined> {
  let terminal: ReadStream;
  try {
    terminal = new ReadStream(openSync("/dev/tty", "r+"));
  } catch {
    // ENXIO: not run from a terminal.
    return undefined;
  }
  // First, so that nothing typed after the question is shown.
  terminal.setRawMode(true);
  const again = tries > 1 ? "That does not open it. " : "";
  process.stderr.write(`${again}Passphrase for ${printable(basename(image))}: `);
  try {
    return await readSecret(terminal);
  } finally {
    terminal.setRawMode(false);
    terminal.destroy();
    process.stderr.write("\n");
  }
}

function readSecret(terminal: ReadStream): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    let typed: number[] = [];
    terminal.on("end", () => resolve(undefined));
    terminal.on("data", (chunk: Buffer) => {
      for (const byte of chunk) {
        if (ENTER.has(byte)) return resolve(Buffer.from(typed));
        if (byte === CONTROL_C || (byte === CONTROL_D && typed.length === 0)) {
          return resolve(undefined);
        }
        if (byte === CONTROL_U) typed = [];
        else if (ERASE.has(byte)) eraseCharacter(typed);
        else typed.push(byte);
      }
    });
  });
}

/** The last character of UTF-8: its continuation bytes, then its first. */
function eraseCharacter(typed: number[]): void {
  while (typed.length > 0 && (typed.at(-1)! & 0xc0) === 0x80) typed.pop();
  typed.pop();
}
