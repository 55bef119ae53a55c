/**
 * `npm run torture -- MINUTES KILLS IMAGES SLOWNESS`: the long run. It goes on until there were so many
 * kills, 200 if not told; fewer images, and more time for everything, suit a slow machine.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Isomount } from "../support/isomount.js";
import { makeImages, makeSource } from "./images.js";
import { torture } from "./torture.js";

const [minutes = 5, minKills = 200, imageCount, slowness = 1] = process.argv.slice(2).map(Number);
const folder = mkdtempSync(join(tmpdir(), "isomount-torture-"));
const isomount = new Isomount();
try {
  const source = makeSource(folder);
  const result = await torture({
    isomount,
    source,
    images: makeImages(folder, source).slice(0, imageCount),
    seconds: minutes * 60,
    minKills,
    slowness,
    tell: (text) => process.stderr.isTTY && process.stderr.write(`\r\x1b[K${text}`),
  });
  process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
  const { errors, wrong, leftovers } = result;
  if (errors.length + wrong.length + leftovers.length > 0) throw new Error("see above");
} catch (error) {
  process.exitCode = 1;
  process.stdout.write(`${isomount.daemonLog()}\n${(error as Error).stack}\n`);
} finally {
  for (const { id } of isomount.list()) isomount.run("umount", "--lazy", id);
  isomount.run("daemon", "stop");
  for (const path of [folder, isomount.folder]) rmSync(path, { recursive: true, force: true });
}
