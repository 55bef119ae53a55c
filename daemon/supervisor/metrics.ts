/**
 * What the daemon counts, as Prometheus text. prom-client is loaded with this file: import it only
 * when somebody asks.
 */
import { Counter, Gauge, Registry } from "prom-client";
import type { DaemonInfo, MountInfo } from "../rpc/protocol.js";

const labelNames = ["id", "image", "mountpoint", "filesystem"] as const;

const states: readonly MountInfo["state"][] = ["serving", "asleep", "reviving", "detached"];

type Read = (mount: MountInfo) => number;

/** Name, help, and where the value is. Base units and `_total` as Prometheus has them. */
const counters: readonly [name: string, help: string, read: Read][] = [
  ["requests_total", "Requests of the kernel", (m) => m.statistics.requests],
  ["reads_total", "Requests that read files", (m) => m.statistics.reads],
  ["read_bytes_total", "Bytes that were read", (m) => m.statistics.readBytes],
  [
    "spliced_bytes_total",
    "Bytes that went to the reader uncopied",
    (m) => m.statistics.splicedBytes,
  ],
  [
    "files_ahead_total",
    "Small files put into the kernel's cache before they were asked for",
    (m) => m.statistics.filesAhead,
  ],
  ["errors_total", "Requests that failed", (m) => m.statistics.errors],
  ["answer_seconds_total", "Time spent answering", (m) => m.statistics.milliseconds / 1000],
  ["cache_hits_total", "Blocks and chunks found in the caches", (m) => m.statistics.cacheHits],
  ["cache_misses_total", "Blocks read and chunks decoded", (m) => m.statistics.cacheMisses],
  ["restarts_total", "Servers that were replaced", (m) => m.restarts],
];

/** The text exposition format, version 0.0.4. */
export function renderMetrics(daemon: DaemonInfo, mounts: readonly MountInfo[]): Promise<string> {
  const registry = new Registry();
  const registers = [registry];
  const gauge = (name: string, help: string, labels: readonly string[] = []) =>
    new Gauge({ name: `isomount_${name}`, help, labelNames: [...labels], registers });
  gauge("info", "The daemon that answers", ["version"]).set({ version: daemon.version }, 1);
  gauge("start_time_seconds", "When it started, since 1970").set(daemon.since);
  gauge("mounts", "Images that are mounted").set(mounts.length);
  const state = gauge("mount_state", "1 for the state that a mount is in", [
    ...labelNames,
    "state",
  ]);
  for (const mount of mounts) {
    for (const each of states) {
      state.set({ ...labelsOf(mount), state: each }, each === mount.state ? 1 : 0);
    }
  }
  for (const [name, help, read] of counters) {
    const counter = new Counter({
      name: `isomount_mount_${name}`,
      help,
      labelNames: [...labelNames],
      registers,
    });
    for (const mount of mounts) counter.inc(labelsOf(mount), read(mount));
  }
  return registry.metrics();
}

function labelsOf(mount: MountInfo): Record<(typeof labelNames)[number], string> {
  const { id, image, mountpoint, filesystem } = mount;
  return { id, image, mountpoint, filesystem };
}
