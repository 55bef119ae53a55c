/**
 * Opens NDIF images in MacBinary, AppleSingle, or AppleDouble beside their data fork.
 *
 * Not read: KenCode, RLE, LZH and StuffIt chunks, and images in segments; nobody has published how
 * they, and the CRC-28, are formed.
 */
import { decodeAdc } from "../../codec/adc.js";
import { corrupt } from "../../errors.js";
import type { Medium, OpenContext } from "../../format.js";
import type { ByteSource } from "../../source/byte-source.js";
import { ChunkedSource } from "../../source/chunked-source.js";
import { readExactly } from "../../source/read-exactly.js";
import { decodeBcem, FORMAT, SECTOR_SIZE } from "./bcem.js";
import { macForks } from "./mac-forks.js";
import { readBcem } from "./read-bcem.js";

const HEAD_BYTES = 4096;

export function open(source: ByteSource, context: OpenContext): Medium {
  const head = readExactly(source, 0, Math.min(HEAD_BYTES, source.size), FORMAT, "header");
  const forks = macForks(head, source);
  const resource = forks === undefined ? undefined : readBcem(forks.resource);
  if (forks === undefined || resource === undefined) {
    throw corrupt(FORMAT, "resource fork", 0, "no resource bcem");
  }
  // AppleDouble names the resource half of `disk.img` `._disk.img`.
  const data = forks.data ?? context.neighbour(context.name.replace(/^\._/, ""));
  const { table, version, sectors, compressed } = decodeBcem(resource);
  return {
    source: new ChunkedSource(
      FORMAT,
      table,
      data,
      (_kind, input, output) => decodeAdc(input, output),
      context.chunkStore,
    ),
    sectorSize: SECTOR_SIZE,
    details: {
      wrapper: forks.wrapper,
      version,
      sectors,
      chunks: table.count,
      compression: compressed > 0 ? "ADC" : "none",
    },
    warnings: [],
  };
}
