/**
 * Where on its disc a run of whole data sectors begins, by the addresses in their headers: truer
 * than a sheet that lost the gaps between sessions, and what filesystems count by.
 */
import type { ByteSource } from "../../source/byte-source.js";
import { DESCRIPTOR_SECTOR, rootExtent } from "./descriptor.js";
import { hasSync, headerLba, headerMode, RAW_BYTES, type SectorLayout } from "./sector.js";

/**
 * The LBA of the sector at `position`. Undefined where its header and the next do not agree, and
 * where a filesystem there counts otherwise: images exist whose headers are made up.
 */
export function headerStart(
  file: ByteSource,
  position: number,
  layout: SectorLayout,
): number | undefined {
  if (layout.stored !== RAW_BYTES) return undefined;
  const sector = new Uint8Array(RAW_BYTES);
  const first = addressAt(file, position, sector);
  if (first === undefined) return undefined;
  if (addressAt(file, position + layout.stride, sector) !== first + 1) return undefined;
  if (first > 0) {
    const descriptor = position + DESCRIPTOR_SECTOR * layout.stride;
    if (addressAt(file, descriptor, sector) !== undefined) {
      const root = rootExtent(sector, headerMode(sector, 0) === 2 ? 24 : 16);
      if (root !== undefined && root < first) return undefined;
    }
  }
  return first;
}

function addressAt(file: ByteSource, position: number, sector: Uint8Array): number | undefined {
  if (file.read(position, sector, 0, RAW_BYTES) < RAW_BYTES) return undefined;
  return hasSync(sector, 0) ? headerLba(sector, 0) : undefined;
}
