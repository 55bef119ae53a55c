/** From an image's name and its settings to what the client library takes. */
import type { ImageRequest } from "../client/mount-image.js";
import type { MountSettings } from "./mount-options.js";

export function imageRequest(image: string, settings: MountSettings, system = false): ImageRequest {
  return {
    image,
    system,
    options: settings.image,
    sandbox: settings.mount.sandbox,
    passphrase: settings.passphrase,
    ask: async (tries) => {
      // Loaded only here: it is seldom needed.
      const { askPassphrase } = await import("./prompt.js");
      return askPassphrase(image, tries);
    },
  };
}
