/** What the doctor makes of a machine: each check over files and texts made for it. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  cpSync,
  mkdirSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";
import { configuration } from "../../../daemon/doctor/configuration.js";
import { daemonLog, daemonState } from "../../../daemon/doctor/daemon.js";
import { listeningFolders } from "../../../daemon/doctor/daemons.js";
import type { Finding } from "../../../daemon/doctor/finding.js";
import { allowOther, fuseDevice, fusermount } from "../../../daemon/doctor/fuse.js";
import { openFiles, pipes } from "../../../daemon/doctor/limits.js";
import { staleMounts } from "../../../daemon/doctor/mounts.js";
import { installCommand } from "../../../daemon/doctor/packages.js";
import { mountpointPlace, runtimePlace } from "../../../daemon/doctor/places.js";
import { renderFindings } from "../../../daemon/doctor/render.js";
import { fuseNative, kernel, koffi, nodeVersion } from "../../../daemon/doctor/runtime.js";
import { sandboxing, systemCallFilter } from "../../../daemon/doctor/sandbox.js";
import { mountHelper, systemHasUnits, units } from "../../../daemon/doctor/systemd.js";
import type { DaemonInfo, MountInfo } from "../../../daemon/rpc/protocol.js";
import type { SandboxPlan } from "../../../daemon/supervisor/sandbox.js";
import { parseMountinfo } from "../../../fs-adapter/mounting/mountinfo.js";
import { eventually, statusField } from "../../support/processes.js";
import { scratch } from "../../support/tools.js";

const folder = scratch("doctor");
const ROOT = true;
const USER = false;
let count = 0;

function newFolder(mode = 0o755): string {
  const path = join(folder, String(++count));
  mkdirSync(path);
  chmodSync(path, mode);
  return path;
}

/** A folder for $PATH with programs that do nothing. */
function programs(...names: string[]): string {
  const path = newFolder();
  for (const name of names) writeFileSync(join(path, name), "#!/bin/sh\n", { mode: 0o755 });
  return path;
}

function file(name: string, text: string): string {
  const path = join(newFolder(), name);
  writeFileSync(path, text);
  return path;
}

function expectFinding(finding: Finding, verdict: Finding["verdict"], found: string | RegExp) {
  expect(finding).toMatchObject({ verdict, found: expect.stringMatching(found) });
  // Whoever is told what is wrong is told what it costs and what to do.
  expect([finding.cost !== undefined, finding.remedy !== undefined]).toEqual(
    verdict === "ok" ? [false, false] : [true, true],
  );
}

describe("FUSE", () => {
  it("needs its device", () => {
    expectFinding(fuseDevice("/dev/null"), "ok", "can be opened");
    const missing = fuseDevice(join(folder, "none"));
    expectFinding(missing, "failure", "is not there");
    expect(missing.remedy).toContain("modprobe fuse");
    expectFinding(fuseDevice(folder), "failure", /./);
  });

  it("needs fusermount3 with root's rights, except for root", () => {
    const path = programs("fusermount3", "apt-get");
    expectFinding(fusermount(USER, path), "failure", "does not run with root's rights");
    expectFinding(fusermount(ROOT, path), "warning", "does not run with root's rights");
    chmodSync(join(path, "fusermount3"), 0o4755);
    expectFinding(fusermount(USER, path), "ok", "setuid root");
    const missing = fusermount(USER, programs("apt-get"));
    expectFinding(missing, "failure", "is not installed");
    expect(missing.remedy).toMatch(/^(sudo )?apt-get install fuse3$/);
  });

  it.each([
    ["user_allow_other\n", "ok"],
    ["# comment\n  user_allow_other  \nmount_max = 5\n", "ok"],
    ["#user_allow_other\n", "warning"],
    ["not_user_allow_other\n", "warning"],
    ["", "warning"],
  ] as const)("reads fuse.conf: %j", (text, verdict) => {
    const path = file("fuse.conf", text);
    expectFinding(allowOther(USER, path), verdict, verdict === "ok" ? "is set" : "is not set");
    expectFinding(allowOther(ROOT, path), "ok", /is (not )?set/);
  });

  it("does without fuse.conf", () => {
    expectFinding(allowOther(USER, join(folder, "none")), "warning", "is not set");
  });
});

