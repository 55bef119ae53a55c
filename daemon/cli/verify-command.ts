/** `isomount verify IMAGE`. */
import { ExitCode } from "../client/failure.js";
import { verifyImage } from "../client/mount-image.js";
import { imageRequest } from "./image-request.js";
import { parseOptions } from "./mount-options.js";
import type { RawOption } from "./option-string.js";
import { jsonText, printable } from "./printable.js";
import { warn } from "./report.js";

const BAR_COLUMNS = 30;

export async function runVerify(command: {
  image: string;
  options: RawOption[];
  json: boolean;
  system: boolean;
}): Promise<ExitCode> {
  const settings = parseOptions(command.options);
  for (const warning of settings.warnings) warn(warning);
  const findings: string[] = [];
  const bar = process.stderr.isTTY && !command.json;
  const { formats } = await verifyImage(
    imageRequest(command.image, settings, command.system),
    (progress) => {
      findings.push(...progress.findings);
      if (bar) process.stderr.write(`\r${drawBar(progress.share)}`);
    },
  );
  if (bar) process.stderr.write("\r\x1b[K");
  if (command.json) {
    const { image } = command;
    process.stdout.write(`${jsonText({ image, formats, findings }, 2)}\n`);
  } else {
    for (const finding of findings) process.stdout.write(`${printable(finding)}\n`);
    process.stdout.write(`${conclusion(command.image, formats, findings.length)}\n`);
  }
  return findings.length > 0 ? ExitCode.failed : ExitCode.ok;
}

function drawBar(share: number): string {
  const full = Math.round(share * BAR_COLUMNS);
  return `[${"#".repeat(full)}${" ".repeat(BAR_COLUMNS - full)}] ${Math.floor(share * 100)} %`;
}

function conclusion(image: string, formats: readonly string[], bad: number): string {
  const name = printable(image);
  if (formats.length === 0) return `${name} carries no checksums: nothing to verify`;
  const what = formats.join(" and ");
  return bad === 0
    ? `${name} is good: every checksum of its ${what} container is right`
    : `${name} is damaged: ${bad} ${bad === 1 ? "range is" : "ranges are"} bad`;
}
