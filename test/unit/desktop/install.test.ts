/** What installing leaves behind, how the desktop's own tools understand it, and that it goes again. */
import { spawnSync } from "node:child_process";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { handledTypes } from "../../../daemon/desktop/files.js";
import { installDesktop, uninstallDesktop } from "../../../daemon/desktop/install.js";
import { systemPlaces, userPlaces } from "../../../daemon/desktop/places.js";
import { candidates } from "../../../daemon/watch/image-names.js";
import { run, scratch } from "../../support/tools.js";

const folder = scratch("desktop");
const program = { command: ["/usr/bin/node", "/opt/iso mount/100%/$x.js"], file: "/opt/x" };
let home: string;
let homes = 0;

beforeEach(() => {
  home = join(folder, `home${++homes}`);
  mkdirSync(home);
});

const places = () => userPlaces({}, home);

/** Every path below with its contents. */
function tree(root: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isSymbolicLink()) found[path] = `-> ${readlinkSync(path)}`;
    else found[path] = entry.isFile() ? readFileSync(path, "utf8") : "folder";
  }
  return found;
}

function installed(path: string): string {
  return readFileSync(join(home, ".local/share", path), "utf8");
}

describe("places", () => {
  it("are the XDG folders, where those are absolute", () => {
    const environment = { XDG_DATA_HOME: "/d", XDG_CONFIG_HOME: "relative" };
    const { data, config, scripts } = userPlaces(environment, "/home/x");
    expect({ data, config }).toEqual({ data: "/d", config: "/home/x/.config" });
    expect(scripts).toEqual(["/d/nautilus/scripts", "/home/x/.config/caja/scripts"]);
  });

  it("of the system leave the package manager's alone", () => {
    expect(systemPlaces.data).toBe("/usr/local/share");
  });
});

describe("install", () => {
  it("changes nothing the second time", () => {
    expect(installDesktop(places(), program).length).toBeGreaterThan(10);
    const first = tree(home);
    expect(installDesktop(places(), program)).toEqual([]);
    expect(tree(home)).toEqual(first);
  });

  it("brings an older one up to date", () => {
    installDesktop(places(), { command: ["/old"], file: "/old" });
    const changed = installDesktop(places(), program);
    expect(changed.length).toBeGreaterThan(5);
    expect(installed("applications/isomount.desktop")).toContain("TryExec=/opt/x\n");
  });

  it("leaves nothing when it is uninstalled", () => {
    const before = tree(home);
    installDesktop(places(), program);
    expect(uninstallDesktop(places(), program).length).toBeGreaterThan(10);
    expect(tree(home)).toEqual(before);
    expect(uninstallDesktop(places(), program)).toEqual([]);
  });

  it("leaves what others have there", () => {
    const share = join(home, ".local/share");
    const other =
      '<?xml version="1.0"?><mime-info xmlns="http://www.freedesktop.org/standards/shared-mime-info"><mime-type type="application/x-other"><glob pattern="*.other"/></mime-type></mime-info>';
    mkdirSync(join(share, "mime/packages"), { recursive: true });
    mkdirSync(join(share, "applications"), { recursive: true });
    writeFileSync(join(share, "mime/packages/other.xml"), other);
    const entry =
      "[Desktop Entry]\nType=Application\nName=O\nExec=o\nMimeType=application/x-other;\n";
    writeFileSync(join(share, "applications/other.desktop"), entry);
    installDesktop(places(), program);
    expect(installed("mime/globs2")).toContain("application/x-nrg:*.nrg");
    uninstallDesktop(places(), program);
    expect(installed("mime/globs2")).toContain("application/x-other:*.other");
    expect(installed("mime/globs2")).not.toContain("nrg");
    expect(installed("applications/mimeinfo.cache")).toBe(
      "[MIME Cache]\napplication/x-other=other.desktop;\n",
    );
    expect(existsSync(join(share, "nemo"))).toBe(false);
  });

  it("follows a mimeapps.list that is a link", () => {
    mkdirSync(join(home, ".config"));
    writeFileSync(join(home, "dotfile"), "");
    symlinkSync("../dotfile", join(home, ".config/mimeapps.list"));
    installDesktop(places(), program);
    expect(lstatSync(join(home, ".config/mimeapps.list")).isSymbolicLink()).toBe(true);
    expect(readFileSync(join(home, "dotfile"), "utf8")).toContain("isomount.desktop");
  });

  it("makes scripts and KDE's menu executable, and nothing else", () => {
    installDesktop(places(), program);
    const executable = Object.keys(tree(home)).filter(
      (path) => lstatSync(path).isFile() && (lstatSync(path).mode & 0o111) !== 0,
    );
    expect(executable.map((path) => path.slice(home.length + 1)).sort()).toEqual([
      ".config/caja/scripts/Mount Disk Image",
      ".config/caja/scripts/Unmount Disk Image",
      ".local/share/kio/servicemenus/isomount.desktop",
      ".local/share/nautilus/scripts/Mount Disk Image",
      ".local/share/nautilus/scripts/Unmount Disk Image",
    ]);
  });
});

