/**
 * A machine of its own: boots a real systemd as process 1 on a throw-away copy of this system, and
 * runs a script in it. Takes root and Debian's systemd-container.
 */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { program } from "./isomount.js";
import { run } from "./tools.js";

const project = resolve(fileURLToPath(import.meta.url), "../../..");

/** Devices that mounts need; the kernel of this machine is that of the other, too. */
const devices = ["/dev/fuse", "/dev/autofs"];

/** Why no machine can be booted here; undefined where one can. */
export const nspawnMissing =
  process.getuid?.() !== 0
    ? "booting systemd takes root"
    : devices.find((device) => !existsSync(device))?.concat(" is not there");

export interface Boot {
  /** Written before the boot: text by absolute path. */
  files?: Record<string, string>;
  /** Folders of this machine that the other sees, read-only, by their paths there. */
  share?: Record<string, string>;
  /** Commands before the boot, on the copy, without systemd: `isomount daemon install`. */
  prepare?: string[][];
  /** bash, as root, when the machine is up. `section NAME` heads the output that follows it. */
  script: string;
  /** After that it is given up. */
  seconds?: number;
}

export interface Booted {
  /** What the script printed under each heading, without the last newline. */
  sections: Map<string, string>;
  /** Everything that it printed, and what systemd said on its console. */
  log: string;
}

const PROBE_TARGET = `[Unit]
Requires=basic.target
Wants=probe.service
After=basic.target
`;

const PROBE_SERVICE = `[Unit]
After=basic.target
[Service]
Type=oneshot
ExecStart=/bin/bash /probe/script
StandardOutput=append:/probe/output
StandardError=inherit
ExecStopPost=/bin/sh -c "exec systemctl poweroff --no-block >/dev/null 2>&1"
`;

/** Says so and ends, instead of waiting for somebody to log in. */
const EMERGENCY = `[Service]
ExecStart=
ExecStart=/bin/bash -c "echo '@@ emergency' >> /probe/output; journalctl -b --no-pager >> /probe/output; systemctl poweroff --no-block"
`;

const PRELUDE = `
section() { echo "@@ $*"; }
# Waits until the command succeeds, ten seconds at most.
await() { for ((i = 0; i < 100; i++)); do "$@" >/dev/null 2>&1 && return; sleep 0.1; done; return 1; }
isomount() { ${process.execPath} ${program} "$@"; }
export -f isomount section await
cd /
`;

/** Throws, with what was said last, where the machine does not come up and down again in time. */
export async function boot({
  files = {},
  share = {},
  prepare = [],
  script,
  seconds = 60,
}: Boot): Promise<Booted> {
  const folder = mkdtempSync(join(tmpdir(), "isomount-machine-"));
  const [root, probe, disk] = ["root", "probe", "disk"].map((name) => join(folder, name));
  for (const path of [root, probe, disk]) mkdirSync(path);
  run("mount", ["-t", "tmpfs", "tmpfs", disk]);
  try {
    for (const name of ["upper", "work"]) mkdirSync(join(disk, name));
    const layers = `lowerdir=/,upperdir=${disk}/upper,workdir=${disk}/work`;
    run("mount", ["-t", "overlay", "overlay", "-o", layers, root]);
    emptySystem(root);
    for (const [path, text] of Object.entries({ "/etc/fstab": "", ...files })) {
      mkdirSync(dirname(root + path), { recursive: true });
      writeFileSync(root + path, text);
    }
    const container = [
      ...["--quiet", "--register=no", "--keep-unit", `--directory=${root}`],
      ...[`--machine=${basename(folder)}`, `--bind=${probe}:/probe`, `--bind-ro=${project}`],
      ...devices.map((device) => `--bind=${device}`),
      ...Object.entries(share).map(([there, here]) => `--bind-ro=${here}:${there}`),
    ];
    for (const command of prepare) run("systemd-nspawn", [...container, "--", ...command]);
    const output = join(probe, "output");
    writeFileSync(output, "");
    writeFileSync(join(probe, "script"), PRELUDE + script);
    const machine = [...container, "--boot", "systemd.unit=probe.target"];
    const { inTime, console } = await runMachine(machine, seconds);
    const text = readFileSync(output, "utf8");
    if (!inTime) throw new Error(`the machine still runs: ${text.slice(-4000)}\n${console}`);
    return { sections: sectionsOf(text), log: `${text}\n${console}` };
  } finally {
    run("umount", ["--recursive", root]);
    run("umount", [disk]);
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Returns when it is off: by itself, or because its time is up. */
function runMachine(
  parameters: string[],
  seconds: number,
): Promise<{ inTime: boolean; console: string }> {
  return new Promise((resolve, reject) => {
    let inTime = true;
    let console = "";
    const nspawn = spawn("systemd-nspawn", parameters, { stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [nspawn.stdout, nspawn.stderr]) {
      stream.setEncoding("utf8").on("data", (text) => {
        console += text;
      });
    }
    const timer = setTimeout(() => {
      inTime = false;
      // Its process 1, with which all others go. Killing systemd-nspawn would leave them running.
      const children = readFileSync(`/proc/${nspawn.pid}/task/${nspawn.pid}/children`, "utf8");
      for (const pid of children.trim().split(" ")) process.kill(Number(pid), "SIGKILL");
    }, seconds * 1000);
    nspawn.on("error", reject);
    nspawn.on("close", () => {
      clearTimeout(timer);
      resolve({ inTime, console });
    });
  });
}

/** Another machine by its id, and of what is installed here nothing that starts by itself. */
function emptySystem(root: string): void {
  for (const path of ["etc/machine-id", "var/lib/dbus/machine-id"]) {
    rmSync(join(root, path), { force: true });
  }
  run("systemd-machine-id-setup", [`--root=${root}`]);
  const units = join(root, "etc/systemd/system");
  for (const folder of [units, join(root, "etc/systemd/user")]) {
    run("find", [folder, "-mindepth", "2", "-path", "*.wants/*", "-delete"]);
  }
  writeFileSync(join(units, "probe.target"), PROBE_TARGET);
  writeFileSync(join(units, "probe.service"), PROBE_SERVICE);
  mkdirSync(join(units, "emergency.service.d"), { recursive: true });
  writeFileSync(join(units, "emergency.service.d/probe.conf"), EMERGENCY);
}

function sectionsOf(text: string): Map<string, string> {
  const parts = `\n${text}`.split(/\n@@ /).slice(1);
  return new Map(
    parts.map((part) => {
      const end = part.indexOf("\n");
      return end < 0 ? [part, ""] : [part.slice(0, end), part.slice(end + 1).trimEnd()];
    }),
  );
}
