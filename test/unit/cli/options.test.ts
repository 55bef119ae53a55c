/** What stands behind `-o` and in flags. */
import { describe, expect, it } from "vitest";
import { parseOptions } from "../../../daemon/cli/mount-options.js";
import { nearest } from "../../../daemon/cli/nearest.js";
import { splitOptions } from "../../../daemon/cli/option-string.js";
import { parseQuick } from "../../../daemon/cli/quick.js";
import { Failure } from "../../../daemon/client/failure.js";

function failureOf(action: () => unknown): Failure {
  try {
    action();
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

describe("option string", () => {
  it.each([
    ["", []],
    ["ro", [{ name: "ro" }]],
    ["ro,,user,", [{ name: "ro" }, { name: "user" }]],
    [
      "view=joliet,uid=5",
      [
        { name: "view", value: "joliet" },
        { name: "uid", value: "5" },
      ],
    ],
    ["fsname=", [{ name: "fsname", value: "" }]],
    ["fsname=a=b", [{ name: "fsname", value: "a=b" }]],
    ['fsname="a,b",ro', [{ name: "fsname", value: "a,b" }, { name: "ro" }]],
    ['"fsname=a,b"', [{ name: "fsname", value: "a,b" }]],
    ["fsname=a\\,b,ro", [{ name: "fsname", value: "a,b" }, { name: "ro" }]],
    ['fsname=\\"a', [{ name: "fsname", value: '"a' }]],
    ["fsname=a\\\\,ro", [{ name: "fsname", value: "a\\" }, { name: "ro" }]],
    ["fsname=C:\\x", [{ name: "fsname", value: "C:\\x" }]],
    ["fsname=\u00fc \n\u{1f4bf}", [{ name: "fsname", value: "\u00fc \n\u{1f4bf}" }]],
  ])("%j", (text, expected) => {
    expect(splitOptions(text)).toEqual(expected);
  });

  it("refuses quotes left open", () => {
    expect(failureOf(() => splitOptions('fsname="a,ro')).details.exitCode).toBe(1);
  });
});

describe("mount options", () => {
  const parse = (text: string) => parseOptions(splitOptions(text));

  it.each([
    ["view=joliet", { view: "joliet" }, {}, {}],
    [
      "charset=gbk,session=2,partition=EFI",
      { charset: "gbk", session: 2, partition: "EFI" },
      {},
      {},
    ],
    ["offset=0x8000,sizelimit=3M", { offset: 32768, sizelimit: 3 * 2 ** 20 }, {}, {}],
    ["offset=0", { offset: 0 }, {}, {}],
    ["offset=1KiB,sizelimit=2KB", { offset: 1024, sizelimit: 2000 }, {}, {}],
    ["offset=1t,sizelimit=2g", { offset: 2 ** 40, sizelimit: 2 ** 31 }, {}, {}],
    ["uid=0,gid=4294967294", {}, { uid: 0, gid: 4294967294 }, {}],
    ["mode=0644,dmode=755", {}, { mode: 0o644, dmode: 0o755 }, {}],
    ["private", {}, { private: true }, {}],
    ["allow_other", {}, { private: false }, {}],
    ["transport=fuse-native,nosandbox", {}, { transport: "fuse-native", sandbox: false }, {}],
    ["nosandbox,sandbox", {}, { sandbox: true }, {}],
    ["noexec", {}, { noexec: true }, {}],
    // As mount(8) passes on `user` and `user,exec`.
    ["noexec,nosuid,nodev,user", {}, { noexec: true }, {}],
    ["user,noexec,exec", {}, {}, {}],
    ["fsname=x", {}, { fsname: "x" }, {}],
    ["passphrase-file=/k", {}, {}, { file: "/k" }],
    ["passphrase-fd=3", {}, {}, { descriptor: 3 }],
    ["passphrase-command=pass show x", {}, {}, { command: "pass show x" }],
    ["view=a,view=b", { view: "b" }, {}, {}],
    [
      "ro,defaults,nofail,_netdev,user,noauto,noatime,x-systemd.automount,X-mount.mkdir,comment=x,loop=/dev/loop0,uhelper=udisks2",
      {},
      {},
      {},
    ],
  ])("%s", (text, image, mount, passphrase) => {
    expect(parse(text)).toEqual({ image, mount, passphrase, warnings: [] });
  });

  it("warns that rw is without effect", () => {
    const { warnings, ...settings } = parse("rw");
    expect(settings).toEqual({ image: {}, mount: {}, passphrase: {} });
    expect(warnings).toEqual(["images are mounted read-only: 'rw' is ignored"]);
  });

  it.each([
    ["veiw=joliet", "did you mean 'view'?"],
    ["charst=x", "did you mean 'charset'?"],
    ["passphrase_file=x", "did you mean 'passphrase-file'?"],
    ["transprot=x", "did you mean 'transport'?"],
    ["frobnicate", "'isomount --help' lists them"],
  ])("refuses %s", (text, hint) => {
    const failure = failureOf(() => parse(text));
    expect(failure.details).toMatchObject({ exitCode: 1, hint });
    expect(failure.message).toContain(`'${text.split("=")[0]}'`);
  });

  it.each([
    "view",
    "view=",
    "private=1",
    "session=0",
    "session=-1",
    "session=1.5",
    "session=99999999999999999",
    "uid=root",
    "uid=4294967295",
    "uid=-1",
    "mode=888",
    "mode=77777",
    "mode=0x1ff",
    "offset=-1",
    "offset=1.5K",
    "offset=1X",
    "offset=",
    "sizelimit=9999999999G",
    "transport=tcp",
    "passphrase-fd=x",
    "passphrase-file=a,passphrase-fd=3",
    "remount",
  ])("refuses %s and says so", (text) => {
    const { message, details } = failureOf(() => parse(text));
    expect(details.exitCode).toBe(1);
    expect(message).toContain(text.split(/[=,-]/)[0]);
  });

  it("passes over what is unknown with -s, but not what is wrong", () => {
    expect(parseOptions([{ name: "frobnicate" }], true).warnings).toEqual([]);
    expect(() => parseOptions([{ name: "uid", value: "x" }], true)).toThrow(Failure);
  });
});

describe("nearest", () => {
  it.each([
    ["veiw", "view"],
    ["vew", "view"],
    ["modes", "mode"],
    ["offset", "offset"],
    ["xyz", undefined],
    ["", undefined],
  ])("%s", (word, expected) => {
    expect(nearest(word, ["view", "mode", "dmode", "offset"])).toBe(expected);
  });
});

describe("quick command line", () => {
  it.each([
    [["a.iso"], { image: "a.iso", mountpoint: undefined, options: [] }],
    [["a.iso", "/m"], { image: "a.iso", mountpoint: "/m", options: [] }],
    [["-o", "ro", "a.iso", "/m"], { image: "a.iso", mountpoint: "/m", options: [{ name: "ro" }] }],
    [
      ["a.iso", "-oro", "/m", "-o", "uid=1"],
      {
        image: "a.iso",
        mountpoint: "/m",
        options: [{ name: "ro" }, { name: "uid", value: "1" }],
      },
    ],
    [["./list", "/m"], { image: "./list", mountpoint: "/m", options: [] }],
    [["a.iso", "list"], { image: "a.iso", mountpoint: "list", options: [] }],
    [["--", "list"], { image: "list", mountpoint: undefined, options: [] }],
    [["--", "-x.iso", "-m"], { image: "-x.iso", mountpoint: "-m", options: [] }],
  ])("%j is a mount", (words, expected) => {
    expect(parseQuick(words)).toEqual(expected);
  });

  it.each([
    [[]],
    [[""]],
    [["list"]],
    [["mount", "a.iso"]],
    [["umount", "/m"]],
    [["help"]],
    [["a.iso", "/m", "x"]],
    [["a.iso", "--json"]],
    [["-f", "a.iso"]],
    [["a.iso", "-o"]],
    [["a.iso", "-o=ro"]],
    [["--help"]],
    [["-"]],
  ])("%j is left to the parser", (words) => {
    expect(parseQuick(words)).toBeUndefined();
  });
});
