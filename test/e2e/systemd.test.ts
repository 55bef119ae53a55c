/** A machine whose systemd keeps the daemon: units, fstab at boot, automount, images as services. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import type { Finding } from "../../daemon/doctor/finding.js";
import type { MountInfo } from "../../daemon/rpc/protocol.js";
import { program } from "../support/isomount.js";
import { type Booted, boot, nspawnMissing } from "../support/nspawn.js";
import { run, scratch } from "../support/tools.js";

if (nspawnMissing !== undefined) console.log(`skipped: ${nspawnMissing}`);

const folder = scratch("systemd");
const HELLO = "hello from the image";
const node = process.execPath;

function image(label: string): void {
  const source = join(folder, label);
  mkdirSync(source);
  writeFileSync(join(source, "hello"), `${HELLO}\n`);
  const file = join(folder, `${label}.iso`);
  run("xorriso", ["-outdev", file, "-volid", label, "-map", source, "/", "-commit"]);
}

const FSTAB = `
/srv/images/BOOT.iso     /srv/boot     isomount  ro,uid=5,fsname=boot\\040disk                     0 0
/srv/images/missing.iso  /srv/missing  isomount  ro,nofail                                       0 0
/srv/images/AUTO.iso     /srv/auto     isomount  noauto,x-systemd.automount,x-systemd.idle-timeout=1s  0 0
`;

const SRV_UNIT_MOUNT = `[Mount]
What=/srv/images/UNIT.iso
Where=/srv/unit
Type=isomount
Options=view=iso9660,mode=0444
`;

const PHOTOS = `
image = "/srv/images/PHOTOS.iso"
mountpoint = "/srv/deep/photos"
[options]
uid = 1234
view = "iso9660"
`;

/** Named as people name things, and by paths that the kernel lists otherwise. */
const ALBUM = `
image = "/srv//images/../images/PHOTOS.iso"
mountpoint = "/var/run/álbum $HOME/"
options = "uid=1235"
`;

