/**
 * Opens a FAT volume: picks the FAT to believe and describes what was found.
 * FSInfo is not read: it is a hint for writers.
 */
import { corrupt } from "../../errors.js";
import type { OpenContext } from "../../format.js";
import type { ByteSource } from "../../source/byte-source.js";
import type { Volume, VolumeDescription } from "../volume.js";
import { FatVolume } from "./fat-volume.js";
import type { FatGeometry } from "./geometry.js";
import { fatBegins, type Recognised, recognise } from "./recognise.js";
import { volumeLabel } from "./short-name.js";

/** As much as the probe saw, so that both take the volume for the same. */
const HEAD_BYTES = 128 * 1024;
const BITLOCKER_TO_GO = [0x3b, 0xd6, 0x67, 0x49, 0x29, 0x2e, 0xd8, 0x4a];

export function open(source: ByteSource, context: OpenContext): Volume {
  const head = new Uint8Array(Math.min(HEAD_BYTES, source.size));
  source.read(0, head, 0, head.length);
  const recognised = recognise(head, source.size);
  if (typeof recognised === "string") throw corrupt("fat", "boot sector", 0, recognised);
  const { geometry, boot } = recognised;
  const warnings: string[] = [];
  const fatIndex = chooseFat(source, geometry, warnings);
  const end = geometry.dataStart + geometry.clusterCount * geometry.clusterSize;
  if (end > source.size) {
    warnings.push(`the image ends after ${source.size} of the volume's ${end} bytes`);
  }
  if (boot !== undefined && geometry.fatBits === 32 && boot.fsVer !== 0) {
    warnings.push(`FAT32 version ${boot.fsVer >> 8}.${boot.fsVer & 0xff}: read as 0.0`);
  }
  if (BITLOCKER_TO_GO.every((byte, i) => head[424 + i] === byte)) {
    warnings.push("BitLocker To Go: what shows is its discovery volume, not the encrypted one");
  }
  const description: VolumeDescription = {
    format: "fat",
    title: `FAT${geometry.fatBits}`,
    label: "",
    blockSize: geometry.clusterSize,
    features: features(recognised),
    warnings,
  };
  if (boot?.bootSig === 0x29 || boot?.bootSig === 0x28) description.uuid = serial(boot.volID);
  const volume = new FatVolume(source, description, geometry, fatIndex, context);
  const label = volume.findLabel();
  if (label !== undefined) {
    description.label = label.label;
    description.created = label.created;
  } else if (boot?.bootSig === 0x29) {
    const stored = volumeLabel(boot.volLab, 0, volume.charset);
    if (stored !== "NO NAME") description.label = stored;
  }
  return volume;
}

/** The one FAT that counts where mirroring is off; else the first that begins as a FAT must. */
function chooseFat(source: ByteSource, geometry: FatGeometry, warnings: string[]): number {
  if (geometry.activeFat !== undefined) return geometry.activeFat;
  const begin = new Uint8Array(4);
  for (let index = 0; index < geometry.fatCount; index++) {
    const got = source.read(geometry.fatStart + index * geometry.fatSize, begin, 0, 4);
    if (got < 4 || !fatBegins(begin)) continue;
    if (index > 0) warnings.push(`the first FAT is damaged: number ${index + 1} is used instead`);
    return index;
  }
  warnings.push("no FAT begins with a media byte");
  return 0;
}

function features({ geometry, boot }: Recognised): string[] {
  const found = [`${geometry.sectorSize}-byte sectors`];
  if (geometry.fatCount !== 2) found.push(`${geometry.fatCount} FATs`);
  if (geometry.activeFat !== undefined) found.push(`FAT ${geometry.activeFat + 1} active alone`);
  if (boot === undefined) found.push("floppy without BIOS parameter block");
  else if (boot.jmpBoot === 0x60) found.push("Atari boot sector");
  return found;
}

/** As Linux and Windows write it: `1A2B-3C4D`. */
function serial(volID: number): string {
  const digits = volID.toString(16).toUpperCase().padStart(8, "0");
  return `${digits.slice(0, 4)}-${digits.slice(4)}`;
}
