/** UDIF images that came with their resource fork in one file. */
import type { ByteSource } from "../../source/byte-source.js";
import { macForks } from "../ndif/mac-forks.js";
import { findKoly, KOLY_BYTES } from "./koly.js";

/**
 * Both forks of a MacBinary or AppleSingle file whose data fork begins or ends with a trailer.
 * `head`: the file's first bytes, 1 KiB or more where there are as many.
 */
export function kolyForks(
  head: Uint8Array,
  file: ByteSource,
): { data: ByteSource; resource: ByteSource } | undefined {
  const forks = macForks(head, file);
  if (forks?.data === undefined) return undefined;
  const { data, resource } = forks;
  const first = read(data, 0);
  const last = read(data, Math.max(0, data.size - KOLY_BYTES));
  return findKoly(first, last, data.size) < 0 ? undefined : { data, resource };
}

function read(source: ByteSource, position: number): Uint8Array {
  const bytes = new Uint8Array(KOLY_BYTES);
  return bytes.subarray(0, source.read(position, bytes, 0, KOLY_BYTES));
}
