/** Runs the desktop's small programs: dialogs, notifications, file managers. Any may be missing. */
import { spawn } from "node:child_process";

export interface Outcome {
  /** Undefined where it was not ended by itself. */
  status: number | undefined;
  stdout: Buffer;
}

/** Runs it to its end. Undefined where there is no such program. */
export function runToEnd(
  program: string,
  parameters: readonly string[],
): Promise<Outcome | undefined> {
  return new Promise((resolve) => {
    const child = spawn(program, parameters, { stdio: ["ignore", "pipe", "ignore"] });
    const output: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => output.push(chunk));
    // ENOENT, EACCES: not installed, or not for this user.
    child.on("error", () => resolve(undefined));
    child.on("close", (status) =>
      resolve({ status: status ?? undefined, stdout: Buffer.concat(output) }),
    );
  });
}

/**
 * Starts it to go on without us. True as soon as it has ended well, or has lived for
 * `milliseconds`: what is wrong with it would have shown by then.
 */
export function startDetached(
  program: string,
  parameters: readonly string[],
  milliseconds: number,
): Promise<boolean> {
  return new Promise((resolve) => {
    const child = spawn(program, parameters, { detached: true, stdio: "ignore" });
    const timer = setTimeout(() => {
      child.unref();
      resolve(true);
    }, milliseconds);
    const settle = (succeeded: boolean) => {
      clearTimeout(timer);
      resolve(succeeded);
    };
    child.on("error", () => settle(false));
    child.on("close", (status) => settle(status === 0));
  });
}

/** Whether there is a screen to show anything on. */
export function hasScreen(environment: NodeJS.ProcessEnv = process.env): boolean {
  return Boolean(environment.DISPLAY || environment.WAYLAND_DISPLAY);
}

export function isKde(environment: NodeJS.ProcessEnv = process.env): boolean {
  return (environment.XDG_CURRENT_DESKTOP ?? "").split(":").includes("KDE");
}
