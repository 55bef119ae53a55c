/**
 * The daemon as a service: started by its socket, watched by the watchdog, its mounts kept by the
 * file descriptor store, and all the while somebody reads from one of them.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import type { MountInfo } from "../../daemon/rpc/protocol.js";
import { program } from "../support/isomount.js";
import { type Booted, boot, nspawnMissing } from "../support/nspawn.js";
import { run, scratch } from "../support/tools.js";

if (nspawnMissing !== undefined) console.log(`skipped: ${nspawnMissing}`);

const folder = scratch("systemd-daemon");
const MEBIBYTES = 8;

const SHORT_WATCHDOG = `[Service]
WatchdogSec=2s
`;

const SCRIPT = `
state() { systemctl show --property=ActiveState --value "$@"; }
main_pid() { systemctl show -P MainPID isomountd.service; }
kept() { systemctl show -P NFileDescriptorStore isomountd.service; }
# The daemon that was there is gone, and another one answers.
replaced() { await another "$1" && timeout 10 bash -c isomount\\ list >/dev/null && echo yes; }
another() { local now=$(main_pid); [ "$now" != 0 ] && [ "$now" != "$1" ] && [ "$(state isomountd.service)" = active ]; }
export -f state main_pid another
mounted() { grep -c '/run/media.*fuse.isomount' /proc/mounts; }

# Past the page cache, so that every byte is asked of the server; until it is told to stop.
reader() {
  local passes=0
  until [ -e /run/enough ]; do
    dd if=/srv/data/data iflag=direct bs=128k status=none | cmp - /srv/source/data && passes=$((passes + 1))
    sleep 0.02
  done
  echo "$passes passes"
}

section activation.before; state isomountd.service isomountd.socket | xargs
section activation.after; isomount list --json; state isomountd.service
section kept.none; kept

section mount; mkdir /srv/data; isomount /srv/source/data.iso /srv/data; isomount list --json
section kept.one; kept
# The service has filters of its own, which its servers inherit.
filters() { sed -n 's/^Seccomp_filters:\\s*//p' /proc/$1/status; }
section filters; filters $(main_pid); filters $(isomount list --json | sed -n 's/.*"pid": \\([0-9]*\\).*/\\1/p')
section status; systemctl show -P StatusText isomountd.service
reader > /run/reader 2>&1 &

section restart; old=$(main_pid); systemctl restart isomountd.service; replaced $old
section own-restart; old=$(main_pid); isomount daemon restart >/dev/null; replaced $old
section kill; old=$(main_pid); systemctl kill --signal=KILL --kill-who=main isomountd.service; replaced $old
section watchdog; old=$(main_pid); kill -STOP $old; replaced $old; journalctl -b -o cat -u isomountd.service | grep -ci 'watchdog timeout'
section kill.all; old=$(main_pid); systemctl kill --signal=KILL isomountd.service; replaced $old; isomount list --json
section kill.often; for i in 1 2 3; do old=$(main_pid); systemctl kill --signal=KILL isomountd.service; await another $old || echo "no daemon after $i"; done; state isomountd.service

touch /run/enough; wait
section reader; cat /run/reader
section kept.end; kept; umount /srv/data; await sh -c '[ "$(systemctl show -P NFileDescriptorStore isomountd.service)" = 0 ]'; kept

section second; ${process.execPath} ${program.replace(/isomount\.js$/, "isomountd.js")}; echo $?

section stop.before; isomount /srv/source/data.iso; mounted
exec 9< /run/media/root/DATA/data
section stop; systemctl stop isomountd.service; mounted; ls -d /run/media/root/DATA; state isomountd.service
section stop.reader; cmp - /srv/source/data <&9 && echo same
exec 9<&-
section stop.servers; await bash -c '! pgrep -f dist/[s]erver.js'; pgrep -fc dist/[s]erver.js
section start; isomount list --json; state isomountd.service
`;

describe.skipIf(nspawnMissing !== undefined)("the daemon under systemd", () => {
  let machine: Booted;

  beforeAll(async () => {
    const source = join(folder, "source");
    mkdirSync(source);
    const data = Buffer.alloc(MEBIBYTES * 2 ** 20);
    for (let i = 0; i < data.length; i += 4) data.writeUInt32LE(i, i);
    writeFileSync(join(source, "data"), data);
    const image = join(folder, "data.iso");
    run("xorriso", ["-outdev", image, "-volid", "DATA", "-map", source, "/", "-commit"]);
    run("mv", [image, source]);
    machine = await boot({
      files: { "/etc/systemd/system/isomountd.service.d/watchdog.conf": SHORT_WATCHDOG },
      share: { "/srv/source": source },
      prepare: [[process.execPath, program, "daemon", "install"]],
      script: SCRIPT,
      seconds: 90,
    });
  }, 120_000);

  const said = (section: string) => machine.sections.get(section);

  it("is started by the first to connect, and says that it is ready", () => {
    expect(said("activation.before")).toBe("inactive active");
    expect(said("activation.after")).toBe("[]\nactive");
    expect(said("status")).toBe("1 image mounted");
  });

  it("lets servers put themselves behind a filter of their own", () => {
    const [daemon, server] = said("filters")!.split("\n").map(Number);
    expect(daemon).toBeGreaterThan(0);
    expect(server).toBeGreaterThan(daemon);
  });

  it.each([
    ["systemctl restart", "restart"],
    ["isomount daemon restart", "own-restart"],
    ["SIGKILL", "kill"],
    ["the watchdog, when it hangs", "watchdog"],
  ])("is replaced by %s", (_, section) => {
    expect(said(section)!.split("\n")[0]).toBe("yes");
  });

  it("was killed by the watchdog, and not before it hung", () => {
    expect(said("watchdog")).toBe("yes\n1");
  });

  it("finds its mounts in the descriptor store when everything was killed at once", () => {
    const before: MountInfo[] = JSON.parse(said("mount")!);
    const [replaced, ...list] = said("kill.all")!.split("\n");
    const [after]: MountInfo[] = JSON.parse(list.join("\n"));
    expect(replaced).toBe("yes");
    const { id, mountpoint, label } = before[0];
    const state = expect.stringMatching(/^(serving|asleep)$/);
    expect(after).toMatchObject({ id, mountpoint, label, state, sandboxed: true });
    expect(after.pid).not.toBe(before[0].pid);
  });

  it("is started however often it dies", () => {
    expect(said("kill.often")).toBe("active");
  });

  it("was not noticed by the one who read meanwhile", () => {
    expect(said("reader")).toMatch(/^[1-9]\d* passes$/);
  });

  it("leaves nothing in the store", () => {
    expect(said("kept.none")).toBe("0");
    expect(Number(said("kept.one"))).toBeGreaterThanOrEqual(2);
    expect(said("kept.end")).toBe(`${said("kept.one")}\n0`);
  });

  it("refuses to run twice", () => {
    expect(said("second")).toBe(
      "isomountd: already running: another isomountd serves /run/isomount\n1",
    );
  });

  it("unmounts everything when it is stopped for good, and lets who reads read on", () => {
    expect(said("stop.before")).toBe("/run/media/root/DATA\n1");
    const lines = said("stop")!.split("\n");
    expect(lines).toContain("0");
    expect(lines.at(-1)).toBe("inactive");
    expect(said("stop")).toContain("cannot access '/run/media/root/DATA'");
    expect(said("stop.reader")).toBe("same");
    expect(said("stop.servers")).toBe("0");
    expect(said("start")).toBe("[]\nactive");
  });
});
