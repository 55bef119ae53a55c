/** ext2, ext3 and ext4: recognised by the superblock at byte 1024, or by a backup where that is lost. */
import { Confidence, type FilesystemFormat, type Match, type ProbeWindow } from "../../format.js";
import { generation } from "./features.js";
import { volumeLabel } from "./names.js";
import { plausibleSuperblock, SUPERBLOCK_POSITION, SUPERBLOCK_SIZE } from "./superblock.js";

/** Where group 1 begins with blocks of 1, 2 and 4 KiB: the copies that every size of image may have. */
const FIRST_BACKUPS = [8193 * 1024, 16384 * 2048, 32768 * 4096];

export const ext: FilesystemFormat = {
  id: "ext",
  title: "ext2/ext3/ext4",

  probe(window: ProbeWindow): Match | undefined {
    const primary = window.head.subarray(
      SUPERBLOCK_POSITION,
      SUPERBLOCK_POSITION + SUPERBLOCK_SIZE,
    );
    if (primary.length < SUPERBLOCK_SIZE) return undefined;
    if (plausibleSuperblock(primary)) {
      return { confidence: Confidence.certain, title: superblockTitle(primary) };
    }
    // Wiped or half overwritten: worth three reads. What holds other data there is not ext.
    const first = primary[0];
    const hasMagic = primary[0x38] === 0x53 && primary[0x39] === 0xef;
    if (!hasMagic && !primary.every((byte) => byte === first)) return undefined;
    const bytes = new Uint8Array(SUPERBLOCK_SIZE);
    for (const position of FIRST_BACKUPS) {
      if (position + SUPERBLOCK_SIZE > window.size) continue;
      try {
        if (window.source.read(position, bytes, 0, bytes.length) < bytes.length) continue;
      } catch {
        // A probe does not complain: what opens this will meet the same error and say it.
        continue;
      }
      if (plausibleSuperblock(bytes) && bytes[0x5a] === 1 && bytes[0x5b] === 0) {
        return {
          confidence: Confidence.guess,
          title: `${superblockTitle(bytes)}, by its backup superblock`,
        };
      }
    }
    return undefined;
  },

  load: () => import("./ext.js"),
};

function superblockTitle(bytes: Uint8Array): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const compat = view.getUint32(0x5c, true);
  const incompat = view.getUint32(0x60, true);
  const name = generation(compat, incompat, view.getUint32(0x64, true));
  const label = volumeLabel(bytes.subarray(0x78, 0x88));
  return label === "" ? name : `${name} "${label}"`;
}
