/** Timing whole commands and sizing whole processes. */
import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** Seconds that a command takes. Throws if it fails. */
export function seconds(program: string, parameters: string[]): number {
  const start = process.hrtime.bigint();
  const { status, stderr } = spawnSync(program, parameters, {
    stdio: ["ignore", "ignore", "pipe"],
    timeout: 600_000,
  });
  const elapsed = Number(process.hrtime.bigint() - start) / 1e9;
  if (status !== 0) throw new Error(`${program} ${parameters.join(" ")}: ${status}: ${stderr}`);
  return elapsed;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

/** Operations a second of 4 KiB random reads that bypass the page cache of the mount. */
export function randomReads(file: string, jobs: number, runSeconds: number): number {
  const output = execFileSync(
    "fio",
    [
      ...["--name=random", `--filename=${file}`, "--rw=randread", "--bs=4k", "--readonly"],
      ...["--direct=1", "--ioengine=psync", `--numjobs=${jobs}`, "--group_reporting"],
      ...["--time_based", `--runtime=${runSeconds}`, "--randseed=7", "--output-format=json"],
    ],
    { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] },
  );
  return JSON.parse(output).jobs[0].read.iops as number;
}

/** Drops what the kernel cached of one file of a mount, and nothing else. */
export function forget(file: string): void {
  const code = "import os,sys;f=os.open(sys.argv[1],os.O_RDONLY);os.posix_fadvise(f,0,0,4)";
  execFileSync("python3", ["-c", code, file]);
}

/** MiB from /proc/PID/smaps_rollup: private pages (USS), and all resident ones. */
export function memory(pid: number): { private: number; resident: number } {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  const kib = (name: string) => Number(new RegExp(`^${name}: +(\\d+)`, "m").exec(text)?.[1] ?? 0);
  return {
    private: (kib("Private_Clean") + kib("Private_Dirty")) / 1024,
    resident: kib("Rss") / 1024,
  };
}

/** The most that a process ever had resident, in MiB. */
export function peakMemory(pid: number): number {
  const text = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/^VmHWM:\s+(\d+)/m.exec(text)?.[1] ?? 0) / 1024;
}

/** Seconds of processor time that a process has spent so far, in itself and for it in the kernel. */
export function processorTime(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / CLOCK_TICKS;
}

/** USER_HZ, which is the same on every Linux that Node runs on. */
const CLOCK_TICKS = 100;

/** Reads every 4 KiB block of a file once, in random order, past the page cache of the mount. */
export function everyBlockAtRandom(file: string): void {
  execFileSync(
    "fio",
    [
      ...["--name=all", `--filename=${file}`, "--rw=randread", "--bs=4k", "--readonly"],
      ...["--direct=1", "--ioengine=psync", "--randseed=7"],
    ],
    { stdio: "ignore" },
  );
}

/** Into the page cache: the servers are measured, not the disk. */
export function warm(image: string): void {
  execFileSync("cat", [image], { stdio: ["ignore", "ignore", "ignore"] });
}
