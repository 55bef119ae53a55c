/** /etc/isomount/NAME.toml: what isomount@NAME.service mounts. */
import { isAbsolute } from "node:path";
import { parse, TomlError, type TomlTable, type TomlValue } from "smol-toml";
import { nearest } from "../cli/nearest.js";
import { type RawOption, splitOptions } from "../cli/option-string.js";
import { usage } from "../client/failure.js";

export interface ImageUnit {
  image: string;
  /** One is made and named after the volume where this is missing. */
  mountpoint?: string;
  options: RawOption[];
}

const keys = ["image", "mountpoint", "options"];

/** Throws a usage Failure that names `file` and the key. */
export function parseImageUnit(text: string, file: string): ImageUnit {
  const table = parseToml(text, file);
  const stray = Object.keys(table).find((key) => !keys.includes(key));
  if (stray !== undefined) {
    const meant = nearest(stray, keys);
    const hint = meant === undefined ? `there are ${keys.join(", ")}` : `did you mean '${meant}'?`;
    throw usage(`${file}: unknown key '${stray}'`, hint);
  }
  const image = pathOf(table, "image", file);
  if (image === undefined) throw usage(`${file}: image is missing`, 'image = "/path/to/disk.iso"');
  return {
    image,
    mountpoint: pathOf(table, "mountpoint", file),
    options: optionsOf(table.options, file),
  };
}

function parseToml(text: string, file: string): TomlTable {
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const reason = error.message.split("\n")[0].replace("Invalid TOML document: ", "");
    throw usage(`${file}, line ${error.line}: ${reason}`);
  }
}

/** Services have no folder of their own that a relative path could start from. */
function pathOf(table: TomlTable, key: string, file: string): string | undefined {
  const value = table[key];
  if (value === undefined) return undefined;
  if (typeof value === "string" && isAbsolute(value)) return value;
  throw usage(`${file}: ${key} is no absolute path`);
}

/** Either as after `-o`, or a table. */
function optionsOf(options: TomlValue | undefined, file: string): RawOption[] {
  if (options === undefined) return [];
  if (typeof options === "string") return splitOptions(options);
  if (typeof options !== "object" || Array.isArray(options) || options instanceof Date) {
    throw usage(`${file}: options is neither a table nor a text`);
  }
  return Object.entries(options).map(([name, value]) => rawOption(name, value, file));
}

function rawOption(name: string, value: TomlValue, file: string): RawOption {
  if (value === true) return { name };
  // As `--no-sandbox` on the command line.
  if (value === false) return { name: `no${name}` };
  if (typeof value === "string") return { name, value };
  // 0o644 and 644 would look the same from here on.
  if (typeof value === "number" && !/^d?mode$/.test(name)) return { name, value: String(value) };
  throw usage(`${file}: options.${name} is no text`, `write it in quotes: ${name} = "..."`);
}
