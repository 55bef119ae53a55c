/** Apple sparse bundles (.sparsebundle, .backupbundle): a folder, of which Info.plist is the image. */
import { Confidence, type ContainerFormat } from "../../format.js";

export const sparsebundle: ContainerFormat = {
  id: "sparsebundle",
  title: "Apple sparse bundle disk image",
  probe({ head, name }) {
    const text = Buffer.from(head.buffer, head.byteOffset, head.byteLength);
    if (!text.includes("<plist") || !text.includes("<key>diskimage-bundle-type</key>")) {
      // A damaged Info.plist has a copy beside it; only its folder's name tells what it was.
      if (!/\.(?:sparse|backup)bundle$/i.test(name)) return undefined;
      return { confidence: Confidence.guess, title: "Apple sparse bundle disk image" };
    }
    return { confidence: Confidence.certain, title: "Apple sparse bundle disk image" };
  },
  load: () => import("./sparsebundle.js"),
};
