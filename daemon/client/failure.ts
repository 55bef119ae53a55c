/** What can go wrong on the caller's side, with the exit status it ends in. */

/** As mount(8) has them. */
export const ExitCode = {
  ok: 0,
  /** The command line is wrong. */
  usage: 1,
  /** The system lacks something: no daemon, no /dev/fuse, no memory. */
  system: 2,
  /** This mount or unmount failed. */
  failed: 32,
} as const;
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

export interface FailureDetails {
  exitCode: ExitCode;
  /** An `ImageErrorKind`, for programs. */
  kind?: string;
  /** Name of an errno. */
  code?: string;
  /** What the person can do about it. */
  hint?: string;
}

/** The message says what happened to which file, in one line, without the program's name. */
export class Failure extends Error {
  override readonly name = "Failure";

  constructor(
    message: string,
    readonly details: FailureDetails,
  ) {
    super(message);
  }
}

export function usage(message: string, hint?: string): Failure {
  return new Failure(message, { exitCode: ExitCode.usage, hint });
}

export function failed(message: string, error?: unknown, hint?: string): Failure {
  return new Failure(message, { exitCode: ExitCode.failed, code: codeOf(error), hint });
}

export function systemFailure(message: string, error?: unknown, hint?: string): Failure {
  return new Failure(message, { exitCode: ExitCode.system, code: codeOf(error), hint });
}

/** The errno's name of an error by Node or by `SystemError`. */
export function codeOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | undefined)?.code;
  return typeof code === "string" ? code : undefined;
}

const reasons: Record<string, string> = {
  EACCES: "permission denied",
  EBUSY: "it is in use",
  EIO: "input/output error",
  ELOOP: "too many symbolic links",
  EMFILE: "too many open files",
  ENAMETOOLONG: "the name is too long",
  ENOENT: "it does not exist",
  ENOMEDIUM: "there is no medium in the drive",
  ENOSPC: "no space left",
  ENOTCONN: "the mount that it lies in has lost its server",
  ENOTDIR: "a part of the path is not a folder",
  ENXIO: "no such device",
  EPERM: "permission denied",
  EROFS: "the file system is read-only",
  EXDEV: "it leads outside the image's folder",
};

/** Of a path that is not there. Node takes words of the command line for UTF-8, whatever they are. */
export function hintOfMissing(path: string): string | undefined {
  return path.includes("\ufffd")
    ? "names that are not UTF-8 cannot be given: rename it, or make a symbolic link to it"
    : undefined;
}

/** The errno in words, without the call and the path that Node's messages repeat. */
export function reasonOf(error: unknown): string {
  const code = codeOf(error);
  if (code !== undefined && code in reasons) return reasons[code];
  return code ?? (error instanceof Error ? error.message : String(error));
}
