/** $Bitmap: a bit for each cluster, 1 where it is taken. */
import { zeroBits } from "../zero-bits.js";
import { AttributeType } from "./attribute.js";
import { type Mft, openStream } from "./mft.js";
import type { Disk } from "./stream.js";

const BITMAP_RECORD = 6;

/** Reads the whole bitmap, 32 MiB for a terabyte of small clusters: ask once. */
export function countFreeClusters(disk: Disk, mft: Mft): number {
  const { attributes } = mft.load(BITMAP_RECORD);
  const bitmap = openStream(disk, attributes, AttributeType.data, "", "$Bitmap");
  if (bitmap === undefined) return 0;
  const bytes = new Uint8Array(65536);
  // Clusters behind the image's end are no room; and their count may be a lie.
  const present = Math.ceil(disk.source.size / disk.boot.clusterSize);
  // The last sector is the boot sector's copy, and makes no cluster.
  const bits = Math.min(bitmap.size * 8, disk.boot.clusters - 1, present);
  let free = 0;
  for (let position = 0; position * 8 < bits; position += bytes.length) {
    const wanted = Math.min(bytes.length, Math.ceil(bits / 8) - position);
    const got = bitmap.read(position, bytes, 0, wanted);
    free += zeroBits(bytes, Math.min(got * 8, bits - position * 8));
  }
  return free;
}
