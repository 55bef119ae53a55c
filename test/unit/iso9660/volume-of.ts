/** Opens bytes as an ISO 9660 volume, and reads it the way tests need it. */
import { open } from "../../../image-core/filesystem/iso9660/iso9660.js";
import {
  Attributes,
  type NodeId,
  ROOT_NODE,
  type Volume,
} from "../../../image-core/filesystem/volume.js";
import type { OpenContext } from "../../../image-core/format.js";
import { MemorySource } from "../../../image-core/source/memory-source.js";
import { testContext } from "../../support/context.js";

export function volumeOf(bytes: Uint8Array, overrides: Partial<OpenContext> = {}): Volume {
  return open(new MemorySource(bytes), testContext(overrides));
}

/** The node at a path, found by lookups; throws where there is none. */
export function nodeAt(volume: Volume, path: string): NodeId {
  let node: NodeId = ROOT_NODE;
  for (const name of path.split("/").filter((part) => part !== "")) {
    node = volume.lookup(node, name);
    if (node === 0) throw new Error(`${path} is not there`);
  }
  return node;
}

export function attributesAt(volume: Volume, path: string): Attributes {
  const attributes = new Attributes();
  volume.attributes(nodeAt(volume, path), attributes);
  return attributes;
}

/** Names in the order in which they are listed. */
export function namesIn(volume: Volume, path = "/"): string[] {
  const names: string[] = [];
  volume.readDirectory(nodeAt(volume, path), 0, (name) => {
    names.push(name);
    return true;
  });
  return names;
}

/** A file's contents, read in pieces of `step` bytes. */
export function contentsAt(volume: Volume, path: string, step = 4096): Buffer {
  const node = nodeAt(volume, path);
  const pieces: Buffer[] = [];
  for (let position = 0; ; ) {
    const piece = Buffer.alloc(step);
    const got = volume.read(node, position, piece, 0, step);
    if (got === 0) return Buffer.concat(pieces);
    pieces.push(piece.subarray(0, got));
    position += got;
  }
}

export function textAt(volume: Volume, path: string): string {
  return contentsAt(volume, path).toString("utf8");
}
