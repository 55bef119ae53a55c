/**
 * Multi-sector protection: the last two bytes of every sector of a record are a number that
 * changes with each write, the true ones lie in the update sequence array.
 */
import { ImageError } from "../../errors.js";
import { FORMAT } from "./boot-sector.js";

/** Sectors are counted as 512 bytes whatever the disk's, but for some that count their own. */
const STRIDE = 512;

/**
 * Puts the true bytes back, in place. `magic`: four letters. Throws `corrupt`, naming `structure`,
 * for a wrong magic, an array that does not fit, and a sector that was not written with the rest.
 */
export function applyFixups(bytes: Uint8Array, magic: string, structure: string): void {
  const wrong = (problem: string) => new ImageError("corrupt", FORMAT, `${structure}: ${problem}`);
  for (let i = 0; i < 4; i++) {
    if (bytes[i] !== magic.charCodeAt(i)) {
      throw wrong(
        `begins with 0x${Buffer.from(bytes.subarray(0, 4)).toString("hex")}, not ${magic}`,
      );
    }
  }
  const offset = bytes[4] | (bytes[5] << 8);
  const sectors = (bytes[6] | (bytes[7] << 8)) - 1;
  const stride = sectors > 0 ? bytes.length / sectors : 0;
  if (stride < STRIDE || !Number.isInteger(stride) || stride % 2 !== 0) {
    throw wrong(`update sequence of ${sectors} sectors in ${bytes.length} bytes`);
  }
  if (offset % 2 !== 0 || offset + 2 * (sectors + 1) > bytes.length) {
    throw wrong(`update sequence at ${offset}`);
  }
  for (let sector = 1; sector <= sectors; sector++) {
    const end = sector * stride - 2;
    if (bytes[end] !== bytes[offset] || bytes[end + 1] !== bytes[offset + 1]) {
      throw wrong(`sector ${sector} of ${sectors} has another update sequence number`);
    }
    bytes[end] = bytes[offset + 2 * sector];
    bytes[end + 1] = bytes[offset + 2 * sector + 1];
  }
}
