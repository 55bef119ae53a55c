/** The daemon's configuration file: what it changes, at the start and while the daemon runs. */
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { buildIso, file, folder } from "../fixtures/iso9660/iso-builder.js";
import { startIsomount } from "../support/isomount.js";
import { eventually } from "../support/processes.js";

const isomount = startIsomount();
const at = (name: string) => join(isomount.folder, name);
const configuration = at("isomountd.toml");
isomount.environment.ISOMOUNT_CONFIG = configuration;

const configure = (...lines: string[]) => writeFileSync(configuration, lines.join("\n"));
const reload = () => isomount.run("daemon", "reload");
/** What the daemon's log has got since the last look. */
function news(path: string): string[] {
  const text = existsSync(path) ? readFileSync(path, "utf8") : "";
  writeFileSync(path, "");
  return text.split("\n").filter((line) => line !== "");
}

beforeAll(() => {
  writeFileSync(at("disc.iso"), buildIso(folder("", [file("A.TXT;1", "a\n")])));
});

describe("a configuration that is wrong", () => {
  it.each([
    ["log-levl = 1", 'unknown key "log-levl" (did you mean log-level?)'],
    ["group = 'no-such-group'", "there is no group no-such-group"],
  ])("keeps the daemon from starting: %s", (line, message) => {
    configure(line);
    const { status, stderr } = isomount.run("daemon", "start");
    expect(status).toBe(2);
    expect(stderr).toMatch(/^isomount: isomountd did not start: [^\n]+\n$/);
    expect(stderr).toContain(message);
    expect(readdirSync(isomount.runtime).filter((name) => name.endsWith(".sock"))).toEqual([]);
    expect(isomount.daemonLog()).toContain(`isomountd: `);
    expect(isomount.daemonLog()).toContain(message);
  });
});

describe("a log file that cannot be opened", () => {
  const settings = [`log-file = "${at("later/c.log")}"`, 'log-level = "debug"'];

  it("does not keep the daemon from starting: it logs to standard error, and says so", () => {
    configure(...settings);
    isomount.succeed("daemon", "start");
    isomount.succeed("list");
    expect(isomount.daemonLog()).toMatch(
      / error: log-file \S+later\/c\.log cannot be opened: ENOENT; until a reload /,
    );
    expect(isomount.daemonLog()).toMatch(/ debug: list by user 0 /);
  });

  it("is not what a reload complains of that finds something else wrong", () => {
    configure(...settings, "group = 'no-such-group'");
    const { stderr } = reload();
    expect(stderr).toContain("there is no group no-such-group");
    configure(...settings);
    expect(reload()).toMatchObject({ status: 2, stderr: expect.stringContaining("later/c.log") });
  });

  it("is used from the reload on that finds it can be", () => {
    mkdirSync(at("later"));
    expect(reload()).toMatchObject({ status: 0, stderr: "" });
    isomount.succeed("list");
    expect(news(at("later/c.log")).some((line) => / debug: list by user 0 /.test(line))).toBe(true);
    isomount.succeed("daemon", "stop");
  });
});

describe("the log", () => {
  const log = at("a.log");

  it("goes where it should, as it should", () => {
    configure(`log-file = "${log}"`, 'log-format = "json"', 'log-level = "debug"');
    isomount.succeed("daemon", "start");
    isomount.succeed("list");
    const lines = news(log).map((line) => JSON.parse(line));
    for (const { time } of lines)
      expect(Math.abs(Date.parse(time) - Date.now())).toBeLessThan(60_000);
    expect(lines).toContainEqual(
      expect.objectContaining({ level: "info", message: expect.stringMatching(/^listening on /) }),
    );
    expect(lines).toContainEqual(
      expect.objectContaining({
        level: "debug",
        message: expect.stringMatching(/^list by user 0 /),
      }),
    );
  });

  it("changes with a reload, and a file that was moved away is begun anew", async () => {
    renameSync(log, at("old.log"));
    configure(`log-file = "${log}"`, 'log-level = "info"');
    expect(reload()).toEqual({
      status: 0,
      stdout: "isomountd has read its configuration again\n",
      stderr: "",
    });
    isomount.succeed("list");
    const lines = news(log);
    expect(lines).toEqual([
      expect.stringMatching(/^\d{4}-\S+Z info: the configuration was read again$/),
    ]);
    configure(`log-file = "${at("b.log")}"`, 'log-level = "debug"');
    process.kill(isomount.daemonPid()!, "SIGHUP");
    await eventually("it is read again", () => existsSync(at("b.log")));
    isomount.succeed("list");
    expect(news(at("b.log")).some((line) => / debug: list by user 0 /.test(line))).toBe(true);
    expect(news(log)).toEqual([]);
  });

  it("does not change by a file that is wrong, and says so", async () => {
    const wrongs = ["log-level = 'loud'", `log-file = "${at("none/c.log")}"`];
    for (const wrong of wrongs) {
      configure("log-format = 'json'", wrong);
      const { status, stderr } = reload();
      expect(status).toBe(2);
      expect(stderr).toMatch(/^isomount: [^\n]+\n$/);
      expect(stderr).toContain(
        wrong.includes("loud") ? `${configuration}: log-level = "loud"` : "none/c.log",
      );
      const errors = news(at("b.log")).filter((line) => line.includes(" error: "));
      expect(errors.length).toBe(1);
      expect(errors[0]).toContain(" error: the configuration stays as it was: ");
    }
    process.kill(isomount.daemonPid()!, "SIGHUP");
    await eventually("the signal is answered", () =>
      readFileSync(at("b.log"), "utf8").includes("none/c.log cannot be opened: ENOENT"),
    );
    isomount.succeed("list");
    expect(news(at("b.log")).some((line) => / debug: list by user 0 /.test(line))).toBe(true);
  });

  it("goes to standard error again when the file is gone from the configuration", () => {
    configure("");
    expect(reload().status).toBe(0);
    expect(isomount.daemonLog()).toMatch(/ info: the configuration was read again\n$/);
    expect(existsSync(configuration)).toBe(true);
  });
});

describe("mounts", () => {
  it("sleep and end as the configuration of the time says", async () => {
    configure("sleep-timeout = 1", "spare-server = false");
    expect(reload().status).toBe(0);
    const path = isomount.mount(at("disc.iso"));
    await eventually("it sleeps", () => isomount.list()[0].state === "asleep", 20);
    expect(readFileSync(join(path, "a.txt"), "utf8")).toBe("a\n");
    isomount.succeed("umount", path);
    expect(isomount.daemonInfo().spare).toBeUndefined();
    configure("idle-timeout = 1");
    expect(reload().status).toBe(0);
    isomount.mount(at("disc.iso"), "idle-timeout=0");
    isomount.mount(at("disc.iso"));
    await eventually("one is unmounted", () => isomount.list().length === 1, 20);
    expect(isomount.list()[0].id).toBe("m2");
  });
});

it("cannot be read again where no daemon runs", () => {
  for (const { id } of isomount.list()) isomount.succeed("umount", id);
  isomount.succeed("daemon", "stop");
  expect(reload()).toEqual({
    status: 2,
    stdout: "",
    stderr: "isomount: isomountd is not running: nothing to reload\n",
  });
});
