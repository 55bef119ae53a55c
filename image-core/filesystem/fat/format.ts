/** Recognises FAT12, FAT16 and FAT32 by the BIOS parameter block and how the FAT begins. */
import { Confidence, type FilesystemFormat, type Match } from "../../format.js";
import { type Recognised, recognise } from "./recognise.js";

export const fat: FilesystemFormat = {
  id: "fat",
  title: "FAT",
  probe({ head, size }): Match | undefined {
    const recognised = recognise(head, size);
    if (typeof recognised === "string") return undefined;
    const confidence = confidenceIn(recognised);
    if (confidence === undefined) return undefined;
    return { confidence, title: titleOf(recognised) };
  },
  load: () => import("./fat.js"),
};

/**
 * Old DOS versions, Atari and Japanese machines write no 0xAA55, and damaged volumes no sound FAT:
 * one of both is missed, not both. Of the second FAT the probe knows nothing.
 */
function confidenceIn(recognised: Recognised): Confidence | undefined {
  const { boot, bootable, fatBegins } = recognised;
  const labelled = boot !== undefined && /^FAT(12|16|32)? +$/.test(boot.filSysType);
  if (fatBegins) return bootable ? Confidence.certain : Confidence.likely;
  if (bootable && labelled) return Confidence.likely;
  return bootable && fatBegins === undefined ? Confidence.guess : undefined;
}

function titleOf({ boot, geometry }: Recognised): string {
  const title = `FAT${geometry.fatBits}`;
  if (boot?.bootSig !== 0x29) return title;
  const label = String.fromCharCode(...boot.volLab).trimEnd();
  const plain = /^[\x21-\x7e][\x20-\x7e]*$/.test(label) && label !== "NO NAME";
  return plain ? `${title} "${label}"` : title;
}
