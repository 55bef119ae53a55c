/**
 * `npm run torture:uml -- MINUTES KILLS`: the torture on Linux 6.1, whose kernel cannot send requests
 * again (FUSE_NOTIFY_RESEND came with 6.9). Boots User-Mode Linux (Debian's user-mode-linux) on this
 * machine's own files, which it sees read-only, and runs test/torture/run.ts there.
 */
import { spawn } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { program } from "../support/isomount.js";

const project = resolve(fileURLToPath(import.meta.url), "../../..");
const [minutes = 5, minKills = 200] = process.argv.slice(2).map(Number);
/** It is slower than this machine by far: more readers would leave the servers no time. */
const IMAGES = 3;
/** What takes a second takes several there: with less between the strokes nobody would get to read. */
const SLOWNESS = 3;
/** Booting, making images, the last answers, and kills after the time; no run takes longer. */
const REST_SECONDS = 900;
const MEMORY = "2G";

const folder = mkdtempSync(join(tmpdir(), "isomount-uml-"));
const init = join(folder, "init");
/** Through hostfs, like everything: the other's /tmp is its own. */
const outside = "/run/outside";

/** What process 1 does there. Nothing of this machine can be written but `folder`. */
const script = `#!/bin/bash
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/tmp
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t tmpfs tmpfs /tmp
mount -t tmpfs tmpfs /run
mount -t tmpfs -o mode=755 tmpfs /dev
mkdir ${outside} /dev/shm
mount -t hostfs -o ${folder} hostfs ${outside}
for device in "null 1 3" "zero 1 5" "full 1 7" "random 1 8" "urandom 1 9" "tty 5 0" "fuse 10 229"; do
  set -- $device
  mknod -m 666 /dev/$1 c $2 $3
done
ln -s /proc/self/fd /dev/fd
# Built in with some kernels.
modprobe --quiet fuse || insmod /usr/lib/uml/modules/$(uname -r)/kernel/fs/fuse/fuse.ko
cd ${project}
export ISOMOUNT_DIST=${dirname(program)}
${process.execPath} --import tsx test/torture/run.ts ${minutes} ${minKills} ${IMAGES} ${SLOWNESS} >${outside}/output 2>&1 </dev/null
echo $? >${outside}/status
echo "Linux $(uname -r)" >${outside}/kernel
# Power off.
echo o >/proc/sysrq-trigger
sleep 60
`;

async function boot(): Promise<string> {
  let console = "";
  const machine = spawn(
    "linux.uml",
    [
      `mem=${MEMORY}`,
      "root=/dev/root",
      "rootfstype=hostfs",
      "rootflags=/",
      "ro",
      `init=${init}`,
      "con0=null,fd:1",
      "con=null",
      "quiet",
    ],
    // Its memory is a file, in $TMPDIR.
    { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, TMPDIR: folder } },
  );
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => machine.kill("SIGKILL"));
  }
  for (const stream of [machine.stdout, machine.stderr]) {
    stream.setEncoding("utf8").on("data", (text) => {
      console += text;
    });
  }
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => machine.kill("SIGKILL"), (minutes * 60 + REST_SECONDS) * 1000);
    machine.on("error", (error) => {
      clearTimeout(timer);
      reject(error);
    });
    machine.on("close", () => {
      clearTimeout(timer);
      resolve();
    });
  });
  return console;
}

function written(name: string): string {
  const path = join(folder, name);
  return existsSync(path) ? readFileSync(path, "utf8") : "";
}

writeFileSync(init, script);
chmodSync(init, 0o755);
try {
  const console = await boot();
  process.stdout.write(written("output"));
  const status = written("status").trim();
  if (status === "") throw new Error(`the machine ended without a result:\n${console}`);
  process.stderr.write(written("kernel"));
  process.exitCode = Number(status);
} catch (error) {
  const isMissing = (error as NodeJS.ErrnoException).code === "ENOENT";
  const text = isMissing ? "linux.uml is not installed: apt-get install user-mode-linux" : error;
  process.stderr.write(`${text}\n`);
  process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
