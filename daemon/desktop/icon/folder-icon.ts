/**
 * Shows a mounted volume's folder with the volume's own icon, in file managers that keep such wishes
 * in GVfs' metadata: Nautilus, Nemo, Caja. (The side bars of all that build on GVfs take the icon
 * that `autorun.inf` names from the volume itself, if it is an `.ico`.) Nothing is written to the
 * mount: the icon lies in the user's cache, as a PNG of our own making.
 */
import { existsSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { runToEnd } from "../helper-program.js";
import { iconCache, keepIcon } from "./icon-cache.js";
import { writePng } from "./png-writer.js";
import { volumeIcon } from "./volume-icon.js";

const ATTRIBUTE = "metadata::custom-icon";

/** For the folder of an image that has just been mounted. */
export async function showIcon(mountpoint: string): Promise<void> {
  const picture = await volumeIcon(mountpoint);
  if (picture !== undefined) {
    const { href } = pathToFileURL(keepIcon(writePng(picture)));
    await runToEnd("gio", ["set", mountpoint, ATTRIBUTE, href]);
  } else if (existsSync(iconCache())) {
    // The folder may have been another image's before.
    await runToEnd("gio", ["set", "-t", "unset", mountpoint, ATTRIBUTE]);
  }
}
