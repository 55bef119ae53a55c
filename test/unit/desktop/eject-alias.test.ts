/** The link that leads an old gvfs to a mountpoint with other letters than ASCII. */
import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { makeEjectAlias, removeEjectAlias } from "../../../daemon/client/old-gvfs.js";
import { ejectAlias } from "../../../daemon/rpc/eject-alias.js";
import { scratch } from "../../support/tools.js";

const folder = scratch("eject-alias");
let systems = 0;

/** A `/usr` with this GLib and, unless told otherwise, gvfs. */
function system(glib: string, gvfs = true): string {
  const root = join(folder, `usr${++systems}`);
  const library = join(root, "lib/x86_64-linux-gnu");
  mkdirSync(library, { recursive: true });
  writeFileSync(join(library, glib), "");
  symlinkSync(glib, join(library, "libglib-2.0.so.0"));
  const monitors = join(root, "share/gvfs/remote-volume-monitors");
  mkdirSync(monitors, { recursive: true });
  if (gvfs) writeFileSync(join(monitors, "udisks2.monitor"), "");
  return root;
}

function linksFor(name: string, root: string): string[] {
  const parent = join(folder, `parent${systems}`);
  mkdirSync(parent);
  const fd = openSync(parent, "r");
  try {
    makeEjectAlias(fd, name, root);
    // A second time there it is.
    makeEjectAlias(fd, name, root);
    const links = readdirSync(parent);
    for (const link of links) expect(readlinkSync(join(parent, link))).toBe(name);
    removeEjectAlias(fd, name);
    removeEjectAlias(fd, name);
    expect(readdirSync(parent)).toEqual([]);
    return links;
  } finally {
    closeSync(fd);
  }
}

describe("the alias", () => {
  it("has the bytes in octal, as g_strescape() writes them", () => {
    expect(ejectAlias("Übung 日")).toBe("\\303\\234bung \\346\\227\\245");
    expect(ejectAlias('plain "$x" \\')).toBeUndefined();
  });

  it("is made for gvfs before 1.54, which came with GLib 2.80", () => {
    expect(linksFor("é", system("libglib-2.0.so.0.7400.6"))).toEqual(["\\303\\251"]);
    expect(linksFor("é", system("libglib-2.0.so.0.8000.0"))).toEqual([]);
  });

  it("is not made without gvfs, nor for ASCII", () => {
    expect(linksFor("é", system("libglib-2.0.so.0.7400.6", false))).toEqual([]);
    expect(linksFor("e", system("libglib-2.0.so.0.7400.6"))).toEqual([]);
  });

  it("is left out where its name would be too long", () => {
    expect(linksFor("é".repeat(100), system("libglib-2.0.so.0.7400.6"))).toEqual([]);
  });
});
