/** $LogFile, as far as to see whether the volume was unmounted cleanly. */
import { ImageError } from "../../errors.js";
import { applyFixups } from "./fixups.js";
import { le16, le64 } from "./little-endian.js";
import type { Stream } from "./stream.js";

const PAGE_SIZE = 4096;
const RESTART_AREA_OFFSET = 0x18;
const LOGFILE_NO_CLIENT = 0xffff;
const RESTART_VOLUME_IS_CLEAN = 0x0002;

/** By the newer of the two restart pages: no client has the log open, or its flag says so. */
export function logFileIsClean(log: Stream): boolean {
  const bytes = new Uint8Array(PAGE_SIZE);
  let newest = -1;
  let clean = true;
  for (const page of [0, 1]) {
    if (log.read(page * PAGE_SIZE, bytes, 0, PAGE_SIZE) < PAGE_SIZE) break;
    // Freshly made, or emptied by a tool: 0xff throughout.
    if (bytes[0] === 0xff && bytes[1] === 0xff) continue;
    try {
      applyFixups(bytes, "RSTR", "restart page of $LogFile");
    } catch (error) {
      // One of the pages is always whole unless both were overwritten; then nothing can be said.
      if (error instanceof ImageError) continue;
      throw error;
    }
    const area = le16(bytes, RESTART_AREA_OFFSET);
    if (area + 16 > PAGE_SIZE) continue;
    const lsn = le64(bytes, area);
    if (lsn < newest) continue;
    newest = lsn;
    const clientInUse = le16(bytes, area + 12);
    const flags = le16(bytes, area + 14);
    clean = clientInUse === LOGFILE_NO_CLIENT || (flags & RESTART_VOLUME_IS_CLEAN) !== 0;
  }
  return clean;
}
