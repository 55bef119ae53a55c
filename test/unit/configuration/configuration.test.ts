/** The daemon's configuration: what its file may say, and what is said of one that is wrong. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  type Configuration,
  ConfigurationError,
  defaults,
  parseConfiguration,
} from "../../../daemon/configuration/configuration.js";
import { LiveSettings } from "../../../daemon/configuration/live-settings.js";
import { findConfiguration, loadConfiguration } from "../../../daemon/configuration/load.js";
import { scratch } from "../../support/tools.js";

const parse = (text: string, scope: "system" | "user" = "system") =>
  parseConfiguration(text, "/etc/x.toml", scope);

describe("what the file says", () => {
  it("holds, and the defaults for the rest", () => {
    expect(parse("")).toEqual(defaults);
    expect(parse("sleep-timeout = 30 # short")).toEqual({ ...defaults, sleepTimeout: 30 });
    const everything = `
      log-level = "debug"
      log-format = "json"
      log-file = "/var/log/isomountd.log"
      sleep-timeout = 0
      idle-timeout = 3_600
      spare-server = false
      group = "isomount"
    `;
    expect(parse(everything)).toEqual({
      logLevel: "debug",
      logFormat: "json",
      logFile: "/var/log/isomountd.log",
      sleepTimeout: 0,
      idleTimeout: 3600,
      spareServer: false,
      group: "isomount",
    });
    expect(parse("group = 0")).toMatchObject({ group: 0 });
  });

  it.each([
    ['log-level = "loud"', 'log-level = "loud" is wrong: one of error, warn, info, debug is exp'],
    ["log-level = 3", "log-level = 3 is wrong: one of error, warn, info, debug is expected"],
    ['log-format = ["json"]', "log-format = [...] is wrong: one of human, json is expected"],
    ['log-file = "isomountd.log"', 'log-file = "isomountd.log" is wrong: an absolute path is exp'],
    ['log-file = "/a\\u0000b"', 'log-file = "/a\\u0000b" is wrong: an absolute path is expected'],
    ["sleep-timeout = -1", "sleep-timeout = -1 is wrong: a whole number of seconds from 0 to "],
    ["sleep-timeout = 1.5", "sleep-timeout = 1.5 is wrong: a whole number of seconds"],
    ['sleep-timeout = "600"', 'sleep-timeout = "600" is wrong: a whole number of seconds'],
    ["sleep-timeout = 2147484", "sleep-timeout = 2147484 is wrong: a whole number of seconds"],
    ["idle-timeout = inf", "idle-timeout = Infinity is wrong: a whole number of seconds"],
    ["idle-timeout = 1979-05-27", "idle-timeout = {...} is wrong: a whole number of seconds"],
    ['spare-server = "yes"', 'spare-server = "yes" is wrong: true or false is expected'],
    ['group = ""', 'group = "" is wrong: a group\'s name or number is expected'],
    ['group = "a:b"', 'group = "a:b" is wrong: a group\'s name or number is expected'],
    ["group = 4294967295", "group = 4294967295 is wrong: a group's name or number is expected"],
    ["log-levle = 1", 'unknown key "log-levle" (did you mean log-level?)'],
    ["Group = 1", 'unknown key "Group" (did you mean group?)'],
    ["frobnicate = 1", 'unknown key "frobnicate" (known are log-level, log-format, log-file, '],
    ["toString = 1", 'unknown key "toString" (known are '],
    ["[log]\nlevel = 1", 'unknown key "log" (known are '],
  ])("%j is refused", (text, message) => {
    expect(() => parse(text)).toThrow(ConfigurationError);
    expect(() => parse(text)).toThrow(`/etc/x.toml: ${message}`);
  });

  it("is refused with the line where it is no TOML", () => {
    expect(() => parse("sleep-timeout = 1\nlog-level = debug")).toThrow(
      /^\/etc\/x\.toml, line 2: /,
    );
    expect(() => parse("group = 1\ngroup = 2")).toThrow(/^\/etc\/x\.toml, line 2: /);
  });

  it("names a group for the system's daemon only", () => {
    expect(() => parse("group = 1", "user")).toThrow(
      "/etc/x.toml: group is for the system's daemon only",
    );
  });
});

describe("the file", () => {
  it("is the system's or the user's, or another that was named", () => {
    const user = { XDG_CONFIG_HOME: "/home/u/.c" };
    expect(findConfiguration(user, 0)).toEqual({ path: "/etc/isomountd.toml", named: false });
    const path = "/home/u/.c/isomount/isomountd.toml";
    expect(findConfiguration(user, 1000)).toEqual({ path, named: false });
    const relative = findConfiguration({ XDG_CONFIG_HOME: "c" }, 1000);
    expect(relative.path).toMatch(/^\/.*\/\.config\/isomount\/isomountd\.toml$/);
    const named = { path: "/tmp/c.toml", named: true };
    expect(findConfiguration({ ISOMOUNT_CONFIG: "/tmp/c.toml" }, 0)).toEqual(named);
  });

  it("need not be there, unless it was named", () => {
    const folder = scratch("configuration");
    const path = join(folder, "none.toml");
    expect(loadConfiguration({ path, named: false }, 0)).toEqual(defaults);
    expect(() => loadConfiguration({ path, named: true }, 0)).toThrow(
      `cannot read ${path}: ENOENT`,
    );
    mkdirSync(path);
    expect(() => loadConfiguration({ path, named: false }, 0)).toThrow(
      `cannot read ${path}: EISDIR`,
    );
    writeFileSync(join(folder, "there.toml"), "idle-timeout = 5");
    const there = { path: join(folder, "there.toml"), named: false };
    expect(loadConfiguration(there, 1000)).toEqual({ ...defaults, idleTimeout: 5 });
  });
});

describe("reading it again", () => {
  it("changes all or nothing", () => {
    let text = "sleep-timeout = 1";
    const applied: number[] = [];
    const apply = ({ sleepTimeout }: Configuration) => {
      applied.push(sleepTimeout);
      if (sleepTimeout === 3) throw new ConfigurationError("not that");
    };
    const settings = new LiveSettings(apply, () => parse(text));
    expect(applied).toEqual([]);
    text = "sleep-timeout = 2";
    settings.reload();
    expect(settings.current.sleepTimeout).toBe(2);
    for (text of ["sleep-timeout = no", "sleep-timeout = 3"]) {
      expect(() => settings.reload()).toThrow(ConfigurationError);
      expect(settings.current.sleepTimeout).toBe(2);
    }
    // What could not be applied was taken back.
    expect(applied).toEqual([2, 3, 2]);
  });
});
