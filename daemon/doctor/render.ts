/** What `isomount doctor` prints. */
import type { Finding, Verdict } from "./finding.js";

const signs: Record<Verdict, string> = { ok: "✓", warning: "!", failure: "✗" };

/** Lines with a newline at the end of each; the last one sums up. */
export function renderFindings(findings: readonly Finding[]): string {
  const columns = Math.max(...findings.map(({ subject }) => subject.length));
  const indent = " ".repeat(columns + 4);
  const lines = findings.flatMap(({ verdict, subject, found, cost, remedy }) => {
    const told = [`${signs[verdict]} ${subject.padEnd(columns)}  ${found}`];
    if (cost !== undefined) told.push(`${indent}so: ${cost}`);
    if (remedy !== undefined) told.push(`${indent}to mend it: ${remedy}`);
    return told;
  });
  return `${[...lines, summary(findings)].join("\n")}\n`;
}

function summary(findings: readonly Finding[]): string {
  const failures = findings.filter(({ verdict }) => verdict === "failure").length;
  const warnings = findings.filter(({ verdict }) => verdict === "warning").length;
  if (failures > 0) return "isomount cannot work like this";
  if (warnings === 0) return "all is well";
  return `isomount works; ${warnings === 1 ? "1 thing" : `${warnings} things`} could be better`;
}
