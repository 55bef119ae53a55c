/** What isomount@.service mounts, and when a service counts as stopped for good. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { findImageUnit } from "../../../daemon/systemd-helper/image-unit.js";
import { jobTypes } from "../../../daemon/systemd-helper/stopped.js";
import { parseImageUnit } from "../../../daemon/systemd-helper/unit-file.js";
import { notedMounts, noteMount } from "../../../daemon/systemd-helper/unit-mount.js";
import { scratch } from "../../support/tools.js";

const parse = (text: string) => parseImageUnit(text, "/etc/isomount/a.toml");

describe("a file in /etc/isomount", () => {
  it("names image, mountpoint and options", () => {
    const text = `
image = "/srv/a b.iso"   # comment
mountpoint = '/srv/a'
[options]
view = "joliet"
uid = 1000
mode = "0444"
private = true
sandbox = false
`;
    expect(parse(text)).toEqual({
      image: "/srv/a b.iso",
      mountpoint: "/srv/a",
      options: [
        { name: "view", value: "joliet" },
        { name: "uid", value: "1000" },
        { name: "mode", value: "0444" },
        { name: "private" },
        { name: "nosandbox" },
      ],
    });
  });

  it("may have its options as after -o, or none, and no mountpoint", () => {
    expect(parse('image = "/a"\noptions = "view=joliet,private"')).toEqual({
      image: "/a",
      mountpoint: undefined,
      options: [{ name: "view", value: "joliet" }, { name: "private" }],
    });
    expect(parse('image = "/a"').options).toEqual([]);
  });

  it.each([
    ["", "image is missing"],
    ['image = "a.iso"', "image is no absolute path"],
    ["image = 5", "image is no absolute path"],
    ['image = "/a"\nmountpoint = ["/b"]', "mountpoint is no absolute path"],
    ['image = "/a"\nimages = "/b"', "unknown key 'images'"],
    ['image = "/a"\noptions = 5', "options is neither a table nor a text"],
    ['image = "/a"\noptions = 2020-01-01', "options is neither a table nor a text"],
    ['image = "/a"\n[options]\nmode = 0o644', "options.mode is no text"],
    ['image = "/a"\n[options]\nview = ["a"]', "options.view is no text"],
    ['image = "/a"\nimage = "/b"', "line 2"],
    ['image = "/a', "line 1"],
  ])("%j is refused", (text, message) => {
    expect(() => parse(text)).toThrow(
      expect.objectContaining({
        message: expect.stringMatching(`^/etc/isomount/a.toml[:,].*${message.replace(".", "\\.")}`),
        details: expect.objectContaining({ exitCode: 1 }),
      }),
    );
  });
});

describe("an instance", () => {
  const folder = scratch("instance");
  const configuration = join(folder, "configuration");
  mkdirSync(configuration);
  const write = (name: string, text: string) => writeFileSync(join(configuration, name), text);
  write("my-photos.toml", 'image = "/srv/photos.iso"');
  write("фото а.toml", 'image = "/srv/photos.iso"');
  write("bad.toml", 'image = "/srv/photos.iso"\noptions = "uid=me"');
  // As systemd-escape(1) writes it.
  const escapedFolder = folder.slice(1).replaceAll("-", "\\x2d").replaceAll("/", "-");

  it("is the name of a file, as it stands", () => {
    expect(findImageUnit("my-photos", configuration).image).toBe("/srv/photos.iso");
  });

  it.each(["my\\x2dphotos", "\\xd1\\x84\\xd0\\xbe\\xd1\\x82\\xd0\\xbe\\x20\\xd0\\xb0"])(
    "is the name of a file, escaped: %s",
    (instance) => {
      expect(findImageUnit(instance, configuration).image).toBe("/srv/photos.iso");
    },
  );

  it.each([
    ["disk.iso", "disk.iso"],
    ["a\\x2db\\x20c.iso", "a-b c.iso"],
    ["cash\\x20\\x24HOME\\x20\\x24\\x7bHOME\\x7d.iso", "cash $HOME $\u007bHOME}.iso"],
    ["back\\x5cslash\\x20\\x25i.iso", "back\\slash %i.iso"],
    ["\\xc3\\xbc\\x0a.iso", "ü\n.iso"],
  ])("is the path of an image, escaped: %s", (escaped, name) => {
    const path = join(folder, name);
    writeFileSync(path, "");
    const unit = findImageUnit(`${escapedFolder}-${escaped}`, configuration);
    expect(unit).toEqual({ image: path, options: [] });
  });

  it("is nothing else", () => {
    expect(() => findImageUnit("no\\x20ne", configuration)).toThrow(
      `there is neither ${configuration}/no ne.toml nor an image /no ne`,
    );
  });

  it("names the file whose options are wrong", () => {
    expect(() => findImageUnit("bad", configuration)).toThrow(
      `${configuration}/bad.toml: uid=me is not a numeric id`,
    );
  });
});

describe("what a unit has mounted", () => {
  const folder = scratch("notes");
  const instance = "srv-my\\x2dimages-a.iso";
  const entry = (mountId: number, device: string, mountpoint: string, source = "/srv/a.iso") => ({
    mountId,
    device,
    mountpoint,
    source,
    type: "fuse.isomount",
    options: "",
  });
  const others = entry(41, "0:51", "/mnt/A");
  const own = entry(42, "0:52", "/mnt/A 2");

  it("is known again, wherever it is now, among the others of its image", () => {
    expect(notedMounts(instance, [others], folder)).toBeUndefined();
    noteMount(instance, "/mnt/A 2", [others, own], folder);
    expect(notedMounts(instance, [others, own], folder)).toEqual(["/mnt/A 2"]);
    const renamed = { ...own, mountpoint: "/renamed/A 2" };
    expect(notedMounts(instance, [renamed, others], folder)).toEqual(["/renamed/A 2"]);
    expect(notedMounts("another", [others, own], folder)).toBeUndefined();
  });

  it("is gone where something else has got its number, its device or its place", () => {
    noteMount(instance, "/mnt/A 2", [others, own], folder);
    for (const not of [{ mountId: 43 }, { device: "0:53" }, { source: "/srv/b.iso" }]) {
      expect(notedMounts(instance, [others, { ...own, ...not }], folder)).toEqual([]);
    }
  });

  it("is unknown where the note is half written", () => {
    writeFileSync(join(folder, `unit-${instance}.json`), '{"mountId":4');
    expect(notedMounts(instance, [others, own], folder)).toBeUndefined();
  });
});

describe("the jobs of systemd", () => {
  const text = `1 probe.target start waiting
  1234 isomountd.service stop running
77 isomountd.socket restart waiting
`;

  it("tell what becomes of a unit", () => {
    expect(jobTypes(text, "isomountd.service")).toEqual(["stop"]);
    expect(jobTypes(text, "isomountd.socket")).toEqual(["restart"]);
    expect(jobTypes("No jobs running.\n", "isomountd.service")).toEqual([]);
  });
});
