/**
 * Recognises the plain command line, `isomount IMAGE [MOUNTPOINT] [-o OPTIONS]`, without loading
 * the parser for all the rest, which takes longer than the mount itself.
 */
import { commandNames } from "./command-names.js";
import { type RawOption, splitOptions } from "./option-string.js";

export interface QuickMount {
  image: string;
  mountpoint?: string;
  options: RawOption[];
}

/** Undefined for every command line that is not plainly a mount. Throws for a malformed `-o`. */
export function parseQuick(words: readonly string[]): QuickMount | undefined {
  const plain: string[] = [];
  const options: RawOption[] = [];
  let onlyPaths = false;
  for (let i = 0; i < words.length; i++) {
    const word = words[i];
    if (onlyPaths || !word.startsWith("-")) plain.push(word);
    else if (word === "--") onlyPaths = true;
    else if (word === "-o" && i + 1 < words.length) options.push(...splitOptions(words[++i]));
    else if (/^-o[^=]/.test(word)) options.push(...splitOptions(word.slice(2)));
    else return undefined;
  }
  const [image, mountpoint] = plain;
  if (plain.length < 1 || plain.length > 2 || image === "") return undefined;
  // `isomount -- list` mounts a file of that name.
  if (commandNames.has(image) && words[0] !== "--") return undefined;
  return { image, mountpoint, options };
}
