/** Wrong command lines, and images that cannot be opened, before any daemon is asked. */
import { chmodSync, readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { newStage } from "./supervisor-double.js";

describe("wrong command lines end with 1", () => {
  it.each([
    [[], "an argument is missing"],
    [["a.iso", "/mnt", "more"], "unknown argument 'more'"],
    [["a.iso", "--vew=x"], "unknown argument 'vew' (did you mean '--view'?)"],
    [["a.iso", "--quickly"], "unknown argument 'quickly' ('isomount --help' shows how)"],
    [["a.iso", "/mnt", "-o", "veiw=x"], "unknown option 'veiw' (did you mean 'view'?)"],
    [["a.iso", "/mnt", "-o"], "Not enough arguments following: o"],
    [["a.iso", "--mode=9"], "mode=9 is not an octal mode"],
    [["a.iso", "--transport=tcp"], 'Given: "tcp"'],
    [["a.iso", "-o", "passphrase-file=a", "--passphrase-fd=3"], "more than one source"],
    [["umount"], "umount takes either mountpoints, images and ids, or --all"],
    [["umount", "/mnt", "--all"], "umount takes either"],
    [
      ["daemon", "dance"],
      'Given: "dance", Choices: "start", "stop", "restart", "reload", "status"',
    ],
    [["info"], "an argument is missing"],
    [["completion", "fish"], 'Given: "fish"'],
  ])("%j", async (words, message) => {
    const stage = newStage();
    const { status, stdout, stderr } = await stage.runHere(...words);
    expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
    expect(stderr).toMatch(/^isomount: [^\n]+\n$/);
    expect(stderr).toContain(message);
    // No daemon was started for it.
    expect(readdirSync(stage.runtime)).toEqual([]);
  });

  it.each([
    [[], "an image and a mountpoint are needed"],
    [["a.iso"], "an image and a mountpoint are needed"],
    [["a.iso", "/mnt", "-q"], "unknown option -q"],
    [["a.iso", "/mnt", "-o"], "-o needs a value"],
    [["a.iso", "/mnt", "-N", "/proc/1/ns/mnt"], "not supported"],
    [["a.iso", "/mnt", "-sno", "frobnicate", "-o", "uid=x"], "uid=x"],
    [["a.iso", "/mnt", "-o", "frobnicate"], "unknown option 'frobnicate'"],
  ])("mount.isomount %j", (words, message) => {
    const { status, stdout, stderr } = newStage().run("mount.isomount", ...words);
    expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
    expect(stderr).toMatch(/^isomount: [^\n]+\n$/);
    expect(stderr).toContain(message);
  });
});

describe("what cannot be opened ends with 32", () => {
  it("and with one line, whatever the name", () => {
    const stage = newStage();
    const mountpoint = stage.newFolder("mnt");
    for (const name of ["none.iso", 'new\nline, "$(id)" \'\u001b[2J.iso']) {
      const { status, stdout, stderr } = stage.run(
        "isomount",
        `${stage.folder}/${name}`,
        mountpoint,
      );
      expect({ status, stdout }).toEqual({ status: 32, stdout: "" });
      expect(stderr).toMatch(/^isomount: cannot open \P{Cc}+: it does not exist\n$/u);
    }
    expect(readdirSync(stage.runtime)).toEqual([]);
  });

  it("and in JSON where that is asked for", () => {
    const stage = newStage();
    const { status, stdout, stderr } = stage.run("isomount", stage.folder, "--json");
    expect({ status, stdout }).toEqual({ status: 32, stdout: "" });
    expect(JSON.parse(stderr)).toEqual({
      error: { message: `${stage.folder} is a folder, not an image`, exitCode: 32 },
    });
  });

  it("also where the mountpoint is what is missing", () => {
    const stage = newStage();
    const image = stage.file("disk.iso");
    const { status, stderr } = stage.run("isomount", image, `${stage.folder}/none`);
    expect(status).toBe(32);
    expect(stderr).toMatch(/^isomount: mountpoint .*none does not exist \(/);
  });
});

describe("a runtime folder that is not safe", () => {
  it("ends with 2, before anything is handed over", () => {
    const stage = newStage();
    chmodSync(stage.runtime, 0o755);
    const { status, stderr } = stage.run(
      "isomount",
      stage.file("disk.iso"),
      stage.newFolder("mnt"),
    );
    expect(status).toBe(2);
    expect(stderr).toMatch(/the runtime folder cannot be used: .*chmod 700/);
  });
});

describe("a file named like a command", () => {
  it("is told how to be mounted", () => {
    const stage = newStage();
    const { status, stderr } = stage.run("isomount", "daemon", "/mnt");
    expect(status).toBe(1);
    // The project, where the command runs, has a folder of that name.
    expect(stderr).toContain("'daemon' is a command; to mount the file: isomount ./daemon");
  });
});

describe("help and version", () => {
  it("end with 0", () => {
    const stage = newStage();
    expect(stage.run("isomount", "--version")).toMatchObject({ status: 0, stderr: "" });
    expect(stage.run("isomount", "-V").stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
    const help = stage.run("isomount", "--help").stdout;
    expect(help).toContain("Examples:");
    expect(stage.run("isomount", "help").stdout).toBe(help);
    expect(stage.run("isomount", "help", "umount").stdout).toContain("--lazy");
    expect(stage.run("mount.isomount", "a.iso", "/mnt", "-f")).toEqual({
      status: 0,
      stdout: "",
      stderr: "",
    });
  });
});
