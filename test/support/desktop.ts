/**
 * A desktop without a screen: an X server, a window manager and a session bus of its own, a home
 * folder of its own, and real file managers worked by mouse.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { run } from "./tools.js";

/** What a desktop needs, by the Debian package that has it. They are heavy, so `npm test` does without. */
const programs: Record<string, string> = {
  Xvfb: "xvfb",
  openbox: "openbox",
  xdotool: "xdotool",
  import: "imagemagick",
  "dbus-daemon": "dbus-daemon",
  gio: "libglib2.0-bin",
  "xdg-mime": "xdg-utils",
  "update-desktop-database": "desktop-file-utils",
  "update-mime-database": "shared-mime-info",
  zenity: "zenity",
  pcmanfm: "pcmanfm",
  thunar: "thunar",
  nautilus: "nautilus",
  dolphin: "dolphin",
  "kde-open5": "kde-cli-tools",
};

/** Started for root; others have the machine's own, if any. */
const UDISKSD = "/usr/libexec/udisks2/udisksd";
const SYSTEM_BUS = "/run/dbus/system_bus_socket";
const isRoot = process.getuid!() === 0;

/** Why desktop tests cannot run here; undefined where they can. */
export function desktopMissing(): string | undefined {
  if (process.env.ISOMOUNT_TEST_DESKTOP !== "1") {
    return "real file managers are tried by 'npm run test:desktop'";
  }
  const missing = Object.entries(programs)
    .filter(([program]) => spawnSync("which", [program]).status !== 0)
    .map(([, debian]) => debian);
  // Without it gvfs has no volume monitor of its own, and PCManFM shows no mounts.
  if (!existsSync(UDISKSD)) missing.push("udisks2");
  if (!isRoot && !existsSync(SYSTEM_BUS)) return "no system bus for udisks2; run it as root";
  if (missing.length === 0) return undefined;
  return `no desktop to test with; it needs: apt-get install ${missing.join(" ")} gvfs`;
}

export interface Point {
  x: number;
  y: number;
}

/** Every window has this place and size, so that points in it mean the same each time. */
const WINDOW = { x: 20, y: 30, width: 860, height: 540 };

const POLL_MILLISECONDS = 100;
const PATIENCE_MILLISECONDS = 15_000;

export class Desktop {
  readonly home: string;
  readonly environment: NodeJS.ProcessEnv;
  /** The X server, the bus, the window manager. */
  private readonly services: ChildProcess[] = [];
  private readonly programs: ChildProcess[] = [];

  constructor(private readonly folder: string) {
    this.home = join(folder, "home");
    const session = join(folder, "session");
    mkdirSync(this.home, { recursive: true });
    mkdirSync(session, { mode: 0o700 });
    this.environment = {
      PATH: process.env.PATH,
      HOME: this.home,
      USER: process.env.USER,
      LANG: "C.UTF-8",
      XDG_RUNTIME_DIR: session,
      XDG_CURRENT_DESKTOP: "GNOME",
      GDK_BACKEND: "x11",
      NO_AT_BRIDGE: "1",
      ISOMOUNT_RUNTIME_DIR: join(folder, "run"),
    };
  }

  async start(): Promise<void> {
    const screen = `${WINDOW.x * 2 + WINDOW.width}x${WINDOW.y * 2 + WINDOW.height}x24`;
    const display = await this.firstLine("Xvfb", [
      ...["-displayfd", "1", "-screen", "0", screen, "-nolisten", "tcp"],
    ]);
    this.environment.DISPLAY = `:${display}`;
    if (isRoot) await this.startSystemBus();
    this.environment.DBUS_SESSION_BUS_ADDRESS = await this.firstLine("dbus-daemon", [
      ...["--session", "--nofork", "--print-address=1"],
    ]);
    this.services.push(spawn("openbox", [], { env: this.environment, stdio: "ignore" }));
  }

  /** Ends everything; what lives on the bus ends with it. */
  async stop(): Promise<void> {
    await this.closeAll();
    for (const service of this.services.reverse()) await end(service);
  }

  /** Ends the programs that were started, and those that show windows for them. */
  async closeAll(): Promise<void> {
    for (const child of this.programs.splice(0)) await end(child);
    for (const { id } of this.windows()) {
      // One program may have had several: then the others are gone with the first.
      spawnSync("xdotool", ["windowkill", id], { env: this.environment });
    }
  }

  run(program: string, ...parameters: string[]): string {
    return run(program, parameters, { env: this.environment }).toString();
  }

  spawn(program: string, ...parameters: string[]): void {
    this.programs.push(spawn(program, parameters, { env: this.environment, stdio: "ignore" }));
  }

  /** Of the windows that are shown. */
  titles(): string[] {
    return this.windows().map(({ title }) => title);
  }

