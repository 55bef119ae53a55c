/** Finding NDIF's block table in a resource fork. */
import { ImageError } from "../../errors.js";
import type { ByteSource } from "../../source/byte-source.js";
import { readExactly } from "../../source/read-exactly.js";
import { resourcesOfType } from "../udif/resource-fork.js";

/** The format's own bound. */
const MAX_RESOURCE_FORK = 16 * 1024 * 1024;

/** The first `bcem` resource; undefined where there is none, or where the fork is not readable. */
export function readBcem(fork: ByteSource): Uint8Array | undefined {
  if (fork.size === 0 || fork.size > MAX_RESOURCE_FORK) return undefined;
  try {
    const bytes = readExactly(fork, 0, fork.size, "ndif", "resource fork");
    return resourcesOfType(bytes, "bcem", "ndif")[0];
  } catch (error) {
    // Not a resource fork after all: the wrapper was taken for one by chance.
    if (error instanceof ImageError && error.kind !== "host-io") return undefined;
    throw error;
  }
}
