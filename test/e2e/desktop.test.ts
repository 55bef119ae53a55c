/** Real file managers: an image is double-clicked, looked at, and ejected. */
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { readMountinfo } from "../../fs-adapter/mounting/mountinfo.js";
import { encrypt } from "../fixtures/dmg/encrypted.js";
import { buildUdif, zlibChunk } from "../fixtures/dmg/udif.js";
import { HfsPlusBuilder, ROOT_CNID } from "../fixtures/hfsplus/volume.js";
import { Desktop, desktopMissing, type Point } from "../support/desktop.js";
import { program, startIsomount } from "../support/isomount.js";
import { run } from "../support/tools.js";

const missing = desktopMissing();
if (missing !== undefined) console.log(`skipped: ${missing}`);

interface FileManager {
  program: string;
  handler: string;
  /** In a window of the size that `Desktop` gives it: the first file shown. */
  firstFile: Point;
  /** The column of the eject buttons in the side bar. KDE's lists no such mounts. */
  ejectColumn?: number;
  environment?: Record<string, string>;
}

const fileManagers: FileManager[] = [
  {
    program: "pcmanfm",
    handler: "pcmanfm.desktop",
    firstFile: { x: 208, y: 110 },
    ejectColumn: 137,
  },
  { program: "thunar", handler: "thunar.desktop", firstFile: { x: 222, y: 128 }, ejectColumn: 161 },
  {
    program: "nautilus",
    handler: "org.gnome.Nautilus.desktop",
    firstFile: { x: 355, y: 123 },
    ejectColumn: 212,
  },
  {
    program: "dolphin",
    handler: "org.kde.dolphin.desktop",
    firstFile: { x: 323, y: 187 },
    environment: { XDG_CURRENT_DESKTOP: "KDE", KDE_SESSION_VERSION: "5" },
  },
];

/** Rows of mounts lie within, whatever stands above and below them; a button is higher than a step. */
const SIDE_BAR = { top: 180, bottom: 360, step: 12 };

const images = [
  { file: "disc.iso", label: "Übung 日本 1" },
  { file: "app.dmg", label: "My App 1.0" },
  { file: "stick.img", label: "USB STICK" },
] as const;

