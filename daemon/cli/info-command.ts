/** `isomount info IMAGE`. */
import { ExitCode } from "../client/failure.js";
import { describeImage } from "../client/mount-image.js";
import { imageRequest } from "./image-request.js";
import { parseOptions } from "./mount-options.js";
import type { RawOption } from "./option-string.js";
import { jsonText } from "./printable.js";
import { renderInfo } from "./render-info.js";
import { warn } from "./report.js";

export async function runInfo(command: {
  image: string;
  options: RawOption[];
  json: boolean;
  system: boolean;
}): Promise<ExitCode> {
  const settings = parseOptions(command.options);
  for (const warning of settings.warnings) warn(warning);
  const description = await describeImage(imageRequest(command.image, settings, command.system));
  process.stdout.write(command.json ? `${jsonText(description, 2)}\n` : renderInfo(description));
  return ExitCode.ok;
}
