/** README's comparison says what the benchmark measured. */
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const project = resolve(fileURLToPath(import.meta.url), "../../../..");
const text = (name: string) => readFileSync(join(project, name), "utf8");
const cells = (line: string) =>
  line
    .split("|")
    .slice(1, -1)
    .map((cell) => cell.trim());

/** README's names for them, and the names of the benchmark; what the rows of each begin with. */
const contenders: Record<string, [name: string, prefix: string]> = {
  "fuseiso (ISO)": ["fuseiso", ""],
  "archivemount (ISO)": ["archivemount", ""],
  "fuse2fs (ext4)": ["fuse2fs", "ext4: "],
  "the kernel on a loop device (ext4)": ["kernel, loop mount", "ext4: "],
  "ntfs-3g (NTFS)": ["ntfs-3g", "NTFS: "],
  "exfat-fuse (exFAT)": ["exfat-fuse", "exFAT: "],
};

const works = ["sequential read of", "4 KiB random reads", "cold find", "cold tar"];

it("has the ratios of RESULTS.md", () => {
  const results = text("test/bench/RESULTS.md").split("\n").map(cells);
  const shown = text("README.md").split("| instead of |")[1].split("\n\n")[0].split("\n");
  const rows = shown.slice(2).map(cells);
  expect(rows.map(([name]) => name)).toEqual(Object.keys(contenders));
  for (const [name, ...ratios] of rows) {
    const [against, prefix] = contenders[name];
    const measured = works.map((work) => {
      const row = results.find(
        ([what = "", , whom]) => what.startsWith(`${prefix}${work}`) && whom === against,
      );
      return row === undefined ? "-" : Number(row[3]).toFixed(1);
    });
    expect([name, ...ratios]).toEqual([name, ...measured]);
  }
});
