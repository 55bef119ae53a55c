/** Takes apart what stands behind `-o`, as mount(8) does. */
import { usage } from "../client/failure.js";

export interface RawOption {
  name: string;
  /** Undefined where there is no `=`. */
  value?: string;
}

/**
 * Options are separated by commas. A comma counts as text within double quotes and behind a
 * backslash; quotes are taken off. A backslash before anything but comma, quote and backslash is
 * itself. Throws a usage Failure for quotes left open.
 */
export function splitOptions(text: string): RawOption[] {
  const options: RawOption[] = [];
  let current = "";
  let equals = -1;
  let quoted = false;
  const finish = () => {
    // `ro,,user` and a trailing comma are common in fstab.
    if (current !== "") options.push(rawOption(current, equals));
    current = "";
    equals = -1;
  };
  for (let i = 0; i < text.length; i++) {
    const character = text[i];
    if (character === "\\" && /[,"\\]/.test(text[i + 1] ?? "")) current += text[++i];
    else if (character === '"') quoted = !quoted;
    else if (character === "," && !quoted) finish();
    else {
      if (character === "=" && equals < 0) equals = current.length;
      current += character;
    }
  }
  if (quoted) throw usage(`the quotes in '-o ${text}' are left open`);
  finish();
  return options;
}

function rawOption(text: string, equals: number): RawOption {
  return equals < 0
    ? { name: text }
    : { name: text.slice(0, equals), value: text.slice(equals + 1) };
}
