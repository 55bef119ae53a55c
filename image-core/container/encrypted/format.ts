/** Encrypted Apple disk images, versions 1 (`cdsaencr`) and 2 (`encrcdsa`). */
import { Confidence, type ContainerFormat } from "../../format.js";
import { isHeaderV2, isTrailerV1 } from "./signatures.js";

export const encryptedDmg: ContainerFormat = {
  id: "encrypted-dmg",
  title: "Apple encrypted disk image",
  probe({ head, tail }) {
    const version = isHeaderV2(head) ? 2 : isTrailerV1(tail) ? 1 : 0;
    if (version === 0) return undefined;
    return {
      confidence: Confidence.certain,
      title: `Apple encrypted disk image, version ${version}`,
    };
  },
  load: () => import("./encrypted.js"),
};