describe("the command in the files", () => {
  it("is quoted as the Exec key wants it", () => {
    installDesktop(places(), program);
    expect(installed("applications/isomount.desktop")).toContain(
      '\nExec=/usr/bin/node "/opt/iso mount/100%%/\\\\$x.js" open %F\n',
    );
  });

  it("is what a script runs, whatever its letters", () => {
    const echo = join(home, "it's $HOME.sh");
    writeFileSync(echo, '#!/bin/sh\nprintf "<%s>" "$@"\n', { mode: 0o755 });
    installDesktop(places(), { command: [echo], file: echo });
    const script = join(home, ".local/share/nautilus/scripts/Unmount Disk Image");
    expect(run(script, ["a b.iso", "-x"]).toString()).toBe("<open><--unmount><--><a b.iso><-x>");
  });

  it("is filled in everywhere", () => {
    installDesktop(places(), program);
    for (const [path, text] of Object.entries(tree(home))) {
      expect([path, /^(Try)?Exec=isomount|exec isomount/m.test(text)]).toEqual([path, false]);
    }
  });
});

describe("the desktop's own tools", () => {
  it("find no fault with the handlers", () => {
    installDesktop(places(), { command: ["/usr/bin/node"], file: "/usr/bin/node" });
    for (const name of ["isomount.desktop", "isomount-unmount.desktop"]) {
      const path = join(home, ".local/share/applications", name);
      const { stdout, error } = spawnSync("desktop-file-validate", [path], { encoding: "utf8" });
      expect([name, error, stdout]).toEqual([name, undefined, ""]);
    }
  });

  it("are told the same types by every file", () => {
    installDesktop(places(), program);
    const wanted = [...handledTypes].sort();
    const listed = Object.entries(tree(home)).flatMap(([path, text]) =>
      [...text.matchAll(/^Mime[tT]ypes?=(application.*);$/gm)].map(([, types]) => ({
        path,
        types: types.split(";").sort(),
      })),
    );
    expect(listed).toHaveLength(7);
    for (const { path, types } of listed) expect({ path, types }).toEqual({ path, types: wanted });
  });

  it("name no suffix that a watched folder would pass over", () => {
    installDesktop(places(), program);
    const globs = [...installed("mime/packages/isomount.xml").matchAll(/pattern="\*(\.\w+)"/g)];
    expect(globs.length).toBeGreaterThan(20);
    for (const [, suffix] of globs) {
      expect(candidates([`image${suffix}`]).map(({ name }) => name)).toEqual([`image${suffix}`]);
    }
  });

  it.each([
    ["disc.iso", "application/(x-cd-image|vnd.efi.iso)"],
    ["DISC.ISO", "application/(x-cd-image|vnd.efi.iso)"],
    ["disk.img", "application/(x-raw-disk-image|vnd.efi.img)"],
    ["floppy.vfd", "application/(x-raw-disk-image|vnd.efi.img)"],
    ["floppy.dsk", "application/(x-raw-disk-image|vnd.efi.img)"],
    ["root.ext4", "application/(x-raw-disk-image|vnd.efi.img)"],
    ["app.dmg", "application/x-apple-diskimage"],
    ["app.sparseimage", "application/x-apple-sparseimage"],
    ["disc.nrg", "application/x-nrg"],
    ["disc.cue", "application/x-cue"],
    ["disc.ccd", "application/x-ccd"],
    ["disc.mds", "application/x-mds"],
    ["disc.mdf", "application/x-raw-cd-image"],
    ["disc.toc", "application/x-cdrdao-toc"],
    ["apple.2mg", "application/x-2img"],
  ])("know %s", (name, type) => {
    expect(typeOf(name, Buffer.from("\x01 no image"))).toMatch(new RegExp(`^${type}$`));
  });

  it.each([
    ["data.bin", "application/x-raw-cd-image", `${"\x00".padEnd(11, "\xff")}\x00\x00\x02\x00\x01`],
    ["unnamed", "application/x-apple-sparseimage", "sprs\x00\x00\x00\x03"],
    ["secret", "application/x-apple-diskimage", "encrcdsa\x00\x00\x00\x02"],
    ["prodos", "application/x-2img", "2IMG"],
    ["game.mdx", "application/x-mdx", "MEDIA DESCRIPTOR\x02\x01"],
  ])("know %s by its contents", (name, type, head) => {
    expect(typeOf(name, Buffer.from(head.padEnd(3000, "\x01"), "latin1"))).toBe(type);
  });

  function typeOf(name: string, head: Uint8Array): string {
    installDesktop(places(), program);
    const file = join(home, name);
    writeFileSync(file, head);
    const env = { PATH: process.env.PATH, HOME: home };
    const said = run("gio", ["info", "-a", "standard::content-type", file], { env }).toString();
    return /standard::content-type: (.*)/.exec(said)![1];
  }
});
