/**
 * `npm run bench [-- SUITE...]`: measures isomount beside what people use today and writes the
 * suites' sections of RESULTS.md; all suites unless some are named.
 *
 * Needs root (loop devices, mounts by others' drivers) and the Debian packages that `npm test`
 * installs; a contender that is missing is left out and the report says why. Images are kept in
 * $ISOMOUNT_BENCH_DIR or a folder in /tmp; $ISOMOUNT_BENCH_ROUNDS is how often each is measured;
 * $ISOMOUNT_DIST is the build to measure.
 */
import { mkdirSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { Bench, say } from "./bench.js";
import { stopDaemon } from "./contenders.js";
import { renderSection, updateReport } from "./report.js";
import { discs } from "./suites/discs.js";
import { disks } from "./suites/disks.js";
import { dmg } from "./suites/dmg.js";
import { iso } from "./suites/iso.js";
import { mounts, series } from "./suites/mounts.js";

const suites = [iso, discs, dmg, disks, mounts, series];
const names = process.argv.slice(2);
const unknown = names.filter((name) => !suites.some((suite) => suite.name === name));
if (unknown.length > 0) {
  const known = suites.map(({ name }) => name).join(", ");
  process.stderr.write(`no such suite: ${unknown.join(", ")}; there are ${known}\n`);
  process.exit(2);
}

const folder = process.env.ISOMOUNT_BENCH_DIR ?? join(tmpdir(), "isomount-bench");
const rounds = Number(process.env.ISOMOUNT_BENCH_ROUNDS ?? 5);
process.env.ISOMOUNT_RUNTIME_DIR = join(folder, "run");
mkdirSync(process.env.ISOMOUNT_RUNTIME_DIR, { recursive: true, mode: 0o700 });

const [loadBefore] = loadavg();
const results = resolve(fileURLToPath(import.meta.url), "../RESULTS.md");
const titles = suites.map(({ title }) => title);
for (const suite of suites) {
  if (names.length > 0 && !names.includes(suite.name)) continue;
  const bench = new Bench(folder, rounds);
  try {
    await suite.run(bench);
  } finally {
    stopDaemon();
  }
  const section = bench.section(suite.title, loadBefore);
  updateReport(results, [section], titles);
  say("");
  process.stdout.write(`${renderSection(section)}\n`);
}