const SCRIPT = `
state() { systemctl show --property=ActiveState --value "$@"; }

section boot.state; state srv-boot.mount
section boot.hello; cat /srv/boot/hello
section boot.local-fs; systemctl is-active local-fs.target
section boot.daemon; state isomountd.service; state isomountd.socket
section boot.missing; state srv-missing.mount; journalctl -b -o cat -u srv-missing.mount
section boot.cgroup; cat /proc/$(systemctl show -P MainPID isomountd)/cgroup | tail -1; systemctl show -P ControlGroup srv-boot.mount

section namespace
for pid in 1 $(systemctl show -P MainPID isomountd); do readlink /proc/$pid/ns/mnt; done | uniq -c | xargs

section list; isomount list --json
section doctor; isomount doctor --json
section verify
for unit in isomountd.socket isomountd.service isomount@x.service; do
  systemd-analyze verify --man=no $unit 2>&1 | grep -vc FileDescriptorStorePreserve
done | xargs

section mount; mkdir /srv/by-hand; mount -t isomount -o mode=0440 /srv/images/HAND.iso /srv/by-hand && stat -c %a /srv/by-hand/hello
section noexec; findmnt -n -o OPTIONS /srv/by-hand | grep -c noexec; umount /srv/by-hand
mount -t isomount -o noexec /srv/images/HAND.iso /srv/by-hand; findmnt -n -o OPTIONS /srv/by-hand | grep -c noexec
section all; mount -a -t isomount; echo $?; isomount list --quiet | grep -c boot
section remount; mount -o remount /srv/boot; echo $?; systemctl reload srv-boot.mount; echo $?; cat /srv/boot/hello
section remount.none; mount -t isomount -o remount /srv/images/HAND.iso /srv; echo $?
section umount; umount /srv/by-hand && await sh -c '! grep -q by-hand /proc/mounts' && isomount list --quiet | grep -c by-hand
section stray; mount -t isomount -o frobnicate /srv/images/HAND.iso /srv/by-hand; echo $?

section auto.before; state srv-auto.mount; grep -c AUTO.iso /proc/mounts
section auto.touch; cat /srv/auto/hello
section auto.after; state srv-auto.mount
section auto.expired; await sh -c '! grep -q AUTO.iso /proc/mounts'; state srv-auto.mount srv-auto.automount
section auto.again; cat /srv/auto/hello

section unit.start; systemctl start srv-unit.mount; stat -c %a /srv/unit/hello
section unit.stop; systemctl stop srv-unit.mount; state srv-unit.mount; grep -c UNIT.iso /proc/mounts

section photos.start; systemctl start isomount@photos.service; stat -c %u /srv/deep/photos/hello; state isomount@photos.service
section photos.stop; systemctl stop isomount@photos.service; grep -c PHOTOS.iso /proc/mounts
section album.start; systemctl start "isomount@$(systemd-escape 'mi álbum')"; stat -c %u '/run/álbum $HOME/hello'
section album.restart; systemctl restart "isomount@$(systemd-escape 'mi álbum')"; echo $?
section album.stop; systemctl stop "isomount@$(systemd-escape 'mi álbum')"; grep -c PHOTOS.iso /proc/mounts
section dollar; systemctl start "isomount@$(systemd-escape --path '/srv/images/a $HOME \${HOME}.iso')"; cat /run/media/root/DOLLAR/hello; isomount umount /run/media/root/DOLLAR
section escaped.start
instance=isomount@$(systemd-escape --path "/srv/images/with space-and-dash.iso").service
systemctl start "$instance"; cat /run/media/root/SPACE/hello
section escaped.other; isomount "/srv/images/with space-and-dash.iso"; isomount daemon restart >/dev/null
section escaped.stop; systemctl stop "$instance"; await sh -c '! ls -d /run/media/root/SPACE'; ls -d /run/media/root/SPACE; cat "/run/media/root/SPACE 2/hello"
section escaped.gone; cp "/srv/images/with space-and-dash.iso" /srv/gone.iso; systemctl start isomount@srv-gone.iso; rm /srv/gone.iso; systemctl stop isomount@srv-gone.iso; systemctl is-failed isomount@srv-gone.iso; grep -c gone.iso /proc/mounts; ls /run/isomount | grep -c ^unit-srv-gone; isomount umount "/run/media/root/SPACE 2"
section neither; systemctl start isomount@nothing.service 2>/dev/null; journalctl -b -o cat -u isomount@nothing.service | grep isomount:

section again; isomount daemon install
section uninstall.busy; isomount daemon uninstall 2>&1; echo $?
section uninstall; umount /srv/boot; systemctl stop srv-auto.automount; await sh -c '! grep -q "/srv/.*fuse.isomount" /proc/mounts'; isomount daemon uninstall; ls /sbin/mount.isomount /etc/systemd/system/isomount* 2>&1 | grep -vc 'cannot access'
section journal; journalctl -b -o cat -u isomountd.service
`;

