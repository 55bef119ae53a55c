/** Whether a volume was closed in good order, and what it counts (ECMA-167 3/8.8, 3/10.10). */
import type { ByteSource } from "../../source/byte-source.js";
import type { ExtentAd } from "./allocation-descriptor.js";
import { descriptorProblem, TagIdentifier, tagIdentifier } from "./descriptor-tag.js";
import { readIfThere } from "./read-if-there.js";
import { decodeIntegrity, type LogicalVolumeIntegrityDescriptor } from "./volume-descriptors.js";

/** Descriptors read: rewritten ones lie side by side, so a worn disc may have many. */
const MAX_DESCRIPTORS = 4096;

/** The last descriptor of the sequence; undefined where there is none. */
export function readIntegrity(
  source: ByteSource,
  sectorSize: number,
  first: ExtentAd,
): LogicalVolumeIntegrityDescriptor | undefined {
  let last: LogicalVolumeIntegrityDescriptor | undefined;
  let extent = first;
  let sector = extent.location;
  for (let count = 0; count < MAX_DESCRIPTORS; count++) {
    if ((sector - extent.location + 1) * sectorSize > extent.length) break;
    const bytes = new Uint8Array(sectorSize);
    if (readIfThere(source, sector * sectorSize, bytes, sectorSize) < sectorSize) break;
    if (tagIdentifier(bytes, 0) !== TagIdentifier.LogicalVolumeIntegrityDescriptor) break;
    if (descriptorProblem(bytes, 0, bytes.length, sector) !== undefined) break;
    last = decodeIntegrity(bytes);
    if (last.nextIntegrityExtent.length > 0) {
      extent = last.nextIntegrityExtent;
      sector = extent.location;
    } else sector++;
  }
  return last;
}
