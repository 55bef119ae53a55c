/** How failures and warnings are told: one line for people, one object for programs. */

import { RpcFailure } from "../client/connection.js";
import {
  ExitCode as Exit,
  type ExitCode,
  Failure,
  type FailureDetails,
} from "../client/failure.js";
import { RpcErrorCode } from "../rpc/protocol.js";
import { jsonText, printable } from "./printable.js";

const PROGRAM = "isomount";

/** Prints the failure on standard error and returns the exit status that it stands for. */
export function report(error: unknown, json = false): ExitCode {
  const { message, details } = describe(error);
  if (json) {
    process.stderr.write(`${jsonText({ error: { message, ...details } })}\n`);
  } else {
    const hint = details.hint === undefined ? "" : ` (${details.hint})`;
    process.stderr.write(`${PROGRAM}: ${printable(message + hint)}\n`);
  }
  if (process.env.ISOMOUNT_DEBUG && error instanceof Error)
    process.stderr.write(`${error.stack}\n`);
  return details.exitCode;
}

export function warn(message: string): void {
  process.stderr.write(`${PROGRAM}: warning: ${printable(message)}\n`);
}

/** What happened, in one line, and what can be done about it. */
export function describe(error: unknown): { message: string; details: FailureDetails } {
  if (error instanceof Failure) return error;
  if (error instanceof RpcFailure) return describeAnswer(error);
  const message = error instanceof Error ? error.message : String(error);
  return {
    message: `internal error: ${message}`,
    details: { exitCode: Exit.system, hint: "ISOMOUNT_DEBUG=1 shows where" },
  };
}

const hints: Record<string, string> = {
  encrypted: "give it with -o passphrase-file=FILE, or run isomount in a terminal",
  "missing-neighbour": "it must lie beside the image",
  "unknown-format": "if an image begins further on in the file, say where: -o offset=BYTES",
};

/** What the machine lacks rather than what this mount got wrong: no FUSE, no fusermount3. */
const systemCodes = new Set(["ENODEV", "ENOENT", "ENXIO", "EMFILE", "ENFILE", "ENOMEM"]);

function describeAnswer({ message, code, data }: RpcFailure): {
  message: string;
  details: FailureDetails;
} {
  const details = { kind: data.kind, code: data.code, hint: hints[data.kind ?? ""] };
  switch (code) {
    case RpcErrorCode.image:
    case RpcErrorCode.target:
    case RpcErrorCode.denied:
      return { message, details: { exitCode: Exit.failed, ...details } };
    case RpcErrorCode.mount: {
      const exitCode = systemCodes.has(data.code ?? "") ? Exit.system : Exit.failed;
      return { message, details: { exitCode, ...details } };
    }
    case RpcErrorCode.methodNotFound:
    case RpcErrorCode.invalidParams:
      return {
        message: `isomountd does not understand: ${message}`,
        details: {
          exitCode: Exit.system,
          ...details,
          hint: "if it was started by another version, stop it: isomount daemon stop",
        },
      };
    default:
      return { message, details: { exitCode: Exit.system, ...details } };
  }
}