describe("packages", () => {
  it.each([
    ["apt-get", "fuse3", "apt-get install fuse3"],
    ["dnf", "libfuse2", "dnf install fuse-libs"],
    ["pacman", "libfuse2", "pacman -S fuse2"],
    ["apk", "bubblewrap", "apk add bubblewrap"],
  ])("are installed by %s", (manager, name, command) => {
    expect(installCommand(name, programs(manager)).replace(/^sudo /, "")).toBe(command);
  });
});

describe("what runs us", () => {
  it.each([
    ["20.19.0", "ok"],
    ["24.1.0", "ok"],
    ["20.18.3", "failure"],
    ["18.20.0", "failure"],
  ] as const)("Node %s", (version, verdict) => {
    expectFinding(nodeVersion(version), verdict, version);
  });

  it.each([
    ["6.18.0-generic", "ok", "can resend"],
    ["6.1.0-18-amd64", "ok", "from 6.9 on"],
    ["6.10.2", "ok", "can resend"],
    ["5.4.0-150-generic", "failure", "older than 5.6"],
    ["4.19.0", "failure", "older than 5.6"],
  ] as const)("kernel %s", (version, verdict, found) => {
    expectFinding(kernel(version), verdict, found);
  });

  it("koffi", async () => {
    expectFinding(await koffi(), "ok", "loads");
    const broken = await koffi(() => Promise.reject(new Error("Cannot find koffi.node\nmore")));
    expectFinding(broken, "failure", /^does not load: Cannot find koffi\.node$/);
  });

  it("fuse-native", async () => {
    expectFinding(await fuseNative(folder, ""), "ok", "loads");
    const missing = await fuseNative(folder, 'console.error("Cannot find it"); process.exit(1)');
    expectFinding(missing, "warning", "does not load: Cannot find it");
    const lone = await fuseNative(folder, 'throw new Error("libfuse.so.2: cannot open shared")');
    expectFinding(lone, "warning", "there is no libfuse 2");
    expect(lone.remedy).toContain("fuse");
    const crash = await fuseNative(folder, 'process.kill(process.pid, "SIGSEGV")');
    expectFinding(crash, "warning", "does not load");
  });
});

describe("the sandbox", () => {
  const plan = (uid?: number): SandboxPlan => ({
    program: "",
    parameters: [],
    sandboxed: true,
    uid,
  });
  const works = { plan: plan(65534), plain: plan() };
  const fails = { ...works, missing: "it does not" };

  /** As /proc/sys has them. */
  function settings(values: Record<string, string>): string {
    const path = newFolder();
    for (const [name, value] of Object.entries(values)) {
      mkdirSync(join(path, name, ".."), { recursive: true });
      writeFileSync(join(path, name), `${value}\n`);
    }
    return path;
  }

  it("works, with less for root's code that nobody else may read", () => {
    expectFinding(sandboxing(works, ROOT), "ok", "makes sandboxes");
    expectFinding(sandboxing({ ...works, plan: plan() }, USER), "ok", "makes sandboxes");
    expectFinding(sandboxing({ ...works, plan: plan() }, ROOT), "warning", "keep root's id");
  });

  it("is not installed", () => {
    const finding = sandboxing(fails, USER, settings({}), programs("dnf"));
    expectFinding(finding, "warning", "is not installed");
    expect(finding.remedy).toMatch(/^(sudo )?dnf install bubblewrap$/);
  });

  it.each([
    [{ "kernel/apparmor_restrict_unprivileged_userns": "1" }, "AppArmor", "apparmor_parser -r"],
    [{ "kernel/unprivileged_userns_clone": "0" }, "for root alone", "unprivileged_userns_clone=1"],
    [{ "user/max_user_namespaces": "0" }, "none are allowed", "max_user_namespaces="],
    [{ "kernel/apparmor_restrict_unprivileged_userns": "0" }, "within containers", "bwrap"],
  ])("is not permitted: %j", (values, found, remedy) => {
    const finding = sandboxing(fails, USER, settings(values), programs("bwrap"));
    expectFinding(finding, "warning", found);
    expect(finding.remedy).toContain(remedy);
  });
});

