/** The results as a table: every figure is a ratio to a contender measured in the same run. */
import { writeFileSync } from "node:fs";
import { cpus, release } from "node:os";

export interface Row {
  what: string;
  /** What isomount did, with its unit. */
  measured: string;
  against: string;
  /** Above 1: isomount is that many times better. */
  ratio: number;
  /** What is to be reached, if anything. */
  goal?: number;
}

export interface Fact {
  what: string;
  measured: string;
  goal: string;
  reached: boolean;
}

export function writeReport(path: string, rows: readonly Row[], facts: readonly Fact[]): string {
  const mark = (reached: boolean | undefined) =>
    reached === undefined ? "" : reached ? "yes" : "**no**";
  const text = [
    "# Benchmark results",
    "",
    "Written by `npm run bench`. A ratio above 1 means that isomount is that many times better than",
    "the other, both measured in turns in the same run; medians. Absolute figures only say how fast",
    "this one machine was that day.",
    "",
    `Node ${process.version}, Linux ${release()}, ${cpus().length} × ${cpus()[0]?.model.trim()}.`,
    "",
    "| what | isomount | against | ratio | to reach | reached |",
    "|---|---|---|---|---|---|",
    ...rows.map(
      (row) =>
        `| ${row.what} | ${row.measured} | ${row.against} | ${row.ratio.toFixed(2)} | ${row.goal ?? ""} | ${mark(row.goal === undefined ? undefined : row.ratio >= row.goal)} |`,
    ),
    "",
    "| what | isomount | to reach | reached |",
    "|---|---|---|---|",
    ...facts.map(
      (fact) => `| ${fact.what} | ${fact.measured} | ${fact.goal} | ${mark(fact.reached)} |`,
    ),
    "",
  ].join("\n");
  writeFileSync(path, text);
  return text;
}
