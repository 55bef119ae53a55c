/** Opening bytes as UDF, as every test here does. */

import { open } from "../../../image-core/filesystem/udf/udf.js";
import {
  Attributes,
  type NodeId,
  ROOT_NODE,
  type Volume,
} from "../../../image-core/filesystem/volume.js";
import type { OpenContext } from "../../../image-core/format.js";
import { MemorySource } from "../../../image-core/source/memory-source.js";
import { testContext } from "../../support/context.js";

export function opened(image: Uint8Array, overrides: Partial<OpenContext> = {}): Volume {
  return open(new MemorySource(image), testContext(overrides));
}

/** The node at a path; throws where there is none. */
export function nodeAt(volume: Volume, path: string): NodeId {
  let node = ROOT_NODE;
  for (const name of path.split("/").filter((part) => part !== "")) {
    node = volume.lookup(node, name);
    if (node === 0) throw new Error(`${path}: no ${name}`);
  }
  return node;
}

export function attributesAt(volume: Volume, path: string): Attributes {
  const attributes = new Attributes();
  volume.attributes(nodeAt(volume, path), attributes);
  return attributes;
}

export function contentAt(volume: Volume, path: string): Buffer {
  const node = nodeAt(volume, path);
  const { size } = attributesAt(volume, path);
  const bytes = Buffer.alloc(size + 10, 0xaa);
  const got = volume.read(node, 0, bytes, 0, bytes.length);
  if (got !== size) throw new Error(`${path}: read ${got} of ${size} bytes`);
  return bytes.subarray(0, size);
}

export function namesIn(volume: Volume, path: string): string[] {
  const names: string[] = [];
  volume.readDirectory(nodeAt(volume, path), 0, (name) => {
    names.push(name);
    return true;
  });
  return names;
}
