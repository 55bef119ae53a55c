/** The daemon's settings, as a file of TOML says them. Nothing here touches the file itself. */
import { isAbsolute } from "node:path";
import { parse, TomlError } from "smol-toml";
import { nearest } from "../cli/nearest.js";

const logLevels = ["error", "warn", "info", "debug"] as const;
const logFormats = ["human", "json"] as const;

export interface Configuration {
  /** What is less important is not logged. */
  logLevel: (typeof logLevels)[number];
  logFormat: (typeof logFormats)[number];
  /** Absolute; standard error where it is not given. */
  logFile?: string;
  /** Seconds, for mounts that do not say: their servers go after so long without requests; 0 never. */
  sleepTimeout: number;
  /** Seconds, for mounts that do not say; 0 for never. */
  idleTimeout: number;
  /** Whether a server is started before it is needed. */
  spareServer: boolean;
  /** Whose members the system's daemon serves: a name or a number. */
  group?: string | number;
}

export const defaults: Readonly<Configuration> = {
  logLevel: "info",
  logFormat: "human",
  sleepTimeout: 600,
  idleTimeout: 0,
  spareServer: true,
};

/** Whose daemon it is: root's is the system's. */
export type Scope = "system" | "user";

/** The message names the file, the key and the value. */
export class ConfigurationError extends Error {
  override readonly name = "ConfigurationError";
}

/** What a timer of Node's can wait, in seconds. */
const MAX_SECONDS = Math.floor((2 ** 31 - 1) / 1000);
/** A gid_t of which the last means "none". */
const MAX_GROUP = 2 ** 32 - 2;

type Setter = (configuration: Configuration, value: unknown) => void;

/** Each throws, with what was expected, for any other value. */
const setters: Record<string, Setter> = {
  "log-level": (configuration, value) => {
    configuration.logLevel = oneOf(logLevels, value);
  },
  "log-format": (configuration, value) => {
    configuration.logFormat = oneOf(logFormats, value);
  },
  "log-file": (configuration, value) => {
    const good = typeof value === "string" && isAbsolute(value) && !value.includes("\0");
    if (!good) throw new Expected("an absolute path");
    configuration.logFile = value;
  },
  "sleep-timeout": (configuration, value) => {
    configuration.sleepTimeout = seconds(value);
  },
  "idle-timeout": (configuration, value) => {
    configuration.idleTimeout = seconds(value);
  },
  "spare-server": (configuration, value) => {
    if (typeof value !== "boolean") throw new Expected("true or false");
    configuration.spareServer = value;
  },
  group: (configuration, value) => {
    const isName = typeof value === "string" && /^[^\s:,\0]+$/.test(value);
    if (!isName && !isCount(value, MAX_GROUP)) throw new Expected("a group's name or number");
    configuration.group = value as string | number;
  },
};

class Expected extends Error {}

/** `file` is for the messages. Throws ConfigurationError for the first thing that is wrong. */
export function parseConfiguration(text: string, file: string, scope: Scope): Configuration {
  const configuration: Configuration = { ...defaults };
  for (const [key, value] of Object.entries(parseToml(text, file))) {
    if (!Object.hasOwn(setters, key)) throw unknown(file, key);
    if (key === "group" && scope === "user") {
      throw new ConfigurationError(`${file}: group is for the system's daemon only`);
    }
    try {
      setters[key](configuration, value);
    } catch (error) {
      if (!(error instanceof Expected)) throw error;
      throw new ConfigurationError(
        `${file}: ${key} = ${shown(value)} is wrong: ${error.message} is expected`,
      );
    }
  }
  return configuration;
}

function parseToml(text: string, file: string): Record<string, unknown> {
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const [complaint] = error.message.replace(/^Invalid TOML document: /, "").split("\n");
    throw new ConfigurationError(`${file}, line ${error.line}: ${complaint}`);
  }
}

function unknown(file: string, key: string): ConfigurationError {
  const known = Object.keys(setters);
  const meant = nearest(key, known);
  const hint = meant === undefined ? `known are ${known.join(", ")}` : `did you mean ${meant}?`;
  return new ConfigurationError(`${file}: unknown key ${JSON.stringify(key)} (${hint})`);
}

/** On one line, and not endlessly. */
function shown(value: unknown): string {
  if (typeof value === "object") return Array.isArray(value) ? "[...]" : "{...}";
  const text = typeof value === "string" ? JSON.stringify(value) : String(value);
  return text.length > 80 ? `${text.slice(0, 80)}...` : text;
}

function oneOf<T extends string>(choices: readonly T[], value: unknown): T {
  const choice = choices.find((candidate) => candidate === value);
  if (choice === undefined) throw new Expected(`one of ${choices.join(", ")}`);
  return choice;
}

function seconds(value: unknown): number {
  if (!isCount(value, MAX_SECONDS)) {
    throw new Expected(`a whole number of seconds from 0 to ${MAX_SECONDS}`);
  }
  return value;
}

function isCount(value: unknown, max: number): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= max;
}
