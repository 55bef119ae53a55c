/** Where the daemon's settings come from, and their change while it runs. */
import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { isAbsolute, join, resolve } from "node:path";
import {
  type Configuration,
  ConfigurationError,
  defaults,
  parseConfiguration,
} from "./configuration.js";

export interface ConfigurationFile {
  path: string;
  /** Somebody has named it: it must be there. */
  named: boolean;
}

export function findConfiguration(
  environment: NodeJS.ProcessEnv = process.env,
  uid = process.getuid!(),
): ConfigurationFile {
  const named = environment.ISOMOUNT_CONFIG;
  if (named) return { path: resolve(named), named: true };
  if (uid === 0) return { path: "/etc/isomountd.toml", named: false };
  const home = environment.XDG_CONFIG_HOME;
  const folder = home && isAbsolute(home) ? home : join(homedir(), ".config");
  return { path: join(folder, "isomount/isomountd.toml"), named: false };
}

/** Throws ConfigurationError. */
export function loadConfiguration(
  { path, named } = findConfiguration(),
  uid = process.getuid!(),
): Configuration {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // ENOTDIR: ~/.config is no folder.
    if (!named && (code === "ENOENT" || code === "ENOTDIR")) return defaults;
    throw new ConfigurationError(`cannot read ${path}: ${code}`);
  }
  return parseConfiguration(text, path, uid === 0 ? "system" : "user");
}

/** What holds now. Whoever asks it each time sees a change. */
export interface Settings {
  readonly current: Readonly<Configuration>;
}
