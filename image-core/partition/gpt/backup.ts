/**
 * Where the backup header may be. UEFI specification 2.10, section 5.3.2: in the disk's last sector,
 * which is not the image's where a disk was copied onto a larger one or into a padded file; then the
 * protective MBR still says how large the disk was.
 */
import { isUsed, type MbrSector, OS_TYPE_GPT_PROTECTIVE } from "../mbr/structs.js";

/** What the protective entry says for a disk too large for it. */
const UNKNOWN_SIZE = 0xffffffff;

/** In bytes; `size` is the image's. */
export function backupPositions(
  size: number,
  sectorSize: number,
  mbr: MbrSector | undefined,
): number[] {
  const lbas = [Math.floor(size / sectorSize) - 1];
  const protective = mbr?.entries.find(
    (entry) => isUsed(entry) && entry.osType === OS_TYPE_GPT_PROTECTIVE,
  );
  if (protective !== undefined && protective.sizeInLba !== UNKNOWN_SIZE) {
    lbas.push(protective.startingLba + protective.sizeInLba - 1);
  }
  return [...new Set(lbas)]
    .map((lba) => lba * sectorSize)
    .filter((position) => position > sectorSize && position + sectorSize <= size);
}
