/** The daemon as a service: its configuration, and the socket for a group. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { buildIso, folder as directory, file } from "../fixtures/iso9660/iso-builder.js";
import { program } from "../support/isomount.js";
import { type Booted, boot, nspawnMissing } from "../support/nspawn.js";
import { scratch } from "../support/tools.js";

if (nspawnMissing !== undefined) console.log(`skipped: ${nspawnMissing}`);

const folder = scratch("systemd-configuration");

const SCRIPT = `
state() { systemctl show --property=ActiveState --value "$@"; }
main_pid() { systemctl show -P MainPID isomountd.service; }
journal() { journalctl -b -o cat -u isomountd.service; }
member() { setpriv --reuid=1 --regid=1 --groups="$(getent group isomount | cut -d: -f3)" -- "$@"; }
stranger() { setpriv --reuid=2 --regid=2 --clear-groups -- "$@"; }
system() { "$1" env HOME=/srv/home ${process.execPath} ${program} --system "\${@:2}"; }
isomount() { ${process.execPath} ${program} "$@"; }
install -d -o 1 -g 1 /srv/home /srv/home/mnt

section reload; isomount list; old=$(main_pid); echo 'log-level = "debug"' > /etc/isomountd.toml
systemctl reload isomountd.service; echo $?; isomount list
[ "$(main_pid)" = "$old" ] && state isomountd.service; journal | grep -c '^list by user 0 '

section reload.bad; echo 'log-level = "loud"' > /etc/isomountd.toml; systemctl reload isomountd.service 2>/dev/null; echo $?
[ "$(main_pid)" = "$old" ] && state isomountd.service; await sh -c 'journalctl -b -o cat | grep "stays as it was"'; journal | grep 'stays as it was'
section reload.priority; journalctl -b -o cat -p err -u isomountd.service | grep -c 'stays as it was'

section start.bad; mkdir /srv/kept; isomount /srv/source/disc.iso /srv/kept
systemctl restart isomountd.service; echo $?; state isomountd.service
timeout 20 ${process.execPath} ${program} list; echo $?; sleep 1
journal | grep -c '^isomountd: /etc/isomountd.toml: log-level = "loud" is wrong'; cat /srv/kept/a.txt

section start.priority; journalctl -b -o cat -p err -u isomountd.service | grep -c '^isomountd: /etc/isomountd.toml: log-level'; isomount doctor --json | grep -c 'log-level = ."loud." is wrong'
section start.good; rm /etc/isomountd.toml; isomount list --quiet; state isomountd.service

section group.none; system stranger list; echo $?
groupadd --system isomount
systemctl enable --quiet isomountd-group.socket
systemctl restart isomountd.service isomountd-group.socket; echo $?
section group.socket; stat -c '%U %G %a' /run/isomountd.sock; isomount list --quiet; cat /srv/kept/a.txt
section group.member; system member /srv/source/disc.iso /srv/home/mnt; cat /srv/home/mnt/a.txt; system member umount /srv/kept; echo $?; system member umount /srv/home/mnt; echo $?
section group.stranger; system stranger list; echo $?
section group.activation; isomount umount /srv/kept; systemctl stop isomountd.service 2>/dev/null; state isomountd.service
system member list; state isomountd.service
section group.other; echo 'group = 2' > /etc/isomountd.toml; systemctl reload isomountd.service; await sh -c '[ "$(journalctl -b -o cat | grep -c "was read again")" -ge 2 ]'
chmod 666 /run/isomountd.sock; system member list >/dev/null 2>&1; echo $?; system stranger list
`;

describe.skipIf(nspawnMissing !== undefined)("the daemon's configuration under systemd", () => {
  let machine: Booted;
  const said = (section: string) => machine.sections.get(section);

  beforeAll(async () => {
    const source = join(folder, "source");
    mkdirSync(source);
    const disc = buildIso(directory("", [file("A.TXT;1", "a\n")]));
    writeFileSync(join(source, "disc.iso"), disc);
    machine = await boot({
      share: { "/srv/source": source },
      prepare: [[process.execPath, program, "daemon", "install"]],
      script: SCRIPT,
      seconds: 90,
    });
  }, 120_000);

  it("is read again by systemctl reload, which waits for that", () => {
    expect(said("reload")).toBe("nothing is mounted\n0\nnothing is mounted\nactive\n1");
  });

  it("stays as it was where the file has become wrong", () => {
    expect(said("reload.bad")).toMatch(
      /^1\nactive\nthe configuration stays as it was: \/etc\/isom/,
    );
  });

  it("that is wrong keeps the daemon from starting, once for each who asks, and harms no mount", () => {
    const [restarted, state, , listed, starts, content] = said("start.bad")!
      .split("\n")
      .filter((line) => !/^(Job|See) /.test(line));
    expect({ restarted, state, listed, content }).toEqual({
      restarted: "1",
      state: "failed",
      listed: "2",
      content: "a",
    });
    expect(Number(starts)).toBeLessThanOrEqual(4);
    // Found by who looks for errors only, and by the doctor.
    expect(said("start.priority")).toBe(`${starts}\n1`);
    expect(said("start.good")).toBe("/srv/kept\nactive");
  });

  it("lets a group in by a socket of systemd's", () => {
    expect(said("group.none")).toContain("serves no group");
    expect(said("group.socket")).toBe("root isomount 660\n/srv/kept\na");
    const [content, denied, status, unmounted] = said("group.member")!.split("\n");
    expect({ content, status, unmounted }).toEqual({ content: "a", status: "32", unmounted: "0" });
    expect(denied).toContain("was mounted by another user");
    expect(said("group.stranger")).toMatch(/permission denied.*\n2$/);
    expect(said("group.activation")).toBe("inactive\nnothing is mounted\nactive");
    // Another group's members, whoever the socket's file lets in.
    expect(said("group.other")).toBe("2\nnothing is mounted");
  });
});
