/** `npm run torture -- MINUTES`: the long run; 5 minutes if none are given. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Isomount } from "../support/isomount.js";
import { makeImages, makeSource } from "./images.js";
import { torture } from "./torture.js";

const minutes = Number(process.argv[2] ?? 5);
const folder = mkdtempSync(join(tmpdir(), "isomount-torture-"));
const isomount = new Isomount();
const source = makeSource(folder);
const result = await torture({
  isomount,
  source,
  images: makeImages(folder, source),
  seconds: minutes * 60,
  minKills: 200,
  tell: (text) => process.stderr.isTTY && process.stderr.write(`\r\x1b[K${text}`),
});
const leftovers = isomount.leftovers();
process.stdout.write(`${JSON.stringify({ ...result, leftovers }, null, 2)}\n`);
isomount.succeed("daemon", "stop");
for (const path of [folder, isomount.folder]) rmSync(path, { recursive: true, force: true });
process.exitCode = result.errors.length + result.wrong.length + leftovers.length > 0 ? 1 : 0;
