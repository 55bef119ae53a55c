/** What the tests of HFS+ share. */
import { open } from "../../../image-core/filesystem/hfsplus/open.js";
import { Attributes, ROOT_NODE, type Volume } from "../../../image-core/filesystem/volume.js";
import { MemorySource } from "../../../image-core/source/memory-source.js";
import { testContext } from "../../support/context.js";

export function openBytes(bytes: Uint8Array): Volume {
  return open(new MemorySource(bytes), testContext());
}

/** The node of a path from the root; 0 where a part is missing. */
export function nodeAt(volume: Volume, path: string): number {
  let node = ROOT_NODE;
  for (const name of path.split("/").filter((part) => part !== "")) {
    if (node === 0) return 0;
    node = volume.lookup(node, name);
  }
  return node;
}

export function attributesAt(volume: Volume, path: string): Attributes {
  const attributes = new Attributes();
  volume.attributes(nodeAt(volume, path), attributes);
  return attributes;
}

/** A file's bytes, in reads of `step` bytes. */
export function contentsOf(volume: Volume, node: number, step = 65536): Uint8Array {
  const attributes = new Attributes();
  volume.attributes(node, attributes);
  const bytes = new Uint8Array(attributes.size);
  let position = 0;
  for (;;) {
    const got = volume.read(
      node,
      position,
      bytes,
      position,
      Math.min(step, bytes.length - position),
    );
    if (got === 0) break;
    position += got;
  }
  return bytes.subarray(0, position);
}

export function namesIn(volume: Volume, directory: number): string[] {
  const names: string[] = [];
  volume.readDirectory(directory, 0, (name) => {
    names.push(name);
    return true;
  });
  return names;
}

/** Bytes that look random and are always the same. */
export function noise(length: number, seed = 1): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = seed;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    bytes[i] = state >>> 16;
  }
  return bytes;
}
