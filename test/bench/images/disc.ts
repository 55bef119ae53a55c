/** Discs: raw sectors of another image, and one with two filesystems. */
import { closeSync, openSync, readSync, writeSync } from "node:fs";
import { contents } from "./contents.js";
import { made, tool } from "./make.js";

const DATA_BYTES = 2048;
const RAW_BYTES = 2352;
const HEADER_BYTES = 16;
const SECTORS_AT_ONCE = 4096;

/**
 * An image of 2048 byte blocks as sectors of mode 1. Error codes are left at zero: whoever reads a
 * file does not look at them, and they would be as many bytes as this.
 */
export function rawImage(folder: string, plain: string): string {
  return made(folder, "large-2352.bin", (image) => {
    const from = openSync(plain, "r");
    const to = openSync(image, "w");
    const data = Buffer.alloc(SECTORS_AT_ONCE * DATA_BYTES);
    const raw = Buffer.alloc(SECTORS_AT_ONCE * RAW_BYTES);
    for (let lba = 0; ; lba += SECTORS_AT_ONCE) {
      const length = readSync(from, data, 0, data.length, lba * DATA_BYTES);
      if (length === 0) break;
      const count = Math.ceil(length / DATA_BYTES);
      for (let i = 0; i < count; i++) {
        writeHeader(raw, i * RAW_BYTES, lba + i);
        data.copy(raw, i * RAW_BYTES + HEADER_BYTES, i * DATA_BYTES, (i + 1) * DATA_BYTES);
      }
      writeSync(to, raw, 0, count * RAW_BYTES);
    }
    closeSync(from);
    closeSync(to);
  });
}

/** Sync pattern, address and mode (ECMA-130, 14.1 and 14.2). */
function writeHeader(sector: Buffer, at: number, lba: number): void {
  sector.fill(0xff, at + 1, at + 11);
  const frame = lba + 150;
  const bcd = (value: number) => Math.floor(value / 10) * 16 + (value % 10);
  // Beyond 99 minutes, which no CD has, only the tens grow.
  sector[at + 12] = bcd(Math.floor(frame / 4500));
  sector[at + 13] = bcd(Math.floor(frame / 75) % 60);
  sector[at + 14] = bcd(frame % 75);
  sector[at + 15] = 1;
}

/** The same files as UDF and as ISO 9660 with Rock Ridge. */
export function bridgeImage(folder: string): string {
  return made(folder, "bridge.iso", (image) => {
    tool("genisoimage", "-quiet", "-udf", "-R", "-V", "BENCH", "-o", image, contents(folder));
  });
}