describe.skipIf(missing !== undefined)("the desktop", () => {
  const isomount = startIsomount();
  const desktop = new Desktop(isomount.folder);
  const mimeapps = join(desktop.home, ".config/mimeapps.list");

  /** `isomount` as a person at this desktop runs it. */
  function isomountHere(...parameters: string[]): string {
    return desktop.run(process.execPath, program, ...parameters);
  }

  beforeAll(async () => {
    for (const { file } of images) mkdirSync(join(isomount.folder, dirOf(file)));
    makeIso(join(isomount.folder, "iso/disc.iso"), images[0].label);
    writeFileSync(join(isomount.folder, "dmg/app.dmg"), makeDmg(images[1].label));
    makeStick(join(isomount.folder, "img/stick.img"), images[2].label);
    await desktop.start();
    isomountHere("desktop", "install", "--user");
  });

  afterEach(async () => {
    await desktop.closeAll();
    isomount.run("umount", "--all", "--lazy");
  });

  afterAll(() => desktop.stop());

  /** What is mounted from our folder, as the kernel has it: asked often, so without the daemon. */
  function mountpoints(): string[] {
    return readMountinfo()
      .filter(({ source }) => source.startsWith(isomount.folder))
      .map(({ mountpoint }) => mountpoint);
  }

  function makeIso(path: string, label: string): void {
    const tree = join(isomount.folder, "tree");
    mkdirSync(join(tree, "folder"), { recursive: true });
    writeFileSync(join(tree, "read me.txt"), "hello\n");
    symlinkSync("folder", join(tree, "link"));
    run("xorriso", ["-as", "mkisofs", "-quiet", "-J", "-R", "-V", label, "-o", path, tree]);
  }

  function showFoldersWith({ handler, environment }: FileManager): void {
    delete desktop.environment.KDE_SESSION_VERSION;
    Object.assign(desktop.environment, { XDG_CURRENT_DESKTOP: "GNOME", ...environment });
    const defaults = readFileSync(mimeapps, "utf8").replace(/^inode\/directory=.*\n/m, "");
    const wanted = `inode/directory=${handler};\n`;
    writeFileSync(mimeapps, defaults.replace(/^\[Default Applications\]\n/m, `$&${wanted}`));
  }

  /** Clicks down the column until the button is hit; or chooses from the image's menu. */
  async function eject({ ejectColumn, firstFile }: FileManager, image: string): Promise<void> {
    if (ejectColumn === undefined) {
      await desktop.window(dirOf(image));
      // "Unmount Disk Image".
      await desktop.chooseFromMenu(firstFile, "u");
      return desktop.until("the mount to go away", () => mountpoints().length === 0);
    }
    for (let y = SIDE_BAR.bottom; y >= SIDE_BAR.top; y -= SIDE_BAR.step) {
      desktop.click({ x: ejectColumn, y });
      await sleep(40);
      if (mountpoints().length === 0) return;
    }
    await desktop.until("the mount to go away", () => mountpoints().length === 0);
  }

  it("asks for a passphrase in a window, again if it is wrong", async () => {
    const image = join(isomount.folder, "secret.dmg");
    const volume = new HfsPlusBuilder({ label: "Secret" }).build();
    const encryption = { version: 2, keyBits: 128, blockSize: 512 } as const;
    writeFileSync(image, encrypt(volume, { ...encryption, passphrase: "öffne dich" }));
    showFoldersWith(fileManagers[0]);
    desktop.spawn(process.execPath, program, "open", image);
    await desktop.window("Encrypted disk image");
    desktop.screenshot("passphrase");
    desktop.type("wrong");
    await desktop.until("the second question", () => desktop.titles().length === 0);
    await desktop.window("Encrypted disk image");
    desktop.type("öffne dich");
    await desktop.window("Secret");
    expect(isomountHere("open", "--unmount", image)).toBe("");
    expect(mountpoints()).toEqual([]);
  });

  it("shows a volume's own icon on its folder, and leaves the volume as it is", async () => {
    const icon = join(isomount.folder, "icon.icns");
    const png = join(isomount.folder, "icon.png");
    run("convert", ["-size", "128x128", "xc:#f000f0", `PNG32:${png}`]);
    run("png2icns", [icon, png]);
    const volume = new HfsPlusBuilder({ label: "Iconic" });
    volume.file(ROOT_CNID, ".VolumeIcon.icns", { data: readFileSync(icon) });
    const image = join(isomount.folder, "iconic.img");
    writeFileSync(image, volume.build());
    const [nautilus] = fileManagers.filter(({ program }) => program === "nautilus");
    showFoldersWith(nautilus);
    const mountpoint = isomountHere("open", image).trim();
    const info = desktop.run("gio", "info", "-a", "metadata::custom-icon", mountpoint);
    expect(info).toContain(`file://${desktop.home}/.cache/isomount/icons/`);
    expect(readdirSync(mountpoint)).toEqual([".VolumeIcon.icns"]);
    expect(desktop.count(0xf0, 0, 0xf0)).toBe(0);
    desktop.spawn(nautilus.program, dirname(mountpoint));
    await desktop.window(basename(dirname(mountpoint)));
    await desktop.until("the icon", () => desktop.count(0xf0, 0, 0xf0) > 1000);
    desktop.screenshot("icon");
    expect(isomountHere("open", "--unmount", mountpoint)).toBe("");
    // Another image in the same folder has none.
    writeFileSync(image, new HfsPlusBuilder({ label: "Iconic" }).build());
    expect(isomountHere("open", image).trim()).toBe(mountpoint);
    const after = desktop.run("gio", "info", "-a", "metadata::custom-icon", mountpoint);
    expect(after).not.toContain("custom-icon:");
  });

  it("opens a folder of 100,000 files to the last, with few questions to the image", async () => {
    const image = join(isomount.folder, "many.img");
    const last = makeManyFiles(image);
    const [nautilus] = fileManagers.filter(({ program }) => program === "nautilus");
    showFoldersWith(nautilus);
    // What a text is opened with writes down which it was.
    const opened = join(isomount.folder, "opened");
    const script = join(isomount.folder, "write-down");
    writeFileSync(script, `#!/bin/sh\nprintf %s "$1" > '${opened}'\n`, { mode: 0o755 });
    const entry = `[Desktop Entry]\nType=Application\nName=Write down\nExec=${script} %f\n`;
    writeFileSync(join(desktop.home, ".local/share/applications/write-down.desktop"), entry);
    writeFileSync(mimeapps, `${readFileSync(mimeapps, "utf8")}text/plain=write-down.desktop;\n`);
    // As users mount who are not root.
    const mountpoint = isomount.newMountpoint();
    isomountHere(image, mountpoint, "-o", "private");
    const began = Date.now();
    desktop.spawn(nautilus.program, join(mountpoint, "files"));
    await desktop.window("files");
    const readWhich = () => (existsSync(opened) ? readFileSync(opened, "utf8") : "");
    // While the folder fills, the last is another.
    while (readWhich() !== join(mountpoint, "files", last)) {
      expect(Date.now() - began, readWhich()).toBeLessThan(150_000);
      // Keys go to the files from then on.
      desktop.click(nautilus.firstFile);
      desktop.press("End");
      desktop.press("Return");
      await sleep(1000);
    }
    desktop.screenshot("many");
    console.log(`the last of 100,000 files after ${Date.now() - began} ms`);
    // The daemon asks for counters every ten seconds.
    const requests = () => isomount.list()[0].statistics.requests;
    await desktop.until("the counters", () => requests() > 100);
    expect(requests()).toBeLessThan(1000);
  }, 240_000);

  it("says in a window what is wrong with an image", async () => {
    const image = join(isomount.folder, "not <an> image.iso");
    writeFileSync(image, "something else\n".repeat(1000));
    desktop.spawn(process.execPath, program, "open", image);
    await desktop.window("Cannot open not <an> image.iso");
    desktop.screenshot("error");
    expect(mountpoints()).toEqual([]);
  });

  it("is what gio and xdg-open run for an image, which is mounted once", async () => {
    showFoldersWith(fileManagers[0]);
    for (const opener of [["gio", "open"], ["xdg-open"]]) {
      const [first, ...rest] = [...opener, join(isomount.folder, "dmg/app.dmg")];
      desktop.run(first, ...rest);
      await desktop.window("My App 1.0");
      await desktop.closeAll();
    }
    expect(mountpoints()).toHaveLength(1);
  });

  describe.each(fileManagers)("$program", (manager) => {
    it.each(images)("opens $file by double-click, shows it and ejects it", async (image) => {
      showFoldersWith(manager);
      desktop.spawn(manager.program, join(isomount.folder, dirOf(image.file)));
      await desktop.window(dirOf(image.file));
      desktop.click(manager.firstFile, 2);
      await desktop.until("a mount", () => mountpoints().length === 1);
      const [{ mountpoint, label }] = isomount.list();
      expect([label, basename(mountpoint)]).toEqual([image.label, image.label]);
      await desktop.window(image.label);
      // As GLib's file managers and file dialogs all see it.
      expect(desktop.run("gio", "mount", "-l")).toContain(`: ${image.label} -> file://`);
      desktop.screenshot(`${manager.program}-${image.file}`);
      await eject(manager, image.file);
      // The folder was made for the mount.
      await desktop.until("the folder to go away", () => !existsSync(mountpoint));
      desktop.screenshot(`${manager.program}-${image.file}-ejected`);
    });
  });
});

function dirOf(file: string): string {
  return file.split(".").at(-1)!;
}

function makeDmg(label: string): Buffer {
  const volume = new HfsPlusBuilder({ label });
  volume.folder(ROOT_CNID, "My App.app");
  volume.file(ROOT_CNID, "Applications", { mode: 0o120777, data: "/Applications" });
  return buildUdif([{ sector: 0, chunks: [zlibChunk(volume.build())] }]);
}

/** Returns the name of the last. */
function makeManyFiles(image: string): string {
  const volume = new HfsPlusBuilder({ label: "Many", nodeSize: 8192, blockSize: 512 });
  const files = volume.folder(ROOT_CNID, "files");
  let name = "";
  for (let i = 0; i < 100_000; i++) {
    name = `file ${String(i).padStart(6, "0")}.txt`;
    volume.file(files, name, { data: `${i}\n` });
  }
  writeFileSync(image, volume.build());
  return name;
}

function makeStick(path: string, label: string): void {
  run("mkfs.vfat", ["-C", "-n", label, path, "1440"]);
  run("mmd", ["-i", path, "::/PHOTOS"]);
}
