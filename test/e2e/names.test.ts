/**
 * Names that break what is careless: in images, mountpoints and labels, through the daemon, the
 * kernel's tables and fusermount3's options. Nothing in a name is ever executed.
 */
import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { renderList } from "../../daemon/cli/render-list.js";
import { readMountinfo } from "../../fs-adapter/mounting/mountinfo.js";
import { buildIso, file, folder } from "../fixtures/iso9660/iso-builder.js";
import { type Isomount, ORDINARY_USER, startIsomount } from "../support/isomount.js";

const names = [
  "comma, space, ,, and = sign.iso",
  "line\nbreak, \t tab and \r return.iso",
  `single ' double " back\\slash \\, \\040 \\\\.iso`,
  "$(touch pwned) `touch pwned`; touch pwned & touch pwned | touch pwned.iso",
  "fd=3,user_id=0,allow_other,#hash %s %n ünïcode 日本 🙂 e\u0301.iso",
  "--help",
];

const iso = (label: string) => buildIso(folder("", [file("FILE.TXT;1", `${label}\n`)]), { label });

const daemons: [string, Isomount][] = [
  ["root", startIsomount()],
  ["a user", startIsomount(ORDINARY_USER)],
];

describe.each(daemons)("%s", (_, isomount) => {
  const at = (...parts: string[]) => join(isomount.folder, ...parts);

  function put(path: string, label: string): void {
    writeFileSync(path, iso(label));
    isomount.give(path);
  }

  function makeFolder(path: string): void {
    mkdirSync(path);
    isomount.give(path);
  }

  beforeAll(() => {
    makeFolder(at("images"));
    makeFolder(at("mounts"));
  });

  it.each(names)("mounts, lists and unmounts %j", (name) => {
    const image = at("images", name);
    const mountpoint = at("mounts", name);
    put(image, "NAMES");
    makeFolder(mountpoint);
    isomount.succeed(image, mountpoint);
    const listed = isomount.list();
    expect(listed).toMatchObject([{ image, mountpoint, label: "NAMES" }]);
    expect(readMountinfo().filter((entry) => entry.mountpoint === mountpoint)).toMatchObject([
      { source: image, type: "fuse.isomount" },
    ]);
    // One mount is one line, whatever its name holds.
    expect(renderList(listed).split("\n").length).toBe(3);
    expect(isomount.runProgram("cat", join(mountpoint, "file.txt")).stdout).toBe("NAMES\n");
    isomount.succeed("umount", names.indexOf(name) % 2 === 0 ? image : mountpoint);
    isomount.expectNothingLeft();
  });

  it("takes relative paths, through links and dots", () => {
    makeFolder(at("mounts/here"));
    symlinkSync("images", at("link"));
    isomount.succeed("./link/../images/--help", "mounts//here/.");
    const image = at("images/--help");
    expect(isomount.list()).toMatchObject([{ image, mountpoint: at("mounts/here") }]);
    isomount.succeed("umount", "link/../mounts/here/");
    isomount.expectNothingLeft();
  });

  it.each([[["./list", "mnt-list"]], [["--", "list", "mnt-list"]]])(
    "mounts an image named like a command: %j",
    (words) => {
      if (!existsSync(at("list"))) {
        put(at("list"), "COMMAND");
        makeFolder(at("mnt-list"));
      }
      isomount.succeed(...words);
      expect(isomount.list()).toMatchObject([{ image: at("list"), mountpoint: at("mnt-list") }]);
      isomount.succeed("umount", "./list");
    },
  );

  it("lists where an image is called list, and says how to mount that one", () => {
    expect(isomount.succeed("list")).toBe("nothing is mounted\n");
    const { status, stderr } = isomount.run("list", "mnt-list");
    expect(status).toBe(1);
    expect(stderr).toContain("'list' is a command; to mount the file: isomount ./list");
  });

  it("prefers a mountpoint to an id of the same name", () => {
    isomount.mount(at("list"));
    const [{ id }] = isomount.list();
    makeFolder(at(id));
    isomount.succeed(at("list"), id);
    isomount.succeed("umount", id);
    expect(isomount.list()).toMatchObject([{ id }]);
    isomount.succeed("umount", id);
    isomount.expectNothingLeft();
  });

  it("has executed nothing", () => {
    expect(readdirSync(isomount.folder, { recursive: true }).map(String)).not.toContainEqual(
      expect.stringMatching(/(^|\/)pwned$/),
    );
  });
});

describe("a mountpoint made after the label", () => {
  const isomount = daemons[1][1];
  const labels: [label: string, folder: string | RegExp][] = [
    ["$(touch pwned) `touch pwned`", "$(touch pwned) `touch pwned`"],
    ["new\nline\ttab", "new line tab"],
    ["comma, 'quote' \"double\"", "comma, 'quote' \"double\""],
    [".hidden", "hidden"],
    ["a/b/../../c", /^a[^/]*b[^/]*c$/],
    ["../escape", /^[^./][^/]*escape$/],
    ["..", /^[^./]+$/],
    // Nothing is left of it: the image's own name is taken.
    ["   ", "labelled"],
  ];

  it.each(labels)("%j becomes %s", (label, expected) => {
    const image = join(isomount.folder, "labelled.iso");
    writeFileSync(image, iso(label));
    isomount.give(image);
    const mountpoint = isomount.succeed(image).slice(0, -1);
    expect(dirname(mountpoint)).toBe(join(isomount.folder, "Mounts"));
    expect(basename(mountpoint)).toEqual(
      typeof expected === "string" ? expected : expect.stringMatching(expected),
    );
    expect(isomount.list()).toMatchObject([{ image, mountpoint }]);
    isomount.succeed("umount", image);
    expect(readdirSync(join(isomount.folder, "Mounts"))).toEqual([]);
    isomount.expectNothingLeft();
  });

  it("goes beside a folder that has the name", () => {
    const image = join(isomount.folder, "labelled.iso");
    for (const name of ["labelled", "labelled 2", "labelled 3"]) {
      expect(isomount.succeed(image)).toBe(`${join(isomount.folder, "Mounts", name)}\n`);
    }
    isomount.succeed("umount", image);
    expect(readdirSync(join(isomount.folder, "Mounts"))).toEqual([]);
    isomount.expectNothingLeft();
  });

  it("has executed nothing", () => {
    expect(existsSync(join(isomount.folder, "pwned"))).toBe(false);
    expect(existsSync(join(isomount.folder, "Mounts/pwned"))).toBe(false);
  });
});
