/** Apple sparse bundles (.sparsebundle, .backupbundle): a folder, of which Info.plist is the image. */
import { Confidence, type ContainerFormat } from "../../format.js";

export const sparsebundle: ContainerFormat = {
  id: "sparsebundle",
  title: "Apple sparse bundle disk image",
  probe({ head }) {
    const text = Buffer.from(head.buffer, head.byteOffset, head.byteLength);
    if (!text.includes("<plist") || !text.includes("<key>diskimage-bundle-type</key>")) {
      return undefined;
    }
    return { confidence: Confidence.certain, title: "Apple sparse bundle disk image" };
  },
  load: () => import("./sparsebundle.js"),
};