describe.skipIf(nspawnMissing !== undefined)("a machine with systemd", () => {
  let machine: Booted;

  beforeAll(async () => {
    for (const label of ["BOOT", "AUTO", "UNIT", "PHOTOS", "HAND", "SPACE", "DOLLAR"]) image(label);
    run("mv", [join(folder, "DOLLAR.iso"), join(folder, "a $HOME $\u007bHOME}.iso")]);
    run("mv", [join(folder, "SPACE.iso"), join(folder, "with space-and-dash.iso")]);
    machine = await boot({
      files: {
        "/etc/fstab": FSTAB,
        "/etc/systemd/system/srv-unit.mount": SRV_UNIT_MOUNT,
        "/etc/isomount/photos.toml": PHOTOS,
        "/etc/isomount/mi álbum.toml": ALBUM,
        "/srv/images/.keep": "",
      },
      share: { "/srv/images": folder },
      prepare: [[node, program, "daemon", "install"]],
      script: SCRIPT,
    });
  }, 90_000);

  const said = (section: string) => machine.sections.get(section);

  it("mounts a line of fstab at boot, by the daemon that the socket started", () => {
    expect(said("boot.hello")).toBe(HELLO);
    expect(said("boot.state")).toBe("active");
    expect(said("boot.daemon")).toBe("active\nactive");
    const mounted: MountInfo[] = JSON.parse(said("list")!);
    expect(mounted).toMatchObject([
      { image: "/srv/images/BOOT.iso", mountpoint: "/srv/boot", sandboxed: true, restarts: 0 },
    ]);
  });

  it("comes up all the same when an image with nofail is missing", () => {
    expect(said("boot.local-fs")).toBe("active");
    expect(machine.sections.has("emergency")).toBe(false);
    expect(said("boot.missing")).toMatch(/^failed\n/);
    expect(said("boot.missing")).toContain(
      "isomount: cannot open /srv/images/missing.iso: it does not exist",
    );
  });

  it("keeps the daemon out of the mount's unit, and in everybody's mount namespace", () => {
    const [daemon, mount] = said("boot.cgroup")!.split("\n");
    expect(daemon).toMatch(/\/system\.slice\/isomountd\.service$/);
    expect(mount).toBe("/system.slice/srv-boot.mount");
    expect(said("namespace")).toMatch(/^2 mnt:\[\d+\]$/);
  });

  it("has units that systemd-analyze finds nothing wrong with", () => {
    expect(said("verify")).toBe("0 0 0");
  });

  it("has nothing that the doctor would mend", () => {
    const findings: Finding[] = JSON.parse(said("doctor")!);
    expect(findings.filter(({ verdict }) => verdict !== "ok")).toEqual([]);
    expect(findings).toContainEqual(
      expect.objectContaining({ subject: "systemd", found: expect.stringContaining("every boot") }),
    );
  });

  it("mounts by mount -t isomount and unmounts by umount", () => {
    expect(said("mount")).toBe("440");
    expect(said("umount")).toBe("0");
    expect(said("stray")).toMatch(/unknown option 'frobnicate'.*\n1$/);
  });

  it("lets no program be run where it is told so", () => {
    expect(said("noexec")).toBe("0\n1");
  });

  it("mounts nothing twice for mount -a, and bears mount -o remount", () => {
    const lacks = "isomount: cannot open /srv/images/missing.iso: it does not exist";
    expect(said("all")).toBe(`${lacks}\n0\n1`);
    const [warning, ...rest] = said("remount")!.split("\n");
    expect(warning).toContain("/srv/boot stays as it was mounted");
    expect(rest).toEqual(["0", "0", HELLO]);
    expect(said("remount.none")).toMatch(/\/srv cannot be remounted: it is not mounted\n32$/);
  });

  it("mounts at first touch, unmounts when idle, and mounts again", () => {
    expect(said("auto.before")).toBe("inactive\n0");
    expect(said("auto.touch")).toBe(HELLO);
    expect(said("auto.after")).toBe("active");
    expect(said("auto.expired")).toBe("inactive\n\nactive");
    expect(said("auto.again")).toBe(HELLO);
  });

  it("mounts by a .mount unit", () => {
    expect(said("unit.start")).toBe("444");
    expect(said("unit.stop")).toBe("inactive\n0");
  });

  it("mounts what a file in /etc/isomount says", () => {
    expect(said("photos.start")).toBe("1234\nactive");
    expect(said("photos.stop")).toBe("0");
  });

  it("finds and unmounts what is named in other letters, or by symlinks", () => {
    expect(said("album.start")).toBe("1235");
    expect(said("album.restart")).toBe("0");
    expect(said("album.stop")).toBe("0");
    expect(said("dollar")).toBe(HELLO);
  });

  it("mounts the image in an instance's name, and takes away the folder that it made", () => {
    expect(said("escaped.start")).toBe(HELLO);
    expect(said("escaped.other")).toBe("/run/media/root/SPACE 2");
    expect(said("escaped.stop")).toContain("No such file");
  });

  it("stops what an instance has mounted, and what others have mounted of that image goes on", () => {
    expect(said("escaped.stop")!.split("\n").at(-1)).toBe(HELLO);
    // Though the image is not there any more.
    expect(said("escaped.gone")).toBe("inactive\n0\n0");
  });

  it("has no instance of what is not there", () => {
    expect(said("neither")).toBe(
      "isomount: there is neither /etc/isomount/nothing.toml nor an image /nothing",
    );
  });

  it("installs once, and uninstalls without a trace, but not under what is mounted", () => {
    expect(said("again")).toBe("nothing to do");
    expect(said("uninstall.busy")).toMatch(/1 image is still mounted.*\n32$/);
    expect(said("uninstall")!.split("\n").slice(-2)).toEqual(["removed /sbin/mount.isomount", "0"]);
    expect(machine.log).not.toMatch(/isomountd\.service: (Failed|Killing|Main process exited)/);
  });
});
