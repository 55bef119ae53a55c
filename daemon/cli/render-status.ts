/** What `isomount status` prints: how each mount fares. */
import type { DaemonInfo, MountInfo } from "../rpc/protocol.js";
import { printable } from "./printable.js";

/** Lines with a newline at the end of each. */
export function renderStatus(daemon: DaemonInfo | undefined, mounts: readonly MountInfo[]): string {
  if (daemon === undefined) return "isomountd is not running; it starts with the first mount\n";
  const { version, pid, since } = daemon;
  const count = mounts.length === 1 ? "1 mount" : `${mounts.length} mounts`;
  const head = `isomountd ${version}: pid ${pid}, since ${dateOf(since)}, ${count}\n`;
  return [head, ...mounts.map(renderMount)].join("\n");
}

function renderMount(mount: MountInfo): string {
  const { id, image, mountpoint, filesystem, state, pid, since, restarts, statistics } = mount;
  const { requests, reads, readBytes, splicedBytes, filesAhead, errors } = statistics;
  const server = pid > 0 ? `, served by process ${pid}` : "";
  const rows: [string, string][] = [
    ["image", `${image} (${filesystem})`],
    ["state", `${state} since ${dateOf(since)}${server}`],
    ["requests", `${requests}${latency(statistics)}`],
    ["reads", `${reads}, ${bytes(readBytes)}${share(splicedBytes, readBytes, " without a copy")}`],
    ...(filesAhead > 0 ? [["ahead", `${filesAhead} small files`] as [string, string]] : []),
    ["cache", cache(statistics)],
    ["errors", `${errors}`],
    ["restarts", `${restarts}`],
  ];
  const lines = rows.map(([name, text]) => `  ${name.padEnd(9)} ${printable(text)}\n`);
  return `${id} ${printable(mountpoint)}\n${lines.join("")}`;
}

function latency({ requests, milliseconds }: MountInfo["statistics"]): string {
  if (requests === 0) return "";
  const microseconds = (milliseconds * 1000) / requests;
  if (microseconds < 1000) return `, ${microseconds.toFixed(0)} \u00b5s each`;
  return `, ${(microseconds / 1000).toFixed(1)} ms each`;
}

function cache({ cacheHits, cacheMisses }: MountInfo["statistics"]): string {
  const total = cacheHits + cacheMisses;
  return total === 0 ? "not used" : `${((100 * cacheHits) / total).toFixed(1)}% of ${total} found`;
}

function share(part: number, whole: number, of: string): string {
  return whole === 0 ? "" : `, ${((100 * part) / whole).toFixed(0)}%${of}`;
}

const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];

function bytes(count: number): string {
  let unit = 0;
  while (count >= 1024 && unit < units.length - 1) {
    count /= 1024;
    unit++;
  }
  return `${unit === 0 ? count : count.toFixed(1)} ${units[unit]}`;
}

function dateOf(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace(/\.\d+Z$/, "Z");
}
