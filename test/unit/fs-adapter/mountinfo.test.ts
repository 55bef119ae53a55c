import { expect, it } from "vitest";
import { parseMountinfo, readMountinfo } from "../../../fs-adapter/mounting/mountinfo.js";
import { run } from "../../support/tools.js";

it("decodes the escapes of names in any script, and passes over optional fields", () => {
  const line =
    "36 35 0:52 / /mnt/a\\040b\\134c\\012d\\303\\251 rw,nosuid shared:7 master:1 - fuse.isomount /im\\040age.iso ro\n";
  expect(parseMountinfo(line)).toMatchObject([
    {
      mountId: 36,
      device: "0:52",
      mountpoint: "/mnt/a b\\c\ndé",
      type: "fuse.isomount",
      source: "/im age.iso",
    },
  ]);
});

it("leaves what it does not understand", () => {
  expect(parseMountinfo("\nnonsense\n1 2 3\n")).toEqual([]);
});

it("sees what findmnt sees", () => {
  const seen = run("findmnt", ["-rno", "TARGET,MAJ:MIN"]).toString().trim().split("\n");
  expect(readMountinfo().length).toBe(seen.length);
  expect(
    readMountinfo()
      .map(({ device }) => device)
      .sort(),
  ).toEqual(seen.map((line) => line.split(" ")[1]).sort());
});
