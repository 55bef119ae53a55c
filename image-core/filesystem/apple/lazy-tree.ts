/** B-trees that a volume can be shown without: opened when first needed, refused each time they are damaged. */
import { ImageError } from "../../errors.js";
import type { BTree } from "./btree.js";

/** `lost`: what cannot be read without it, for the warning that a damaged one adds to `warnings`. */
export function lazyTree(open: () => BTree, lost: string, warnings: string[]): () => BTree {
  let tree: BTree | undefined;
  const get = () => {
    tree ??= open();
    return tree;
  };
  try {
    get();
  } catch (error) {
    if (!(error instanceof ImageError)) throw error;
    warnings.push(`${lost} cannot be read: ${error.message}`);
  }
  return get;
}
