/** Help, README, man pages and completion say the same, and what they say is so. */
import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { testPackages } from "../../../daemon/bootstrap/packages.mjs";
import { commandNames } from "../../../daemon/cli/command-names.js";
import { bashCompletion, zshCompletion } from "../../../daemon/cli/completion-scripts.js";
import {
  daemonFlags,
  desktopFlags,
  listFlags,
  mountFlags,
  openFlags,
  systemFlag,
  umountFlags,
  watchFlags,
} from "../../../daemon/cli/flags.js";
import { ownOptions } from "../../../daemon/cli/mount-options.js";
import { run } from "../../support/tools.js";
import { newStage } from "./supervisor-double.js";

const project = resolve(fileURLToPath(import.meta.url), "../../../..");
const readme = readFileSync(join(project, "README.md"), "utf8");
const flags = [
  ...mountFlags,
  ...umountFlags,
  ...listFlags,
  ...daemonFlags,
  ...watchFlags,
  ...openFlags,
  ...desktopFlags,
  systemFlag,
];

async function help(...words: string[]): Promise<string> {
  const { status, stdout } = await newStage().runHere(...words, "--help");
  expect(status).toBe(0);
  return stdout;
}

describe("the man pages", () => {
  it.each(["isomount.1", "isomountd.8"])("%s explains nothing twice", (name) => {
    const page = readFileSync(join(project, "daemon/man", name), "utf8");
    const items = [...page.matchAll(/^\.It .*$/gm)].map(([item]) => item);
    expect(items.length).toBeGreaterThan(5);
    expect(items.filter((item, i) => items.indexOf(item) !== i)).toEqual([]);
  });
});

