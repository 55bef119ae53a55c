/** `isomount daemon install|uninstall`. */
import { ExitCode } from "../client/failure.js";
import { install, uninstall } from "../systemd-install/install.js";
import type { Scope } from "../systemd-install/scope.js";
import { jsonText } from "./printable.js";

export type InstallAction = "install" | "uninstall";

export function runInstall(action: InstallAction, scope: Scope, json: boolean): ExitCode {
  const done = action === "install" ? install(scope) : uninstall(scope);
  const lines = done.length === 0 ? ["nothing to do"] : done;
  process.stdout.write(json ? `${jsonText({ done })}\n` : `${lines.join("\n")}\n`);
  return ExitCode.ok;
}