describe("the system-call filter", () => {
  it("confines servers, or is not there for one of two reasons", () => {
    expectFinding(systemCallFilter(undefined), "ok", "confines servers");
    expectFinding(systemCallFilter("kernel"), "warning", "the kernel has none");
    expectFinding(systemCallFilter("architecture"), "warning", "not made for");
  });
});

describe("limits", () => {
  function limits(one: number, all: number): string {
    const path = newFolder();
    writeFileSync(join(path, "pipe-max-size"), `${one}\n`);
    writeFileSync(join(path, "pipe-user-pages-soft"), `${all}\n`);
    return path;
  }

  it("of pipes", () => {
    expectFinding(pipes(limits(1048576, 16384)), "ok", "256 for each user");
    expectFinding(pipes(limits(1048576, 0)), "ok", "as many as wanted");
    expectFinding(pipes(limits(65536, 16384)), "warning", "65536 bytes only");
    expectFinding(pipes(limits(1048576, 1024)), "warning", "room for 16");
  });

  it("of open files", () => {
    const line = (hard: string) =>
      `Limit  Soft Hard\nMax open files            1024   ${hard}   files\n`;
    expectFinding(openFiles(line("524288")), "ok", "524288");
    expectFinding(openFiles(line("unlimited")), "ok", "unlimited");
    expectFinding(openFiles(line("1024")), "warning", "1024");
  });
});

describe("folders", () => {
  it("for the socket must be one's own and closed", () => {
    expectFinding(runtimePlace(newFolder(0o700)), "ok", "closed to others");
    expectFinding(runtimePlace(join(newFolder(0o700), "run")), "ok", "will be made");
    const open = newFolder(0o755);
    const finding = runtimePlace(open);
    expectFinding(finding, "failure", "open to other users");
    expect(finding.remedy).toBe(`chmod 700 ${open}`);
    expectFinding(runtimePlace(join(folder, "x".repeat(100))), "failure", "too long");
    const link = join(newFolder(), "link");
    symlinkSync(open, link);
    expectFinding(runtimePlace(link), "failure", "is not a folder");
  });

  it("for mountpoints must be writable", () => {
    expectFinding(mountpointPlace(newFolder()), "ok", "are made in");
    expectFinding(mountpointPlace(join(newFolder(), "a/b")), "ok", "which will be made");
    // Not even root makes folders in a file.
    const inTheWay = file("Mounts", "");
    const finding = mountpointPlace(join(inTheWay, "a"));
    expectFinding(finding, "warning", "Mounts may not be written to");
    expect(finding.remedy).toContain(`install -d -o ${process.getuid!()} ${join(inTheWay, "a")}`);
  });
});

const info: DaemonInfo = {
  protocol: 1,
  version: "1.2.3",
  pid: 4711,
  since: 0,
  mounts: 1,
  runtimeFolder: "/run/a",
};

describe("the daemon", () => {
  it("need not run; what runs has to answer, and be of this version", () => {
    expectFinding(daemonState("/run/a", []), "ok", "does not run");
    const answers = [
      { folder: "/run/a", info, mounts: [] },
      { folder: "/run/b", mounts: [], problem: "it did not answer" },
    ];
    expectFinding(daemonState("/run/a", answers, "1.2.3"), "ok", "process 4711.* 1 mount$");
    expectFinding(
      daemonState("/run/a", answers, "1.2.4"),
      "warning",
      "this command is version 1.2.4",
    );
    expectFinding(daemonState("/run/b", answers), "failure", "does not answer: it did not answer");
  });

  it("that hangs is named by its process, since it cannot be asked to go", async () => {
    const path = newFolder();
    const lock = join(path, "isomountd.lock");
    const answers = [{ folder: path, mounts: [], problem: "it did not answer" }];
    expect(daemonState(path, answers).remedy).toBe("isomount daemon start");
    const holder = spawn("flock", [lock, "-c", "echo held; read x"]);
    await once(holder.stdout, "data");
    const { remedy } = daemonState(path, answers);
    holder.kill("SIGSTOP");
    await eventually("it is stopped", () => statusField(holder.pid!, "State").startsWith("T"));
    const { remedy: gentle } = daemonState(path, answers);
    holder.kill("SIGCONT");
    holder.stdin.end();
    expect(remedy).toBe(`kill -9 ${holder.pid}; then: isomount daemon start`);
    expect(gentle).toBe(`kill -CONT ${holder.pid}`);
  });

  it("is found by the socket that it listens on", () => {
    const text = `Num       RefCount Protocol Flags    Type St Inode Path
0000000000000000: 00000002 00000000 00010000 0001 01 20751 /run/isomount/control.sock
0000000000000000: 00000002 00000000 00010000 0001 01 20752 /run/user/1000/with space/control.sock
0000000000000000: 00000003 00000000 00000000 0001 03 20753 /run/connected/control.sock
0000000000000000: 00000002 00000000 00010000 0005 01 20754 /run/isomount/server-1-1.sock
0000000000000000: 00000002 00000000 00010000 0001 01 20755 @/abstract/control.sock
0000000000000000: 00000003 00000000 00000000 0001 03 20756
`;
    expect(listeningFolders(text)).toEqual(["/run/isomount", "/run/user/1000/with space"]);
  });

  it("has a log that may not grow without end", () => {
    const path = newFolder();
    expectFinding(daemonLog(path), "ok", "none yet");
    const log = join(path, "isomountd.log");
    writeFileSync(log, "");
    expectFinding(daemonLog(path), "ok", log);
    truncateSync(log, 65 * 2 ** 20);
    expectFinding(daemonLog(path), "warning", "has 65 MiB");
    rmSync(log);
  });
});

