/** A user's own systemd: the daemon in the user's session, a watched folder, and logging out. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { demoImage } from "../../daemon/bootstrap/demo-image.mjs";
import type { Finding } from "../../daemon/doctor/finding.js";
import type { MountInfo } from "../../daemon/rpc/protocol.js";
import { program } from "../support/isomount.js";
import { type Booted, boot, nspawnMissing } from "../support/nspawn.js";
import { scratch } from "../support/tools.js";

if (nspawnMissing !== undefined) console.log(`skipped: ${nspawnMissing}`);

const folder = scratch("systemd-user");
const node = process.execPath;

const SCRIPT = `
alice() { setpriv --reuid 1234 --regid 1234 --init-groups env --chdir=/home/alice HOME=/home/alice XDG_RUNTIME_DIR=/run/user/1234 "$@"; }
export -f alice
state() { alice systemctl --user show --property=ActiveState --value "$@"; }
mounts() { grep -c '/home/alice.*fuse.isomount' /proc/mounts; }
chmod 666 /dev/fuse
systemctl start user@1234.service

section install; alice ${node} ${program} daemon install --user; state isomountd.socket isomountd.service | xargs
section verify
for unit in isomountd.socket isomountd.service isomount@x.service isomount-watch@x.service; do
  alice systemd-analyze --user verify --man=no /home/alice/.config/systemd/user/$unit 2>&1 | grep -vc FileDescriptorStorePreserve
done | xargs
section root; isomount daemon install --user 2>&1; echo $?

section watch
alice mkdir "/home/alice/My Images"
alice cp /srv/source/FIRST.iso "/home/alice/My Images"
watch=isomount-watch@$(systemd-escape --path "/home/alice/My Images").service
alice systemctl --user start "$watch"
await alice cat /home/alice/Mounts/FIRST/hello.txt; alice cat /home/alice/Mounts/FIRST/hello.txt; echo
section watch.cgroup; alice systemctl --user show --property=MainPID --value isomountd.service | xargs -I{} cat /proc/{}/cgroup | tail -1
section watch.log; journalctl -b -o cat | grep '^mounted' 
section watch.root; cat /home/alice/Mounts/FIRST/hello.txt 2>&1
section list; alice ${node} ${program} list --json
section doctor; alice ${node} ${program} doctor --json
section kill
alice systemctl --user kill --signal=KILL isomountd.service
await bash -c '[ "$(alice systemctl --user show --property=NRestarts --value isomountd.service)" = 1 ]'
alice ${node} ${program} list --json
section kill.read; alice dd if=/home/alice/Mounts/FIRST/hello.txt iflag=direct status=none; echo
section watch.stop; alice systemctl --user stop "$watch"; mounts; await sh -c '! ls -d /home/alice/Mounts/FIRST'; ls /home/alice/Mounts | wc -l; state isomountd.service
section race; alice systemctl --user start "$watch"; await grep -q FIRST.iso /proc/mounts
alice systemctl --user kill --signal=KILL isomountd.service; time alice systemctl --user stop "$watch"; mounts
await sh -c '! ls -d /home/alice/Mounts/FIRST'; ls /home/alice/Mounts | wc -l

section unit; alice systemctl --user start "isomount@$(systemd-escape --path /srv/source/SECOND.iso).service"; alice cat /home/alice/Mounts/SECOND/hello.txt; echo
section unit.stop; alice systemctl --user kill --signal=KILL isomountd.service; alice systemctl --user stop "isomount@$(systemd-escape --path /srv/source/SECOND.iso).service"; mounts
section logout; alice systemctl --user start "$watch"; await grep -q FIRST.iso /proc/mounts; mounts
systemctl stop user@1234.service; mounts; ls /home/alice/Mounts | wc -l; ps -u 1234 -o args= | wc -l
`;

describe.skipIf(nspawnMissing !== undefined)("a user's systemd", () => {
  let machine: Booted;

  beforeAll(async () => {
    const source = join(folder, "source");
    mkdirSync(source);
    for (const label of ["FIRST", "SECOND"]) {
      const image = demoImage(label, { "hello.txt": `I am ${label}` }, new Date(0));
      writeFileSync(join(source, `${label}.iso`), image);
    }
    machine = await boot({
      share: { "/srv/source": source },
      prepare: [["useradd", "--create-home", "--uid", "1234", "alice"]],
      script: SCRIPT,
    });
  }, 90_000);

  const said = (section: string) => machine.sections.get(section);

  it("has units that systemd-analyze finds nothing wrong with", () => {
    expect(said("install")!.split("\n").at(-1)).toBe("active inactive");
    expect(said("verify")).toBe("0 0 0 0");
    expect(said("root")).toMatch(/root's daemon is the system's.*\n1$/);
  });

  it("mounts what appears in a watched folder, by the daemon's own service", () => {
    expect(said("watch")).toBe("I am FIRST");
    expect(said("watch.cgroup")).toMatch(/\/user@1234\.service\/.*\/isomountd\.service$/);
    expect(said("watch.log")).toBe(
      "mounted /home/alice/My Images/FIRST.iso on /home/alice/Mounts/FIRST",
    );
    expect(said("watch.root")).toContain("Permission denied");
    expect(JSON.parse(said("list")!)).toMatchObject([{ sandboxed: true, uid: 1234 }]);
  });

  it("has nothing that the doctor would mend, but what an administrator may not want", () => {
    const findings: Finding[] = JSON.parse(said("doctor")!);
    const lacking = findings.filter(({ verdict }) => verdict !== "ok");
    expect(lacking.filter(({ subject }) => subject !== "user_allow_other")).toEqual([]);
    expect(findings.map(({ subject }) => subject)).toContain("bubblewrap");
  });

  it("serves on after everything was killed", () => {
    const list: MountInfo[] = JSON.parse(said("kill")!);
    // Nobody needs to have asked for anything yet.
    const state = expect.stringMatching(/^(serving|asleep)$/);
    expect(list).toMatchObject([{ mountpoint: "/home/alice/Mounts/FIRST", state }]);
    expect(said("kill.read")).toBe("I am FIRST");
  });

  it("unmounts what was watched when nobody watches any more", () => {
    expect(said("watch.stop")).toBe("0\n0\nactive");
    // The daemon was killed in the same moment: neither waits for the other.
    expect(
      said("race")!
        .split("\n")
        .filter((line) => /^\d+$/.test(line)),
    ).toEqual(["0", "0"]);
    expect(said("race")).toMatch(/^real\t0m[0-9]\./m);
  });

  it("mounts an image as a service", () => {
    expect(said("unit")).toBe("I am SECOND");
    expect(said("unit.stop")).toBe("0");
  });

  it("leaves nothing behind at logout", () => {
    expect(said("logout")).toBe("1\n0\n0\n0");
  });
});
