/**
 * In which blocks the map counts. The driver descriptor says so, but discs carry maps for readers
 * of 512-byte and of 2048-byte blocks at once, under one descriptor, and some have none: the
 * distance between the map's entries is what counts.
 */
import { decodeApmEntry, decodeBlockSize } from "./structs.js";

/** More than any map has. */
const MAX_ENTRIES = 1024;

/** `head`: the first bytes of the medium. Undefined where there is no map. */
export function mapBlockSize(head: Uint8Array): number | undefined {
  const stated = decodeBlockSize(head);
  return [...(stated === undefined ? [] : [stated]), 512, 1024, 2048, 4096].find(
    (blockSize) => blockSize >= 512 && blockSize % 512 === 0 && isMapOf(head, blockSize),
  );
}

/** The first entry's count fits, and where it says that there is a second, there is one that agrees. */
function isMapOf(head: Uint8Array, blockSize: number): boolean {
  const first = decodeApmEntry(head, blockSize);
  if (first === undefined || first.mapBlkCnt === 0 || first.mapBlkCnt > MAX_ENTRIES) return false;
  return (
    first.mapBlkCnt === 1 || decodeApmEntry(head, 2 * blockSize)?.mapBlkCnt === first.mapBlkCnt
  );
}