describe("the configuration", () => {
  it("need not be there; what is there has to be right", () => {
    const path = join(newFolder(), "isomountd.toml");
    const file = { path, named: false };
    expectFinding(configuration(file), "ok", "is not there, and need not be");
    writeFileSync(path, 'log-level = "debug"');
    expectFinding(configuration(file), "ok", path);
    writeFileSync(path, 'log-level = "loud"');
    expectFinding(configuration(file), "failure", 'log-level = "loud" is wrong');
    writeFileSync(path, `log-file = "${path}/missing/a.log"`);
    expectFinding(configuration(file), "warning", "a.log cannot be opened");
  });
});

describe("stale mounts", () => {
  const line = (mountpoint: string, uid: number, device = "0:50") =>
    `40 27 ${device} / ${mountpoint} ro - fuse.isomount /images/a.iso ro,user_id=${uid},group_id=0`;
  const entries = parseMountinfo(
    [line("/mnt/a", 1000), line("/mnt/b\\040c", 1000), line("/r", 0)].join("\n"),
  );
  const serves = (mountpoint: string) => [
    { folder: "/run/a", info, mounts: [{ mountpoint } as MountInfo] },
  ];

  it("are those of one's own that no daemon knows", () => {
    const known = { answers: serves("/mnt/a"), records: [] };
    expect(staleMounts(entries, known, 1000)).toMatchObject([
      { verdict: "warning", remedy: "fusermount3 -uz '/mnt/b c'" },
    ]);
    expect(staleMounts(entries, known, 2000)).toMatchObject([{ verdict: "ok", found: "none" }]);
    expect(staleMounts(entries, known, 0).map(({ remedy }) => remedy)).toEqual([
      "umount -l '/mnt/b c'",
      "umount -l /r",
    ]);
  });

  it("are not those that wait for the next daemon", () => {
    const records = [{ mountpoint: "/mnt/b c", device: "0:50" }];
    expect(staleMounts(entries, { answers: serves("/mnt/a"), records }, 1000)).toMatchObject([
      { verdict: "ok" },
    ]);
  });

  it("may be those of a daemon that does not answer", () => {
    const answers = [{ folder: "/run/a", mounts: [], problem: "silence" }];
    const [finding] = staleMounts(entries, { answers, records: [] }, 1000);
    expect(finding.found).toContain("no daemon that answers knows /mnt/a (/images/a.iso)");
  });
});

