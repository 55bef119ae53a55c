/** The table that `isomount list` prints. */
import type { MountInfo } from "../rpc/protocol.js";
import { printable, width } from "./printable.js";

const columns: readonly [title: string, text: (mount: MountInfo) => string][] = [
  ["ID", ({ id }) => id],
  ["IMAGE", ({ image }) => image],
  ["MOUNTPOINT", ({ mountpoint }) => mountpoint],
  ["CONTENTS", contents],
  ["STATE", state],
];

/** Lines with a newline at the end of each. */
export function renderList(mounts: readonly MountInfo[]): string {
  if (mounts.length === 0) return "nothing is mounted\n";
  const rows = [
    columns.map(([title]) => title),
    ...mounts.map((mount) => columns.map(([, text]) => printable(text(mount)))),
  ];
  const widths = columns.map((_, column) => Math.max(...rows.map((row) => width(row[column]))));
  return rows
    .map(
      (row) =>
        `${row
          .map((cell, column) => pad(cell, widths[column]))
          .join("  ")
          .trimEnd()}\n`,
    )
    .join("");
}

function pad(cell: string, columns: number): string {
  return cell + " ".repeat(columns - width(cell));
}

/** `iso9660 (rockridge) "LABEL"`, with its container where that is more than a plain file. */
function contents({ container, filesystem, view, label }: MountInfo): string {
  const inside = view === "" ? filesystem : `${filesystem} (${view})`;
  const wrapped = container === "raw" ? inside : `${container} > ${inside}`;
  return label === "" ? wrapped : `${wrapped} "${label}"`;
}

function state({ state, sandboxed, transport, restarts }: MountInfo): string {
  const remarks: string[] = [state];
  if (!sandboxed) remarks.push("not sandboxed");
  if (transport !== "dev-fuse") remarks.push(transport);
  if (restarts > 0) remarks.push(restarts === 1 ? "1 restart" : `${restarts} restarts`);
  return remarks.join(", ");
}
