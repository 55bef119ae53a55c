/** What isomount@.service mounts, and when a service counts as stopped for good. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { findImageUnit } from "../../../daemon/systemd-helper/image-unit.js";
import { jobTypes } from "../../../daemon/systemd-helper/stopped.js";
import { parseImageUnit } from "../../../daemon/systemd-helper/unit-file.js";
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
  writeFileSync(join(configuration, "my-photos.toml"), 'image = "/srv/photos.iso"');
  writeFileSync(join(folder, "disk.iso"), "");

  it("is the name of a file, as it stands", () => {
    expect(findImageUnit("my-photos", "/my/photos", configuration).image).toBe("/srv/photos.iso");
  });

  it("is the path of an image, unescaped", () => {
    const path = join(folder, "disk.iso");
    expect(findImageUnit("escaped", path, configuration)).toEqual({ image: path, options: [] });
  });

  it("is nothing else", () => {
    expect(() => findImageUnit("none", "/none", configuration)).toThrow(
      `there is neither ${configuration}/none.toml nor an image /none`,
    );
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
