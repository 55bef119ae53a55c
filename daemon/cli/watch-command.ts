/** `isomount watch FOLDER...`. */
import { statSync } from "node:fs";
import { resolve } from "node:path";
import { ExitCode, failed, reasonOf } from "../client/failure.js";
import { mountImage } from "../client/mount-image.js";
import { watchFolders } from "../watch/watch.js";
import type { Voice } from "../watch/watched-mounts.js";
import { imageRequest } from "./image-request.js";
import { parseOptions } from "./mount-options.js";
import type { RawOption } from "./option-string.js";
import { printable } from "./printable.js";
import { warn } from "./report.js";

export interface WatchCommand {
  folders: readonly string[];
  options: RawOption[];
  keep: boolean;
}

/** Stays until it is told to end. */
export async function runWatch({ folders, options, keep }: WatchCommand): Promise<ExitCode> {
  const settings = parseOptions(options);
  for (const warning of settings.warnings) warn(warning);
  const paths = folders.map(folderPath);
  await watchFolders({
    folders: [...new Set(paths)],
    mount: (image) =>
      mountImage({
        ...imageRequest(image, settings),
        // Nobody is there to answer.
        ask: async () => undefined,
        mountOptions: settings.mount,
      }),
    keep,
    voice: voice(process.env.JOURNAL_STREAM !== undefined),
  });
  return ExitCode.ok;
}

function folderPath(name: string): string {
  const path = resolve(name);
  let isFolder: boolean;
  try {
    isFolder = statSync(path).isDirectory();
  } catch (error) {
    throw failed(`cannot watch ${path}: ${reasonOf(error)}`, error);
  }
  if (!isFolder) throw failed(`cannot watch ${path}: it is not a folder`);
  return path;
}

/** sd-daemon(3): the journal takes a line's priority from its beginning. */
function voice(isJournal: boolean): Voice {
  const say = (priority: number, prefix: string) => (message: string) => {
    const start = isJournal ? `<${priority}>` : prefix;
    process.stdout.write(`${start}${printable(message)}\n`);
  };
  return { info: say(6, ""), warn: say(4, "warning: ") };
}
