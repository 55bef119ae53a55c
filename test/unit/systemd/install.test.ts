/** Unit files as they are installed, and files that are put in place and taken away. */
import { execFileSync, spawnSync } from "node:child_process";
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { markLine, putFile, removeFile } from "../../../daemon/systemd-install/files.js";
import { helperText } from "../../../daemon/systemd-install/mount-helper.js";
import { type Scope, unitNames } from "../../../daemon/systemd-install/scope.js";
import { shippedUnit, unitText } from "../../../daemon/systemd-install/unit-text.js";
import { scratch } from "../../support/tools.js";

const project = resolve(fileURLToPath(import.meta.url), "../../../..");
const folder = scratch("install");
const scopes: Scope[] = ["system", "user"];

/** systemd.exec(5): each gives a service a mount namespace of its own, in which its mounts stay. */
const HIDING = [
  ...["PrivateTmp", "PrivateDevices", "PrivateMounts", "PrivateNetwork", "PrivateIPC"],
  ...["ProtectSystem", "ProtectHome", "ProtectKernelTunables", "ProtectKernelModules"],
  ...["ProtectKernelLogs", "ProtectControlGroups", "ProtectProc", "ProcSubset", "ReadOnlyPaths"],
  ...["ReadWritePaths", "InaccessiblePaths", "ExecPaths", "NoExecPaths", "BindPaths"],
  ...["BindReadOnlyPaths", "TemporaryFileSystem", "RootDirectory", "RootImage", "MountAPIVFS"],
  ...["MountFlags", "DynamicUser", "LogNamespace", "PrivateUsers"],
];

describe.each(scopes)("units of the %s", (scope) => {
  it("are all installed", () => {
    expect(readdirSync(join(project, "systemd", scope)).sort()).toEqual(
      [...unitNames[scope]].sort(),
    );
  });

  it.each(unitNames[scope])("%s hides no mount", (name) => {
    const settings = shippedUnit(scope, name).match(/^\w+(?==)/gm) ?? [];
    expect(settings.length).toBeGreaterThan(5);
    expect(settings.filter((setting) => HIDING.includes(setting))).toEqual([]);
  });

  it.each(unitNames[scope])("%s runs this installation's programs", (name) => {
    const text = unitText(shippedUnit(scope, name), "/opt/node", "/opt/isomount/dist");
    const commands = text.match(/^Exec.*$/gm) ?? [];
    if (name.endsWith(".service")) expect(commands.length).toBeGreaterThan(0);
    for (const command of commands) {
      const [, program] = /^Exec\w+=\/opt\/node \/opt\/isomount\/dist\/([\w.-]+)\.js\b/.exec(
        command,
      )!;
      expect(["isomount", "isomountd", "systemd-helper"]).toContain(program);
    }
    expect(text).not.toMatch(/^[^#]*\/usr\//m);
  });
});

describe("programs in units", () => {
  it.each([
    ["/opt/a b/node", '"/opt/a b/node"'],
    ["/opt/100%/node", '"/opt/100%%/node"'],
    ["/opt/$HOME/node", '"/opt/$$HOME/node"'],
    ['/opt/"q"\\/node', '"/opt/\\"q\\"\\\\/node"'],
  ])("%s is quoted as systemd reads it", (node, quoted) => {
    expect(unitText("ExecStart=/usr/bin/isomountd\n", node, "/d")).toBe(
      `ExecStart=${quoted} /d/isomountd.js\n`,
    );
  });

  it("keep their prefixes and arguments", () => {
    expect(unitText("ExecStop=-/usr/lib/isomount/systemd-helper mount %i\n", "/n", "/d")).toBe(
      "ExecStop=-/n /d/systemd-helper.js mount %i\n",
    );
    expect(unitText("# ExecStart=/usr/bin/isomountd\nExecStart=/bin/true\n", "/n", "/d")).toBe(
      "# ExecStart=/usr/bin/isomountd\nExecStart=/bin/true\n",
    );
  });
});

describe("the mount helper", () => {
  it("runs its program by this Node, with all arguments", () => {
    const program = join(folder, "it's a $program.js");
    writeFileSync(program, "console.log(JSON.stringify(process.argv.slice(2)));");
    const path = join(folder, "mount.isomount");
    putFile(path, helperText(process.execPath, program), 0o755);
    const words = ["/a b.iso", "/mnt", "-o", 'x="$(id)"'];
    expect(JSON.parse(execFileSync(path, words, { encoding: "utf8" }))).toEqual(words);
  });
});

describe("files", () => {
  const ours = `${markLine}text\n`;

  it("are written once, and removed once", () => {
    const path = join(folder, "new/a.service");
    expect([putFile(path, ours, 0o640), putFile(path, ours, 0o640)]).toEqual([true, false]);
    expect(statSync(path).mode & 0o7777).toBe(0o640);
    expect(putFile(path, `${ours}more\n`, 0o640)).toBe(true);
    expect(readdirSync(join(folder, "new"))).toEqual(["a.service"]);
    expect([removeFile(path), removeFile(path)]).toEqual([true, false]);
  });

  it("of others are left alone", () => {
    const path = join(folder, "theirs.service");
    writeFileSync(path, "[Unit]\n");
    expect(() => putFile(path, ours, 0o644)).toThrow("is not isomount's");
    expect(removeFile(path)).toBe(false);
    expect(readFileSync(path, "utf8")).toBe("[Unit]\n");
  });

  it("take the place of links that npm made", () => {
    const place = join(folder, "sbin");
    mkdirSync(place);
    for (const target of ["/usr/local/bin/mount.isomount", "/x/dist/mount.isomount.js"]) {
      const path = join(place, "mount.isomount");
      symlinkSync(target, path);
      expect(putFile(path, ours, 0o755)).toBe(true);
      expect(readFileSync(path, "utf8")).toBe(ours);
      expect(removeFile(path)).toBe(true);
    }
  });

  it("that cannot be written are told of", () => {
    writeFileSync(join(folder, "file"), "");
    expect(() => putFile(join(folder, "file/a"), ours, 0o644)).toThrow(
      `cannot read ${folder}/file/a: a part of the path is not a folder`,
    );
  });
});

it("the helper of the units knows its verbs", () => {
  const helper = join(project, "dist/systemd-helper.js");
  const { status, stderr } = spawnSync(process.execPath, [helper, "dance"], { encoding: "utf8" });
  expect({ status, stderr }).toEqual({
    status: 1,
    stderr: "isomount: unknown verb dance (mount, unmount, watch or stopped)\n",
  });
});
