/** systemctl(1), run to its end. */
import { spawnSync } from "node:child_process";
import { systemFailure } from "../client/failure.js";
import type { Scope } from "./scope.js";

/** Stopping the service may take its TimeoutStopSec=. */
const SECONDS = 90;

/** Returns what it printed. Throws Failure with what it said. */
export function systemctl(scope: Scope, ...parameters: string[]): string {
  const { status, stdout, stderr, error } = spawnSync("systemctl", [`--${scope}`, ...parameters], {
    encoding: "utf8",
    timeout: SECONDS * 1000,
  });
  if (status === 0) return stdout;
  const said = stderr?.trim().split("\n")[0] || error?.message || `exit status ${status}`;
  throw systemFailure(`systemctl ${parameters.join(" ")}: ${said}`, error);
}
