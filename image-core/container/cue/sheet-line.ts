/** One line of a CUE sheet, taken apart (CDRWIN User's Guide, appendix A). */

export interface SheetWord {
  text: string;
  quoted: boolean;
}

/** Words of a line. Quotes reach to the next quote, or to the end of the line. */
export function words(line: string): SheetWord[] {
  const found: SheetWord[] = [];
  for (const match of line.matchAll(/"([^"]*)"?|[^\s"]+/g)) {
    found.push({ text: match[1] ?? match[0], quoted: match[1] !== undefined });
  }
  return found;
}

/**
 * What follows the command, for commands that take one text: between the first quote and the last
 * (titles hold quotes of their own), or all of it.
 */
export function textArgument(line: string): string {
  const rest = line.trim().replace(/^\S+\s*/, "");
  if (!rest.startsWith('"')) return rest;
  const end = rest.lastIndexOf('"');
  return end > 0 ? rest.slice(1, end) : rest.slice(1);
}

/** The name and the type of a FILE line; names without quotes may hold spaces too. */
export function fileArguments(line: string): { name: string; type: string } {
  const rest = line.trim().replace(/^\S+\s*/, "");
  const end = rest.lastIndexOf('"');
  if (rest.startsWith('"') && end > 0) {
    return { name: rest.slice(1, end), type: rest.slice(end + 1).trim() };
  }
  const bare = rest.replace(/^"/, "");
  const space = Math.max(bare.lastIndexOf(" "), bare.lastIndexOf("\t"));
  if (space < 0) return { name: bare, type: "" };
  return { name: bare.slice(0, space).trim(), type: bare.slice(space + 1) };
}
