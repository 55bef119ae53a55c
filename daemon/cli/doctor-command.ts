/** `isomount doctor`. */
import { ExitCode } from "../client/failure.js";
import { examine } from "../doctor/examine.js";
import { renderFindings } from "../doctor/render.js";
import { jsonText, printable } from "./printable.js";

export async function runDoctor(json: boolean): Promise<ExitCode> {
  const findings = (await examine()).map((finding) => ({
    ...finding,
    // Names of images and folders are in it.
    found: printable(finding.found),
  }));
  process.stdout.write(json ? `${jsonText(findings, 2)}\n` : renderFindings(findings));
  return findings.some(({ verdict }) => verdict === "failure") ? ExitCode.system : ExitCode.ok;
}
