/** A symbolic link's target (ECMA-167 4/14.16; UDF 2.3.6 says nothing more). */
import { compressedName } from "./osta-unicode.js";

const ComponentType = { agreedRoot: 1, root: 2, parent: 3, current: 4, name: 5 } as const;

/** `bytes`: the link's contents. What comes behind a component that is cut off counts for nothing. */
export function targetOf(bytes: Uint8Array): string {
  let target = "";
  for (let at = 0; at + 4 <= bytes.length; ) {
    const type = bytes[at];
    const start = at + 4;
    const end = start + bytes[at + 1];
    if (end > bytes.length) break;
    at = end;
    switch (type) {
      case ComponentType.agreedRoot:
        // With an identifier it is a root that sender and receiver agree on: nothing to us.
        if (end > start) break;
        target = "/";
        break;
      case ComponentType.root:
        target = "/";
        break;
      case ComponentType.parent:
        target += "../";
        break;
      case ComponentType.current:
        target += "./";
        break;
      case ComponentType.name:
        target += `${compressedName(bytes, start, end)}/`;
        break;
    }
  }
  return target.length > 1 && target.endsWith("/") ? target.slice(0, -1) : target;
}
