/**
 * The extended attribute record (ECMA-119 9.5): owner, permissions and dates in the first blocks of
 * an extent. Written by VMS tools and hardly any other.
 */
import { both16 } from "./both-endian.js";
import { FLAG_PROTECTION } from "./directory-record.js";
import type { Entry } from "./entry.js";
import type { IsoImage } from "./iso-image.js";
import { digitsTime } from "./times.js";

/** Fields up to the file effective date. */
const USED_BYTES = 78;

/** Permission field (9.5.3): a bit that is zero permits. Bit number to mode bit. */
const PERMISSIONS: readonly [number, number][] = [
  [4, 0o400],
  [6, 0o100],
  [8, 0o040],
  [10, 0o010],
  [12, 0o004],
  [14, 0o001],
];

const scratch = new Uint8Array(USED_BYTES);

/** Takes owner and permissions (where the record says that they count) and dates into `entry`. */
export function applyAttributeRecord(image: IsoImage, entry: Entry): void {
  const position = entry.extent * image.blockSize;
  if (image.cache.read(position, scratch, 0, USED_BYTES) < USED_BYTES) return;
  if ((entry.flags & FLAG_PROTECTION) !== 0) {
    entry.uid = both16(scratch, 0);
    entry.gid = both16(scratch, 4);
    const field = (scratch[8] << 8) | scratch[9];
    let permissions = 0;
    for (const [bit, mode] of PERMISSIONS) if ((field & (1 << bit)) === 0) permissions |= mode;
    entry.permissions = permissions;
  }
  const width = image.highSierra ? 16 : 17;
  const creation = digitsTime(scratch, 10, image.highSierra);
  const modification = digitsTime(scratch, 10 + width, image.highSierra);
  if (creation !== undefined) {
    entry.ctime = creation.seconds;
    entry.ctimeNs = creation.nanoseconds;
  }
  if (modification !== undefined) {
    entry.mtime = modification.seconds;
    entry.mtimeNs = modification.nanoseconds;
  }
}
