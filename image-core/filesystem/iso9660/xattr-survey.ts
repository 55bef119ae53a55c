/**
 * Whether a tree has extended attributes at all: if surely not, the kernel need not ask for those of
 * every file, which doubles the cost of `ls -l`.
 *
 * Nothing in the descriptors says so (but for AAIP, which announces itself), so a sample is looked
 * at, breadth first. A disc whose first thousands of objects have none and a later one has is shown
 * without them; none such is known.
 */
import { ImageError } from "../../errors.js";
import { type NodeId, ROOT_NODE, S_IFDIR, type Volume } from "../volume.js";

const SAMPLE = 4096;

/** Takes a few milliseconds; asked for once, when the first program wants an attribute. */
export function anyXattrs(volume: Volume): boolean {
  if (volume.description.features.some((feature) => feature.startsWith("AAIP"))) return true;
  const folders: NodeId[] = [ROOT_NODE];
  let looked = 0;
  let found = volume.listXattrs(ROOT_NODE).length > 0;
  for (let next = 0; next < folders.length && looked < SAMPLE && !found; next++) {
    const nodes: NodeId[] = [];
    try {
      volume.readDirectory(folders[next], 0, (_name, node, type) => {
        nodes.push(node);
        if (type === S_IFDIR) folders.push(node);
        return ++looked < SAMPLE;
      });
      found = nodes.some((node) => volume.listXattrs(node).length > 0);
    } catch (error) {
      // Damaged here: the kernel asks, and meets the damage where it is.
      if (error instanceof ImageError) return true;
      throw error;
    }
  }
  return found;
}
