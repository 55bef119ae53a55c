/** Opens raw CD sectors as a disc of one track. */
import { ImageError } from "../../errors.js";
import type { Medium } from "../../format.js";
import type { ByteSource } from "../../source/byte-source.js";
import { DESCRIPTOR_SECTOR, isDescriptor } from "../disc/descriptor.js";
import { discMedium } from "../disc/disc.js";
import { headerStart } from "../disc/header-start.js";
import { MSF_OFFSET } from "../disc/msf.js";
import { type SectorLayout, USER_BYTES } from "../disc/sector.js";
import { Scratch, userData } from "../disc/sector-source.js";
import { detectLayout } from "./detect.js";

const ID = "rawsector";
const HEAD_BYTES = 128 * 1024;

export function open(source: ByteSource): Medium {
  const head = new Uint8Array(Math.min(HEAD_BYTES, source.size));
  source.read(0, head, 0, head.length);
  const layout = detectLayout(head)?.layout;
  if (layout === undefined) throw new ImageError("corrupt", ID, "no sync pattern, no descriptor");
  const warnings: string[] = [];
  const sectors = Math.floor(source.size / layout.stride);
  const rest = source.size - sectors * layout.stride;
  if (rest > 0) {
    warnings.push(`${rest} bytes behind the last of ${sectors} sectors of ${layout.stride} bytes`);
  }
  const { startLba, skipped } = placement(source, layout, sectors);
  return discMedium({
    format: ID,
    tracks: [
      {
        number: 1,
        session: 1,
        startLba,
        length: sectors - skipped,
        content: {
          kind: layout.mode === 1 ? "mode1" : "mode2",
          file: source,
          position: skipped * layout.stride,
          layout,
        },
      },
    ],
    details: { sectorBytes: layout.stride, mode: layout.mode },
    warnings,
  });
}

interface Placement {
  startLba: number;
  /** Sectors at the beginning of the file that lie before LBA 0: the pregap. */
  skipped: number;
}

/**
 * By the headers: some images begin with the pregap of the disc, some are a later track. A
 * descriptor where the file's own sector 16 lies contradicts a pregap.
 */
function placement(source: ByteSource, layout: SectorLayout, sectors: number): Placement {
  const atStart = { startLba: 0, skipped: 0 };
  const lba = headerStart(source, 0, layout);
  if (lba === undefined || lba === 0) return atStart;
  if (lba > 0) return { startLba: lba, skipped: 0 };
  const user = userData(source, 0, sectors, layout, new Scratch());
  const descriptor = new Uint8Array(USER_BYTES);
  user.read(DESCRIPTOR_SECTOR * USER_BYTES, descriptor, 0, USER_BYTES);
  const pregap = -lba <= MSF_OFFSET && -lba < sectors && !isDescriptor(descriptor, 0);
  return pregap ? { startLba: 0, skipped: -lba } : atStart;
}
