/** The image that `npm start` makes is a sound ISO 9660 image, by readers that are not ours. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { demoImage } from "../../../daemon/bootstrap/demo-image.mjs";
import { run, scratch } from "../../support/tools.js";

const folder = scratch("demo");
const image = join(folder, "demo.iso");
const files = {
  "Hello from the image.txt": "first\n",
  "\u00dcberraschung.txt": "x".repeat(5000),
  "empty.txt": "",
};

it("holds what was put into it", () => {
  writeFileSync(image, demoImage("DEMO", files, new Date(Date.UTC(2024, 1, 29, 12, 30, 59))));
  const listing = run("bsdtar", ["--list", "-f", image], { env: { LC_ALL: "C.UTF-8" } }).toString();
  expect(listing.trim().split("\n").sort()).toEqual([".", ...Object.keys(files)].sort());
  for (const [name, text] of Object.entries(files)) {
    const read = run("bsdtar", ["-xOf", image, name], { env: { LC_ALL: "C.UTF-8" } }).toString();
    expect(read).toBe(text);
  }
  const plain = run("isoinfo", ["-f", "-i", image]).toString();
  expect(plain.trim().split("\n").sort()).toEqual(
    ["/HELLO_FR.TXT;1", "/EMPTY.TXT;1", "/_BERRASC.TXT;1"].sort(),
  );
  const long = run("isoinfo", ["-l", "-i", image]).toString();
  expect(long).toMatch(/5000 Feb 29 2024 .*_BERRASC\.TXT/);
  const descriptor = run("isoinfo", ["-d", "-i", image]).toString();
  expect(descriptor).toContain("Volume id: DEMO\n");
  expect(descriptor).toContain("Joliet with UCS level 3 found");
});

it("refuses more than its one sector of names holds", () => {
  const many = Object.fromEntries(Array.from({ length: 60 }, (_, n) => [`file number ${n}`, ""]));
  expect(() => demoImage("DEMO", many, new Date())).toThrow("too many files");
});
