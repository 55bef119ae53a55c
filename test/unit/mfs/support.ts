/** What the tests of MFS share. */
import { open } from "../../../image-core/filesystem/mfs/open.js";
import type { Volume } from "../../../image-core/filesystem/volume.js";
import type { OpenContext } from "../../../image-core/format.js";
import { MemorySource } from "../../../image-core/source/memory-source.js";
import { testContext } from "../../support/context.js";

export function openBytes(
  bytes: Uint8Array,
  overrides: Partial<OpenContext> = {},
  source = new MemorySource(bytes),
): Volume {
  return open(source, testContext(overrides));
}