describe("systemd", () => {
  const state = (id: string, changes: Record<string, string> = {}) =>
    Object.entries({
      Id: id,
      LoadState: "loaded",
      ActiveState: "active",
      UnitFileState: "enabled",
      NeedDaemonReload: "no",
      ...changes,
    })
      .map(([name, value]) => `${name}=${value}\n`)
      .join("");
  const both = (socket: Record<string, string>, service: Record<string, string> = {}) =>
    `${state("isomountd.socket", socket)}\n${state("isomountd.service", service)}`;

  it.each([
    [undefined, "ok", "does not run here"],
    [
      both({ LoadState: "not-found", ActiveState: "inactive" }, { LoadState: "not-found" }),
      "ok",
      "isomount daemon install",
    ],
    [both({}, { ActiveState: "inactive" }), "ok", "at every boot"],
    [both({ UnitFileState: "disabled" }), "ok", "until the next boot"],
    [both({ ActiveState: "inactive" }), "warning", "isomountd.socket is not active"],
    [both({}, { NeedDaemonReload: "yes" }), "warning", "isomountd.service has changed"],
    [both({}, { ActiveState: "failed" }), "failure", "isomountd.service has failed"],
  ] as const)("%#", (text, verdict, found) => {
    expectFinding(units(text, ROOT), verdict, found);
    if (verdict === "failure") expect(units(text, USER).remedy).toContain("systemctl --user");
    // Installing again writes nothing where only a drop-in has changed, and over what was edited.
    if (found.endsWith("has changed")) {
      expect(units(text, USER).remedy).toBe("systemctl --user daemon-reload");
    }
  });

  it("has what lines of fstab need", () => {
    const none = join(folder, "none");
    const helper = file("mount.isomount", "");
    const lines = file(
      "fstab",
      "# /a /b isomount\n/a.iso /a isomount ro 0 0\n/b /c ext4 defaults 0 0\n",
    );
    const others = file("fstab", "/b /c ext4 defaults 0 0\n");
    expectFinding(mountHelper(false, none, others), "ok", "is not set up");
    expectFinding(mountHelper(false, none, lines), "warning", "has 1 of its lines");
    expectFinding(mountHelper(true, helper, lines), "ok", "works");
    expectFinding(mountHelper(false, helper, others), "ok", "works");
    expectFinding(mountHelper(false, helper, lines), "warning", "systemd does not keep the daemon");
  });

  it("has the system's units, whoever asks", () => {
    const etc = newFolder();
    expect(systemHasUnits([newFolder(), etc])).toBe(false);
    mkdirSync(join(etc, "systemd/system"), { recursive: true });
    writeFileSync(join(etc, "systemd/system/isomountd.socket"), "");
    expect(systemHasUnits([newFolder(), etc])).toBe(true);
  });
});

it("tells it in a table, with what to do", () => {
  const findings: Finding[] = [
    { subject: "Node", verdict: "ok", found: "20.19.0" },
    {
      subject: "fusermount3",
      verdict: "failure",
      found: "is not installed",
      cost: "a",
      remedy: "b",
    },
  ];
  expect(renderFindings(findings)).toBe(
    `✓ Node         20.19.0
✗ fusermount3  is not installed
               so: a
               to mend it: b
isomount cannot work like this
`,
  );
  expect(renderFindings([findings[0]])).toMatch(/\nall is well\n$/);
  expect(renderFindings([{ ...findings[1], verdict: "warning" }])).toMatch(/\n.*1 thing .*\n$/);
});

describe("without koffi", () => {
  const project = resolve(fileURLToPath(import.meta.url), "../../../..");
  const copy = join(folder, "copy");
  const isomount = (...words: string[]) => {
    const parameters = [join(copy, "dist/isomount.js"), ...words];
    return spawnSync(process.execPath, parameters, { encoding: "utf8", cwd: copy });
  };

  // Where no node_modules is above it.
  beforeAll(() => {
    cpSync(join(project, "dist"), join(copy, "dist"), { recursive: true });
    cpSync(join(project, "package.json"), join(copy, "package.json"));
  });

  it("the doctor says so, and looks at the rest", () => {
    const { status, stdout } = isomount("doctor", "--json");
    const findings: Finding[] = JSON.parse(stdout);
    expect(status).toBe(2);
    expect(findings).toContainEqual(
      expect.objectContaining({ subject: "koffi", verdict: "failure" }),
    );
    // What no daemon could be asked about is not called stale.
    const subjects = findings.map(({ subject }) => subject);
    expect(subjects).toContain("/dev/fuse");
    expect(subjects).not.toContain("stale mounts");
  });

  it("every other command ends with one line", () => {
    const { status, stderr } = isomount("list");
    expect(status).toBe(2);
    expect(stderr).toMatch(/^isomount: isomount cannot be loaded: .*koffi.*'isomount doctor'.*\n$/);
  });
});
