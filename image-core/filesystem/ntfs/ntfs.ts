/** Opens NTFS: boot sector, MFT, $Volume, $UpCase. */
import { corrupt, ImageError } from "../../errors.js";
import type { OpenContext } from "../../format.js";
import type { ByteSource } from "../../source/byte-source.js";
import { readExactly } from "../../source/read-exactly.js";
import { utf16Name } from "../../text/utf16.js";
import type { Volume, VolumeDescription } from "../volume.js";
import { AttributeType } from "./attribute.js";
import { BOOT_SECTOR_SIZE, decodeBootSector, FORMAT } from "./boot-sector.js";
import { decodeTime } from "./file-name.js";
import { le16 } from "./little-endian.js";
import { logFileIsClean } from "./log-file.js";
import { Mft, openStream } from "./mft.js";
import { NtfsVolume, ROOT_RECORD } from "./ntfs-volume.js";
import { type Disk, UnitCache } from "./stream.js";
import { upCaseFolder } from "./up-case.js";

const LOG_FILE_RECORD = 2;
const VOLUME_RECORD = 3;
const UP_CASE_RECORD = 10;
const VOLUME_IS_DIRTY = 0x0001;
const UP_CASE_SIZE = 131072;

export function open(source: ByteSource, context: OpenContext): Volume {
  const warnings: string[] = [];
  const { disk, mft } = openTable(source, warnings);
  const { boot } = disk;
  const fullSize = (boot.clusters - 1) * boot.clusterSize;
  if (fullSize > source.size) {
    warnings.push(`the image ends at ${source.size} of ${fullSize} bytes`);
  }
  const root = mft.load(ROOT_RECORD);
  if (!root.isDirectory) throw corrupt(FORMAT, "root, file record 5", 0, "is not a directory");
  const table = attempt(warnings, "names are compared by Unicode's upper case", () =>
    openRecordStream(disk, mft, UP_CASE_RECORD)?.readAll(UP_CASE_SIZE),
  );
  const clean = attempt(warnings, "whether all changes were written is unknown", () => {
    const log = openRecordStream(disk, mft, LOG_FILE_RECORD);
    return log === undefined || logFileIsClean(log);
  });
  if (clean === false) {
    warnings.push(
      "not unmounted cleanly: the newest changes may be missing ($LogFile is not replayed)",
    );
  }
  const description = describe(disk, mft, warnings);
  return new NtfsVolume(description, disk, mft, upCaseFolder(table), context.owner);
}

interface Table {
  disk: Disk;
  mft: Mft;
}

/** By the boot sector, or by its copy in the last sector if the first or what it leads to is damaged. */
function openTable(source: ByteSource, warnings: string[]): Table {
  const openAt = (position: number): Table => {
    const sector = readExactly(source, position, BOOT_SECTOR_SIZE, FORMAT, "boot sector");
    const boot = decodeBootSector(sector, position);
    const disk: Disk = { source, boot, units: new UnitCache() };
    return { disk, mft: openMft(disk, warnings) };
  };
  try {
    return openAt(0);
  } catch (error) {
    if (!(error instanceof ImageError)) throw error;
    const position = source.size - BOOT_SECTOR_SIZE;
    const backup = position > 0 ? attempt([], "", () => openAt(position)) : undefined;
    if (backup === undefined) throw error;
    warnings.push(`read by the backup boot sector: ${error.message}`);
    return backup;
  }
}

function openMft(disk: Disk, warnings: string[]): Mft {
  try {
    return new Mft(disk, disk.boot.mftCluster);
  } catch (error) {
    if (!(error instanceof ImageError)) throw error;
    const { mftMirrorCluster } = disk.boot;
    const mirrored = attempt([], "", () => new Mft(disk, mftMirrorCluster));
    if (mirrored === undefined) throw error;
    warnings.push(`read by the mirror of the MFT: ${error.message}`);
    return mirrored;
  }
}

function describe(disk: Disk, mft: Mft, warnings: string[]): VolumeDescription {
  const { boot } = disk;
  const features: string[] = [];
  let label = "";
  let version = "";
  let created: number | undefined;
  attempt(warnings, "label and version are unknown", () => {
    for (const { type, value } of mft.load(VOLUME_RECORD).attributes) {
      if (value === undefined) continue;
      if (type === AttributeType.volumeName && value.length > 0) {
        label = utf16Name(value, 0, value.length, true);
      } else if (type === AttributeType.volumeInformation && value.length >= 12) {
        version = ` ${value[8]}.${value[9]}`;
        if ((le16(value, 10) & VOLUME_IS_DIRTY) !== 0) warnings.push("it is marked dirty");
      } else if (type === AttributeType.standardInformation && value.length >= 8) {
        created = decodeTime(value, 0).seconds;
      }
    }
  });
  features.push(
    `clusters of ${boot.clusterSize} bytes`,
    `file records of ${boot.fileRecordSize} bytes`,
  );
  return {
    format: FORMAT,
    title: `NTFS${version}`,
    label,
    uuid: boot.serialNumber,
    created,
    blockSize: boot.clusterSize,
    features,
    warnings,
  };
}

function openRecordStream(disk: Disk, mft: Mft, record: number) {
  const { attributes } = mft.load(record);
  return openStream(disk, attributes, AttributeType.data, "", `file record ${record}`);
}

/** What a volume can be read without: undefined and a warning where it is damaged. */
function attempt<T>(warnings: string[], consequence: string, action: () => T): T | undefined {
  try {
    return action();
  } catch (error) {
    if (!(error instanceof ImageError)) throw error;
    warnings.push(`${consequence}: ${error.message}`);
    return undefined;
  }
}
