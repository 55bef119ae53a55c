/** What a format may ask of its surroundings, for tests that open images without a daemon. */
import { ImageError } from "../../image-core/errors.js";
import type { OpenContext } from "../../image-core/format.js";

/** A context with nothing beside the image, UTC, owner 0:0. */
export function testContext(overrides: Partial<OpenContext> = {}): OpenContext {
  return {
    options: {},
    name: "image",
    owner: { uid: 0, gid: 0 },
    sectorSize: 512,
    localOffset: () => 0,
    neighbour: (path) => {
      throw new ImageError("missing-neighbour", "test", `${path} is not there`);
    },
    neighbourNames: () => [],
    passphrase: () => {
      throw new ImageError("encrypted", "test", "no passphrase was given");
    },
    ...overrides,
  };
}
