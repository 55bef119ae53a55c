/** The system's systemd, or that of one user. */
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";

export type Scope = "system" | "user";

/** Units that are installed for each; the first is enabled. */
export const unitNames: Record<Scope, readonly string[]> = {
  system: ["isomountd.socket", "isomountd.service", "isomountd-group.socket", "isomount@.service"],
  user: ["isomountd.socket", "isomountd.service", "isomount@.service", "isomount-watch@.service"],
};

/** Where units that no package brought belong. */
export function unitFolder(scope: Scope, environment = process.env): string {
  if (scope === "system") return "/etc/systemd/system";
  const home = environment.XDG_CONFIG_HOME;
  return join(home && isAbsolute(home) ? home : join(homedir(), ".config"), "systemd/user");
}

/** In a chroot, or in a container without it, units can be put in place all the same. */
export function isRunning(scope: Scope, environment = process.env): boolean {
  if (!existsSync("/run/systemd/system")) return false;
  const runtime = environment.XDG_RUNTIME_DIR;
  return scope === "system" || existsSync(join(runtime ?? "/nonexistent", "systemd/private"));
}