describe("README", () => {
  const blocks = [...readme.matchAll(/^```sh\n(.*?)^```/gms)].map(([, block]) => block);
  const lines = blocks.flatMap((block) => block.trim().split("\n"));

  it("names every command, and none that is not there", () => {
    const table = [...readme.matchAll(/^\| `isomount (.*?)` (?:\(`(\w+)`\))?.*\|$/gm)];
    const named = table.flatMap(([, line, alias]) => [
      line.replace(/[[\]]/g, "").split(" ")[0],
      alias,
    ]);
    expect(new Set(named.filter((name) => name !== undefined))).toEqual(
      new Set([...commandNames].filter((name) => name !== "help")),
    );
    const used = lines.flatMap((line) => /^isomount (\w+)\b(?!\.)/.exec(line)?.[1] ?? []);
    expect(used.length).toBeGreaterThan(5);
    for (const name of used) expect(commandNames).toContain(name);
  });

  it("names every flag and option that help names, and none else", async () => {
    let helps = "";
    for (const name of ["", ...commandNames]) {
      if (name === "help") continue;
      const words = name === "" ? [] : [name];
      helps += `${await help(...words)}\n`;
    }
    const inHelp = [...helps.matchAll(/^\s+(?:-\w, )?\s*--([a-z_-]+)/gm)].map(([, name]) => name);
    const known = [...flags, ...ownOptions].map(({ name }) => name);
    expect(new Set(inHelp)).toEqual(new Set([...known, "help", "version"]));
    const inTables = [...readme.matchAll(/`(?:-\w )?--([a-z-]+)`/g)].map(([, name]) => name);
    expect(new Set(inTables)).toEqual(
      new Set([...flags.map(({ name }) => name), "help", "version"]),
    );
    const optionTable = readme.split("### Mount options")[1].split("###")[0];
    const rows = [...optionTable.matchAll(/^\| (`.*?) \|/gm)].flatMap(([, cell]) =>
      [...cell.matchAll(/`([a-z_-]+)(=[A-Z]+)?`/g)].map(([, name, value]) => name + (value ?? "")),
    );
    expect(rows.sort()).toEqual(
      ownOptions.map(({ name, value }) => (value ? `${name}=${value}` : name)).sort(),
    );
  });

  it("shows command lines that are understood", async () => {
    const stage = newStage();
    const shown = lines.filter((line) => line.startsWith("isomount ") && / -/.test(line));
    expect(shown.length).toBeGreaterThan(5);
    for (const line of shown) {
      const words = line
        .replace(/\s+#.*/, "")
        .split(" ")
        .slice(1);
      // No image of that name here, no daemon: anything but a usage error.
      const { status, stderr } = await stage.runHere(...words);
      expect([line, status === 1 ? stderr : ""]).toEqual([line, ""]);
    }
  });

  it("has the exit codes of help", async () => {
    const codes = (text: string) =>
      [...text.matchAll(/^(?:\| | {2})(\d+) /gm)].map(([, code]) => code);
    expect(codes((await help()).split("Exit codes:")[1])).toEqual(["0", "1", "2", "32"]);
    expect(codes(readme.split("### Exit codes")[1].split("## ")[0])).toEqual(["0", "1", "2", "32"]);
  });

  it("links to what is there", () => {
    for (const [, target] of readme.matchAll(/\]\((?!http)([^)]+)\)/g)) {
      expect(() => readFileSync(join(project, target))).not.toThrow();
    }
  });
});

describe("man pages", () => {
  it.each(["isomount.1", "isomountd.8", "mount.isomount.8"])("%s has no errors", (name) => {
    const page = join(project, "daemon/man", name);
    const { status, stderr } = spawnSync(
      "man",
      ["--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", page],
      { encoding: "utf8", env: { ...process.env, LC_ALL: "C.UTF-8", MANWIDTH: "80" } },
    );
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  });

  it("say all that help says", () => {
    const text = run("man", ["-l", join(project, "daemon/man/isomount.1")], {
      env: { ...process.env, LC_ALL: "C.UTF-8", MANWIDTH: "500", MAN_KEEP_FORMATTING: "" },
    }).toString();
    for (const { name, value } of ownOptions) {
      if (value !== undefined) expect(text).toContain(`${name}=`);
      else expect(text).toMatch(new RegExp(`^\\s+(\\w+, )?${name}\\b`, "m"));
    }
    for (const { name, alias } of flags) {
      expect(text).toContain(alias ? `-${alias}, --${name}` : `--${name}`);
    }
    for (const name of commandNames) if (name !== "help") expect(text).toContain(name);
  });
});

describe("completion", () => {
  it("is sound shell", () => {
    for (const [shell, script] of [
      ["bash", bashCompletion()],
      ["zsh", zshCompletion()],
    ]) {
      expect(execFileSync(shell, ["-n"], { input: script }).toString()).toBe("");
    }
    expect(newStage().run("isomount", "completion", "bash").stdout).toBe(bashCompletion());
    expect(newStage().run("isomount", "completion", "zsh").stdout).toBe(zshCompletion());
    expect(testPackages).toContain("zsh");
  });

  /** What bash offers for the last word. */
  function complete(...words: string[]): string[] {
    const script = `${bashCompletion()}
      isomount() { printf '/mnt/a\\n/mnt/with space\\n'; }
      compopt() { :; }
      COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _isomount; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const output = execFileSync("bash", ["-c", script, "bash", "isomount", ...words], {
      cwd: join(project, "daemon/man"),
    });
    return output
      .toString()
      .split("\n")
      .filter((line) => line !== "");
  }

  it("offers commands and files first", () => {
    expect(complete("um")).toEqual(["umount"]);
    expect(complete("isomount")).toEqual(["isomount.1", "isomountd.8"]);
    expect(complete("")).toEqual(expect.arrayContaining([...commandNames, "isomount.1"]));
  });

  it("offers flags, options and what is mounted", () => {
    expect(complete("x.iso", "--fo")).toEqual(["--foreground"]);
    expect(complete("x.iso", "--vi")).toEqual(["--view="]);
    expect(complete("x.iso", "/mnt", "-o", "cha")).toEqual(["charset="]);
    expect(complete("x.iso", "/mnt", "-o", "ro,view=joliet,ses")).toEqual([
      "ro,view=joliet,session=",
    ]);
    expect(complete("umount", "/mnt/w")).toEqual(["/mnt/with space"]);
    expect(complete("umount", "--l")).toEqual(["--lazy"]);
    expect(complete("list", "--q")).toEqual(["--quiet"]);
    expect(complete("daemon", "sta")).toEqual(["start", "status"]);
    expect(complete("daemon", "inst")).toEqual(["install"]);
    expect(complete("watch", "--k")).toEqual(["--keep"]);
    expect(complete("completion", "")).toEqual(["bash", "zsh"]);
    expect(complete("mount", "moun")).toEqual(["mount.isomount.8"]);
  });

  it("loads in zsh", () => {
    const file = newStage().file("completion.zsh", zshCompletion());
    const script = `autoload -U compinit; compinit -u -D; source ${file}; print $_comps[isomount]`;
    const { stdout, stderr } = spawnSync("zsh", ["-f", "-c", script], { encoding: "utf8" });
    expect({ stdout, stderr }).toEqual({ stdout: "_isomount\n", stderr: "" });
  });
});
