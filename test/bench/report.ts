/** RESULTS.md: a section for each suite, replaced when the suite is run again. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
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

export interface Section {
  title: string;
  rounds: number;
  /** Of the machine before the run began. */
  loadBefore: number;
  rows: readonly Row[];
  facts: readonly Fact[];
  /** What could not be measured, and why. */
  leftOut: readonly string[];
}

const PREAMBLE = `# Benchmark results

Written by \`npm run bench\`; \`npm run bench -- iso dmg\` runs those suites and leaves the sections of
the others as they are. A ratio above 1 means that isomount is that many times better than the
other, both measured in turns in the same run; medians. Absolute figures only say how fast this one
machine was that day.
`;

/** Writes the sections into the file, in the order of `titles`, those of other runs kept. */
export function updateReport(
  path: string,
  sections: readonly Section[],
  titles: readonly string[],
): void {
  const texts = existsSync(path) ? readSections(readFileSync(path, "utf8")) : new Map();
  for (const section of sections) texts.set(section.title, renderSection(section));
  const ordered = titles.filter((title) => texts.has(title)).map((title) => texts.get(title));
  writeFileSync(path, `${[PREAMBLE, ...ordered].join("\n")}`);
}

/** By title, from its line to the next title; a report without titles has none. */
function readSections(text: string): Map<string, string> {
  const parts = text.split(/^(?=## )/m).filter((part) => part.startsWith("## "));
  return new Map(
    parts.map((part) => [part.slice(3, part.indexOf("\n")), `${part.trimEnd()}\n`] as const),
  );
}

export function renderSection(section: Section): string {
  const { title, rounds, loadBefore, rows, facts, leftOut } = section;
  const when = new Date().toISOString().slice(0, 10);
  const howOften = `${rounds} ${rounds === 1 ? "round" : "rounds"}`;
  const machine = `Node ${process.version}, Linux ${release()}, ${cpus().length} × ${cpus()[0]?.model.trim()}`;
  // Other work lowers every figure, though not all of them alike.
  const load = `load average ${loadBefore.toFixed(1)}`;
  const calm = loadBefore < 1 ? `${load} before` : `provisional: the machine was busy (${load})`;
  const mark = (reached: boolean | undefined) =>
    reached === undefined ? "" : reached ? "yes" : "**no**";
  const lines = [`## ${title}`, "", `${when}, ${howOften}, ${machine}, ${calm}.`];
  if (rows.length > 0) {
    lines.push(
      "",
      "| what | isomount | against | ratio | to reach | reached |",
      "|---|---|---|---|---|---|",
    );
    for (const { what, measured, against, ratio, goal } of rows) {
      const reached = mark(goal === undefined ? undefined : ratio >= goal);
      const cells = [what, measured, against, ratio.toFixed(2), goal ?? "", reached];
      lines.push(`| ${cells.join(" | ")} |`);
    }
  }
  if (facts.length > 0) {
    lines.push("", "| what | isomount | to reach | reached |", "|---|---|---|---|");
    for (const { what, measured, goal, reached } of facts) {
      lines.push(`| ${[what, measured, goal, mark(reached)].join(" | ")} |`);
    }
  }
  if (leftOut.length > 0) lines.push("", ...leftOut.map((reason) => `- Left out: ${reason}`));
  return `${lines.join("\n")}\n`;
}
