/** Opens an exFAT volume. Reading trusts the FAT and the directories; the bitmap only counts free space. */
import { corrupt } from "../../errors.js";
import type { OpenContext } from "../../format.js";
import type { ByteSource } from "../../source/byte-source.js";
import type { Volume, VolumeDescription } from "../volume.js";
import { readBootRegion } from "./boot-region.js";
import { ExfatVolume } from "./exfat-volume.js";
import { exfatGeometry } from "./geometry.js";

/** `VolumeFlags`. */
const VOLUME_DIRTY = 1 << 1;
const MEDIA_FAILURE = 1 << 2;

export function open(source: ByteSource, context: OpenContext): Volume {
  const region = readBootRegion(source);
  if (typeof region === "string") throw corrupt("exfat", "boot sector", 0, region);
  const { boot, warnings } = region;
  const revision = `${boot.fileSystemRevision >> 8}.${String(boot.fileSystemRevision & 0xff).padStart(2, "0")}`;
  const geometry = exfatGeometry(boot);
  const end = boot.volumeLength * geometry.sectorSize;
  if (end > source.size) {
    warnings.push(`the image ends after ${source.size} of the volume's ${end} bytes`);
  }
  if ((boot.volumeFlags & VOLUME_DIRTY) !== 0) warnings.push("was not unmounted");
  if ((boot.volumeFlags & MEDIA_FAILURE) !== 0) warnings.push("has met bad sectors");
  const description: VolumeDescription = {
    format: "exfat",
    title: `exFAT ${revision}`,
    label: "",
    uuid: serial(boot.volumeSerialNumber),
    blockSize: geometry.clusterSize,
    features: [`${geometry.sectorSize}-byte sectors`],
    warnings,
  };
  const volume = new ExfatVolume(source, description, geometry, context);
  const system = volume.readSystemEntries(warnings);
  description.label = system.label;
  if (system.guid !== undefined) description.features.push(`volume GUID ${system.guid}`);
  if (system.texfat || boot.numberOfFats === 2) description.features.push("TexFAT");
  return volume;
}

/** As Linux and Windows write it: `1A2B-3C4D`. */
function serial(volumeSerialNumber: number): string {
  const digits = volumeSerialNumber.toString(16).toUpperCase().padStart(8, "0");
  return `${digits.slice(0, 4)}-${digits.slice(4)}`;
}
