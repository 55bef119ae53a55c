/**
 * The lists of default handlers in `mimeapps.list` (Association between MIME types and
 * applications, version 1.0.1). Ours goes before what is there, so that taking it out again leaves
 * the choice from before. Every other line stays as it is.
 */

const DEFAULTS = "[Default Applications]";

/** Puts `handler` first for each of the types. */
export function addDefaults(text: string, types: readonly string[], handler: string): string {
  const lines = linesOf(text);
  let start = lines.indexOf(DEFAULTS);
  if (start < 0) {
    if (lines.length > 0 && lines.at(-1) !== "") lines.push("");
    start = lines.push(DEFAULTS) - 1;
  }
  const end = groupEnd(lines, start);
  const missing = new Set(types);
  for (let i = start + 1; i < end; i++) {
    const entry = entryOf(lines[i]);
    if (entry === undefined || !missing.delete(entry.type)) continue;
    if (entry.handlers[0] === handler) continue;
    const others = entry.handlers.filter((other) => other !== handler);
    lines[i] = `${entry.type}=${list([handler, ...others])}`;
  }
  // Before the empty lines that separate the group from the next.
  let last = end;
  while (last > start + 1 && lines[last - 1] === "") last--;
  lines.splice(last, 0, ...[...missing].map((type) => `${type}=${list([handler])}`));
  return textOf(lines);
}

/** Takes `handler` out wherever it is a default; a group that is empty then goes as well. */
export function removeDefaults(text: string, handler: string): string {
  const lines = linesOf(text);
  const start = lines.indexOf(DEFAULTS);
  if (start < 0) return text;
  const end = groupEnd(lines, start);
  let changed = false;
  const group = lines.slice(start + 1, end).flatMap((line) => {
    const entry = entryOf(line);
    if (entry === undefined || !entry.handlers.includes(handler)) return [line];
    changed = true;
    const others = entry.handlers.filter((other) => other !== handler);
    return others.length === 0 ? [] : [`${entry.type}=${list(others)}`];
  });
  if (!changed) return text;
  if (group.some((line) => line !== "")) lines.splice(start + 1, end - start - 1, ...group);
  else lines.splice(start, end - start);
  while (lines.at(-1) === "") lines.pop();
  return textOf(lines);
}

function groupEnd(lines: readonly string[], start: number): number {
  const next = lines.findIndex((line, index) => index > start && line.startsWith("["));
  return next < 0 ? lines.length : next;
}

function entryOf(line: string): { type: string; handlers: string[] } | undefined {
  const equals = line.indexOf("=");
  if (equals < 0 || line.startsWith("#")) return undefined;
  const handlers = line
    .slice(equals + 1)
    .split(";")
    .map((handler) => handler.trim())
    .filter((handler) => handler !== "");
  return { type: line.slice(0, equals).trim(), handlers };
}

function list(handlers: readonly string[]): string {
  return handlers.map((handler) => `${handler};`).join("");
}

function linesOf(text: string): string[] {
  const lines = text.split("\n");
  if (lines.at(-1) === "") lines.pop();
  return lines;
}

function textOf(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join("");
}
