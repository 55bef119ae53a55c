/** Dialogs and notifications, with programs in their place that write down how they were run. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { showFolder } from "../../../daemon/desktop/file-manager.js";
import { notify } from "../../../daemon/desktop/notification.js";
import { askInWindow } from "../../../daemon/desktop/passphrase-dialog.js";
import { scratch } from "../../support/tools.js";

const folder = scratch("dialogs");
let bin: string;
let count = 0;

beforeEach(() => {
  bin = join(folder, `bin${++count}`);
  mkdirSync(bin);
  // None of the machine's own.
  vi.stubEnv("PATH", bin);
});

afterEach(() => vi.unstubAllEnvs());

/** Puts a program there that prints `output` and ends with `status`. */
function give(name: string, status: number, output = ""): void {
  const text = `#!/bin/sh
for word; do printf '%s\\0' "$word"; done > '${join(bin, `${name}.ran`)}'
printf '%s' '${output}'
exit ${status}
`;
  writeFileSync(join(bin, name), text, { mode: 0o755 });
}

/** The words that the program was run with; undefined where it was not. */
function ran(name: string): string[] | undefined {
  const path = join(bin, `${name}.ran`);
  return existsSync(path) ? readFileSync(path, "utf8").split("\0").slice(0, -1) : undefined;
}

describe("the passphrase window", () => {
  const ask = (environment = {}) => askInWindow("a <b> & c.dmg", 1, environment);

  it("is zenity's, where markup and backslashes are escaped", async () => {
    give("zenity", 0, "pass phrase \n");
    give("kdialog", 0, "other\n");
    expect((await ask())?.toString()).toBe("pass phrase ");
    expect(ran("zenity")).toContain("--text=Passphrase for a &lt;b&gt; &amp; c.dmg:");
    expect(ran("zenity")).toContain("--hide-text");
    expect(ran("kdialog")).toBeUndefined();
  });

  it("is kdialog's in KDE", async () => {
    give("zenity", 0, "other\n");
    give("kdialog", 0, "secret\n");
    const answer = await ask({ XDG_CURRENT_DESKTOP: "KDE" });
    expect(answer?.toString()).toBe("secret");
    expect(ran("kdialog")?.slice(1)).toEqual(["--password", "Passphrase for a ‹b> & c.dmg:"]);
  });

  it("is the desktop's askpass where there is neither, or none works", async () => {
    give("zenity", 255);
    give("my-askpass", 0, "secret");
    const answer = await ask({ SSH_ASKPASS: join(bin, "my-askpass") });
    expect(answer?.toString()).toBe("secret");
  });

  it("says that the last one was wrong", async () => {
    give("zenity", 0, "x\n");
    await askInWindow("a.dmg", 2, {});
    expect(ran("zenity")).toContain("--text=That does not open it. Passphrase for a.dmg:");
  });

  it("may be closed, and then nobody else asks", async () => {
    give("zenity", 1);
    give("kdialog", 0, "other\n");
    expect(await ask()).toBe("cancelled");
    expect(ran("kdialog")).toBeUndefined();
  });

  it("takes an empty answer for none", async () => {
    give("zenity", 0, "\n");
    expect(await ask()).toBe("cancelled");
  });

  it("is not there where no program is", async () => {
    expect(await ask()).toBeUndefined();
  });
});

describe("a notification", () => {
  const notification = { severity: "error", title: "-x <t>", text: "a <b> & \\n" } as const;

  it("goes through notify-send, its text without markup", async () => {
    give("notify-send", 0);
    expect(await notify(notification)).toBe(true);
    expect(ran("notify-send")?.slice(-3)).toEqual(["--", "-x <t>", "a &lt;b&gt; &amp; \\n"]);
    expect(ran("notify-send")).toContain("--urgency=critical");
  });

  it("is a dialog where no daemon takes notifications", async () => {
    give("notify-send", 1);
    give("zenity", 0);
    expect(await notify({ ...notification, severity: "warning" })).toBe(true);
    expect(ran("zenity")).toEqual(
      expect.arrayContaining(["--warning", "--no-markup", "--text=-x <t>\n\na <b> & \\\\n"]),
    );
  });

  it("is tried in every way", async () => {
    give("zenity", 1);
    give("kdialog", 0);
    expect(await notify(notification)).toBe(true);
    expect(ran("kdialog")?.slice(0, 2)).toEqual(["--error", "-x ‹t>\n\na ‹b> & \\n"]);
  });

  it("may find no way", async () => {
    expect(await notify(notification)).toBe(false);
  });
});

describe("showing a folder", () => {
  it("falls back to gio", async () => {
    give("xdg-open", 3);
    give("gio", 0);
    expect(await showFolder("/a b")).toBe(true);
    expect(ran("xdg-open")).toEqual(["/a b"]);
    expect(ran("gio")).toEqual(["open", "/a b"]);
  });

  it("may fail", async () => {
    expect(await showFolder("/a")).toBe(false);
  });
});
