/** `isomount desktop install|uninstall`. */
import { homedir } from "node:os";
import { ExitCode, reasonOf, systemFailure } from "../client/failure.js";
import { program } from "../client/installation.js";
import { removeIcons } from "../desktop/icon/icon-cache.js";
import { installDesktop, uninstallDesktop } from "../desktop/install.js";
import { systemPlaces, userPlaces } from "../desktop/places.js";

export type DesktopAction = "install" | "uninstall";

/** For everybody where root asks, unless `user`. Throws Failure where files cannot be written. */
export function runDesktop(action: DesktopAction, user: boolean): ExitCode {
  const forAll = process.getuid!() === 0 && !user;
  const places = forAll ? systemPlaces : userPlaces(process.env, homedir());
  const file = program("isomount");
  const ours = { command: [process.execPath, file], file };
  let changed: string[];
  try {
    changed = action === "install" ? installDesktop(places, ours) : uninstallDesktop(places, ours);
    if (action === "uninstall" && !forAll) removeIcons();
  } catch (error) {
    const { path } = error as NodeJS.ErrnoException;
    throw systemFailure(
      `cannot change ${path ?? "the desktop's files"}: ${reasonOf(error)}`,
      error,
    );
  }
  process.stdout.write(`${outcome(action, changed.length, forAll)}\n`);
  return ExitCode.ok;
}

function outcome(action: DesktopAction, changes: number, forAll: boolean): string {
  const whose = forAll ? "for all users" : "for this user";
  if (action === "install") {
    return changes === 0
      ? `file managers open images with isomount already, ${whose}`
      : `file managers open images with isomount now, ${whose} (${changes} files)`;
  }
  return changes === 0
    ? `nothing was installed ${whose}`
    : `file managers no longer open images with isomount, ${whose} (${changes} files)`;
}
