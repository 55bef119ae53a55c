/** Disk Copy images that came with their resource fork in one file. */
import type { ByteSource } from "../../source/byte-source.js";
import { macForks } from "../ndif/mac-forks.js";
import { findHeader, HEADER_BYTES } from "./structs.js";

/** The data fork of a MacBinary or AppleSingle file, if that is a Disk Copy image. */
export function wrappedData(head: Uint8Array, source: ByteSource): ByteSource | undefined {
  const data = macForks(head, source)?.data;
  if (data === undefined) return undefined;
  const start = new Uint8Array(HEADER_BYTES);
  if (data.read(0, start, 0, HEADER_BYTES) < HEADER_BYTES) return undefined;
  return findHeader(start, data.size) === undefined ? undefined : data;
}
