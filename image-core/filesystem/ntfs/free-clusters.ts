/** $Bitmap: a bit for each cluster, 1 where it is taken. */
import { AttributeType } from "./attribute.js";
import { type Mft, openStream } from "./mft.js";
import type { Disk } from "./stream.js";

const BITMAP_RECORD = 6;

/** How many bits of a byte are 0. */
const ZERO_BITS = Uint8Array.from({ length: 256 }, (_, byte) => {
  let zeros = 0;
  for (let bit = 0; bit < 8; bit++) if ((byte & (1 << bit)) === 0) zeros++;
  return zeros;
});

/** Reads the whole bitmap, 32 MiB for a terabyte of small clusters: ask once. */
export function countFreeClusters(disk: Disk, mft: Mft): number {
  const { attributes } = mft.load(BITMAP_RECORD);
  const bitmap = openStream(disk, attributes, AttributeType.data, "", "$Bitmap");
  if (bitmap === undefined) return 0;
  const bytes = new Uint8Array(65536);
  const whole = Math.min(bitmap.size, Math.floor(disk.boot.clusters / 8));
  let free = 0;
  for (let position = 0; position < whole; position += bytes.length) {
    const got = bitmap.read(position, bytes, 0, Math.min(bytes.length, whole - position));
    for (let i = 0; i < got; i++) free += ZERO_BITS[bytes[i]];
  }
  return free;
}
