/** Opens MFS volumes (Inside Macintosh II-119 to II-123, "Data Organization on Volumes"). */
import { ImageError } from "../../errors.js";
import type { OpenContext } from "../../format.js";
import type { ByteSource } from "../../source/byte-source.js";
import { readExactly } from "../../source/read-exactly.js";
import { charsetById } from "../../text/charset.js";
import { MacNames } from "../apple/mac-names.js";
import { unixFromLocalMac } from "../apple/mac-time.js";
import type { Volume } from "../volume.js";
import { BlockMap, blockMapBytes, MAX_ALLOCATION_BLOCKS } from "./block-map.js";
import { Directory, readEntries } from "./directory.js";
import { MfsVolume } from "./volume.js";
import {
  BACKUP_DISTANCE,
  BLOCK_BYTES,
  decodeVolumeInformation,
  looksLikeVolumeInformation,
  VOLUME_INFORMATION_BYTES,
  VOLUME_INFORMATION_OFFSET,
  type VolumeInformation,
} from "./volume-information.js";

/** Str255 */
const MAX_NAME_BYTES = 255;
const BLOCK_MAP_OFFSET = VOLUME_INFORMATION_OFFSET + VOLUME_INFORMATION_BYTES;
/** With which startup information begins. */
const STARTUP_SIGNATURE = 0x4c4b;

/** Bits of drAtrb. */
const LOCKED_BY_HARDWARE = 1 << 7;
const LOCKED_BY_SOFTWARE = 1 << 15;

/** Throws `corrupt` where there is no volume information, `truncated` where no map or directory is. */
export function open(source: ByteSource, context: OpenContext): Volume {
  const warnings: string[] = [];
  const information = readVolumeInformation(source, warnings);
  const blockMap = readBlockMap(source, information, warnings);
  const charset = charsetById(context.options.charset ?? "macroman");
  const names = new MacNames(charset, MAX_NAME_BYTES);
  const directory = new Directory(readEntries(source, information, warnings), names);
  const { drAlBlSt, drAlBlkSiz, drAtrb, drCrDate, drNmAlBlks, drNmFls, drVN } = information;
  if (directory.files.length !== drNmFls) {
    warnings.push(`${directory.files.length} files were found, the volume counts ${drNmFls}`);
  }
  const end = drAlBlSt * BLOCK_BYTES + drNmAlBlks * drAlBlkSiz;
  if (end > source.size) {
    warnings.push(`the volume has ${end} bytes, the image only ${source.size}`);
  }
  const localOffset = (seconds: number) => context.localOffset(seconds);
  const features = [`names in ${charset.id}`];
  if ((drAtrb & (LOCKED_BY_HARDWARE | LOCKED_BY_SOFTWARE)) !== 0) features.push("locked");
  return new MfsVolume(
    { source, information, blockMap, directory },
    {
      format: "mfs",
      title: "MFS",
      label: drVN.length === 0 ? "" : names.shownName(drVN, 0, drVN.length),
      created: drCrDate === 0 ? undefined : unixFromLocalMac(drCrDate, 0, localOffset),
      blockSize: drAlBlkSiz,
      features,
      boot: hasStartupInformation(source) ? ["Macintosh startup information"] : undefined,
      warnings,
    },
    context,
  );
}

/** Or its backup at the end of the volume, where the first is none. */
function readVolumeInformation(source: ByteSource, warnings: string[]): VolumeInformation {
  const read = (offset: number) =>
    readExactly(source, offset, VOLUME_INFORMATION_BYTES, "mfs", "volume information");
  const bytes = read(VOLUME_INFORMATION_OFFSET);
  try {
    return decodeVolumeInformation(bytes, VOLUME_INFORMATION_OFFSET);
  } catch (error) {
    const offset = source.size - BACKUP_DISTANCE;
    if (!(error instanceof ImageError) || offset <= VOLUME_INFORMATION_OFFSET) throw error;
    const backup = read(offset);
    if (!looksLikeVolumeInformation(backup, 0)) throw error;
    warnings.push("the volume information is damaged; its backup was used");
    return decodeVolumeInformation(backup, offset);
  }
}

/** Always the first map: the backup's is that of an empty volume. */
function readBlockMap(
  source: ByteSource,
  { drNmAlBlks }: VolumeInformation,
  warnings: string[],
): BlockMap {
  const allocationBlocks = Math.min(drNmAlBlks, MAX_ALLOCATION_BLOCKS);
  if (allocationBlocks < drNmAlBlks) {
    warnings.push(`of ${drNmAlBlks} allocation blocks the block map reaches ${allocationBlocks}`);
  }
  // Usually within the two blocks of the master directory block; on large volumes it goes on.
  const length = blockMapBytes(allocationBlocks);
  const bytes = readExactly(source, BLOCK_MAP_OFFSET, length, "mfs", "block map");
  return new BlockMap(bytes, BLOCK_MAP_OFFSET, allocationBlocks);
}

function hasStartupInformation(source: ByteSource): boolean {
  const bytes = readExactly(source, 0, 2, "mfs", "system startup information");
  return (bytes[0] << 8) + bytes[1] === STARTUP_SIGNATURE;
}
