/**
 * `isomount` in the files that desktops read: replaced by the program's own place, because the
 * path of a desktop's session seldom holds what npm installed.
 */

/** The words to run, and the file whose absence means that isomount is gone. */
export interface Program {
  command: readonly string[];
  file: string;
}

/** Fills in `Exec=isomount ...` and `TryExec=isomount` of a desktop entry. */
export function fillDesktopEntry(text: string, program: Program): string {
  const command = program.command.map(quoteExec).join(" ");
  return text
    .replace(/^Exec=isomount(?= )/gm, () => `Exec=${command}`)
    .replace(/^TryExec=isomount$/gm, () => `TryExec=${escapeString(program.file)}`);
}

/** Fills in the line `exec isomount ...` of a shell script. */
export function fillScript(text: string, program: Program): string {
  const command = program.command.map(quoteShell).join(" ");
  return text.replace(/^exec isomount(?= )/m, () => `exec ${command}`);
}

/**
 * Desktop Entry Specification 1.5, "The Exec key": in double quotes with backslashes, `%` doubled;
 * and then the escapes of every string on top.
 */
function quoteExec(word: string): string {
  const doubled = word.replaceAll("%", "%%");
  if (/^[\w@%+=:,./-]+$/.test(doubled)) return doubled;
  return escapeString(`"${doubled.replace(/["`$\\]/g, "\\$&")}"`);
}

/** Same specification, "Possible value types". */
function escapeString(text: string): string {
  return text
    .replaceAll("\\", "\\\\")
    .replaceAll("\n", "\\n")
    .replaceAll("\t", "\\t")
    .replaceAll("\r", "\\r");
}

function quoteShell(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
