/**
 * A path may lead into a mount whose server does not answer: a call upon it would never return, and
 * nothing but the end of the process takes it back.
 */
import { close, open } from "node:fs";
import { readMountinfo } from "../../fs-adapter/mounting/mountinfo.js";
import { exitAtOnce } from "../../fs-adapter/system/libc.js";
import { failed } from "./failure.js";

/** Drives spin up and network shares are mounted on first touch; nothing sound takes longer. */
const PATIENCE_MILLISECONDS = 15_000;

/** Time for the failure to be told. */
const FAREWELL_MILLISECONDS = 100;

/**
 * Opens `path` and closes it again, on a thread that can be left behind; whether that succeeds is
 * for the caller to find out. Throws Failure where it takes too long: the process then ends by
 * itself, with the exit code that is set by then, since Node would wait for the thread.
 */
export async function insistOnAnswer(path: string, flags: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const opened = new Promise<true>((resolve) => {
    open(path, flags, (error, fd) => {
      if (error !== null) resolve(true);
      else close(fd, () => resolve(true));
    });
  });
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), PATIENCE_MILLISECONDS);
  });
  const answered = await Promise.race([opened, late]);
  clearTimeout(timer);
  if (answered) return;
  setTimeout(() => exitAtOnce(Number(process.exitCode ?? 0)), FAREWELL_MILLISECONDS);
  const where = mountOf(path);
  const what = where === undefined ? "" : `: the mount on ${where} that it lies in is stuck`;
  throw failed(
    `${path} does not answer${what}`,
    Object.assign(new Error(), { code: "ETIMEDOUT" }),
    "'isomount list' shows whether it is one of ours; 'umount --lazy' lets go of it",
  );
}

/** By the path as it is written: to follow its symlinks could take as long. */
function mountOf(path: string): string | undefined {
  const within = readMountinfo()
    .map(({ mountpoint }) => mountpoint)
    .filter((mountpoint) => mountpoint !== "/" && path.startsWith(`${mountpoint}/`));
  return within.sort((a, b) => a.length - b.length).at(-1);
}