  /** Waits for a window whose title begins so, puts it in its place and returns its id. */
  async window(title: string): Promise<string> {
    let found: string | undefined;
    await this.until(`a window called ${title} (there are: ${this.titles()})`, () => {
      found = this.windows().find((window) => window.title.startsWith(title))?.id;
      return found !== undefined;
    });
    const id = found!;
    const { x, y, width, height } = WINDOW;
    this.run("xdotool", "windowsize", id, `${width}`, `${height}`);
    this.run("xdotool", "windowmove", id, `${x}`, `${y}`);
    this.run("xdotool", "windowactivate", id);
    // Drawn anew.
    await sleep(700);
    return id;
  }

  /** `point` is in the window. */
  click({ x, y }: Point, times = 1): void {
    const at = [`${WINDOW.x + x}`, `${WINDOW.y + y}`];
    this.run("xdotool", "mousemove", ...at, "click", "--repeat", `${times}`, "--delay", "60", "1");
  }

  /** Chooses from the menu of what lies at `point` by the letter that is underlined there. */
  async chooseFromMenu({ x, y }: Point, letter: string): Promise<void> {
    this.run("xdotool", "mousemove", `${WINDOW.x + x}`, `${WINDOW.y + y}`, "click", "3");
    // Opened.
    await sleep(1000);
    this.screenshot("menu");
    this.press(letter);
  }

  /** How many pixels of the screen have this colour. */
  count(red: number, green: number, blue: number): number {
    const screen = this.picture();
    let pixels = 0;
    for (let i = 0; i < screen.length; i += 3) {
      if (screen[i] === red && screen[i + 1] === green && screen[i + 2] === blue) pixels++;
    }
    return pixels;
  }

  /** The screen: red, green and blue of each pixel. */
  private picture(): Buffer {
    const parameters = ["-window", "root", "-depth", "8", "rgb:-"];
    return run("import", parameters, { env: this.environment });
  }

  type(text: string): void {
    this.run("xdotool", "type", "--delay", "20", text);
    this.press("Return");
  }

  press(key: string): void {
    this.run("xdotool", "key", key);
  }

  /** Kept in `$ISOMOUNT_SCREENSHOTS`, if that is set, for looking at. */
  screenshot(name: string): void {
    const folder = process.env.ISOMOUNT_SCREENSHOTS ?? this.folder;
    mkdirSync(folder, { recursive: true });
    this.run("import", "-window", "root", join(folder, `${name}.png`));
  }

  async until(what: string, done: () => boolean): Promise<void> {
    const deadline = Date.now() + PATIENCE_MILLISECONDS;
    while (!done()) {
      if (Date.now() > deadline) {
        this.screenshot("failed");
        throw new Error(`waited in vain for ${what}`);
      }
      await sleep(POLL_MILLISECONDS);
    }
  }

  /** Apart from the machine's, which containers do not have. */
  private async startSystemBus(): Promise<void> {
    const config = join(this.folder, "system-bus.conf");
    const path = join(this.folder, "system-bus");
    writeFileSync(
      config,
      `<busconfig>
        <type>custom</type>
        <listen>unix:path=${path}</listen>
        <auth>EXTERNAL</auth>
        <policy context="default">
          <allow user="*"/>
          <allow own="*"/>
          <allow send_destination="*" eavesdrop="true"/>
          <allow eavesdrop="true"/>
        </policy>
      </busconfig>`,
    );
    this.environment.DBUS_SYSTEM_BUS_ADDRESS = `unix:path=${path}`;
    await this.firstLine("dbus-daemon", [
      ...[`--config-file=${config}`, "--nofork", "--print-address=1"],
    ]);
    this.services.push(spawn(UDISKSD, [], { env: this.environment, stdio: "ignore" }));
  }

  private windows(): { id: string; title: string }[] {
    const search = ["search", "--onlyvisible", "--name", "."];
    const { stdout } = spawnSync("xdotool", search, { env: this.environment, encoding: "utf8" });
    return stdout
      .split("\n")
      .filter((id) => id !== "")
      .map((id) => {
        // A window may be gone by now.
        const name = spawnSync("xdotool", ["getwindowname", id], { env: this.environment });
        return { id, title: name.stdout.toString().trim() };
      });
  }

  private firstLine(program: string, parameters: string[]): Promise<string> {
    return new Promise((resolve, reject) => {
      const child = spawn(program, parameters, {
        env: this.environment,
        stdio: ["ignore", "pipe", "ignore"],
      });
      this.services.push(child);
      let said = "";
      child.stdout.on("data", (chunk: Buffer) => {
        said += chunk.toString();
        if (said.includes("\n")) resolve(said.split("\n")[0]);
      });
      child.on("error", reject);
      child.on("exit", (status) => reject(new Error(`${program} ended with ${status}`)));
    });
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), 2000);
  await ended;
  clearTimeout(timer);
}
