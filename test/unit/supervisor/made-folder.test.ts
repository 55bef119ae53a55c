/** Paths that a user could have exchanged since they were noted. */
import { chownSync, mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { reopenMadeFolder } from "../../../daemon/supervisor/made-folder.js";
import { unmountExactly } from "../../../fs-adapter/mounting/mount.js";
import { close } from "../../../fs-adapter/system/libc.js";
import { scratch } from "../../support/tools.js";

const folder = scratch("made-folder");
const isRoot = process.getuid!() === 0;

it.skipIf(!isRoot)("of another user, a parent is opened only where it is still theirs", () => {
  const theirs = join(folder, "theirs");
  mkdirSync(theirs);
  chownSync(theirs, 1, 1);
  mkdirSync(join(folder, "root"));
  symlinkSync(theirs, join(folder, "link"));
  const open = (parent: string, uid: number) =>
    reopenMadeFolder({ made: { parent: join(folder, parent), name: "x" }, uid });
  const opened = open("theirs", 1)!;
  expect(opened.name).toBe("x");
  close(opened.parent);
  for (const parent of ["root", "link", "link/..", "none"]) expect(open(parent, 1)).toBeUndefined();
  expect(open("theirs", 2)).toBeUndefined();
  // Root's own, by whatever path root named.
  close(open("link", 0)!.parent);
  expect(reopenMadeFolder({ uid: 1 })).toBeUndefined();
});

it.skipIf(!isRoot)("nothing is unmounted by a path that leads through a symlink", async () => {
  mkdirSync(join(folder, "real/mnt"), { recursive: true });
  symlinkSync("real", join(folder, "swapped"));
  await expect(unmountExactly(join(folder, "swapped/mnt"), 0)).rejects.toThrow("ELOOP");
  // Not mounted, which is another answer.
  await expect(unmountExactly(join(folder, "real/mnt"), 0)).rejects.toThrow("EINVAL");
});
