/** Walks a Volume whole, the way a program would see it, into a listing that tests compare. */
import { createHash } from "node:crypto";
import {
  Attributes,
  type NodeId,
  ROOT_NODE,
  S_IFDIR,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  type Volume,
} from "../../image-core/filesystem/volume.js";

export interface WalkedFile {
  node: NodeId;
  attributes: Attributes;
  /** sha256 of a file's bytes, a symlink's target, otherwise empty; `error: ...` where reading failed. */
  content: string;
}

/** Every object by its path from the root (`/boot/grub.cfg`); the root itself is `/`. */
export function walk(volume: Volume, hashFiles = true): Map<string, WalkedFile> {
  const found = new Map<string, WalkedFile>();
  const rootAttributes = new Attributes();
  volume.attributes(ROOT_NODE, rootAttributes);
  found.set("/", { node: ROOT_NODE, attributes: rootAttributes, content: "" });
  const pending: [string, NodeId][] = [["", ROOT_NODE]];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const [path, directory] = next;
    volume.readDirectory(directory, 0, (name, node, type) => {
      const child = `${path}/${name}`;
      if (found.has(child)) throw new Error(`${child} is listed twice`);
      const attributes = new Attributes();
      volume.attributes(node, attributes);
      if ((attributes.mode & S_IFMT) !== type) {
        throw new Error(
          `${child}: type ${type.toString(8)} but mode ${attributes.mode.toString(8)}`,
        );
      }
      if (type === S_IFDIR) pending.push([child, node]);
      found.set(child, { node, attributes, content: "" });
      return true;
    });
  }
  for (const file of found.values()) {
    const type = file.attributes.mode & S_IFMT;
    try {
      if (type === S_IFLNK) file.content = volume.readLink(file.node);
      else if (type === S_IFREG && hashFiles) file.content = sha256(volume, file);
    } catch (error) {
      file.content = `error: ${(error as Error).message}`;
    }
  }
  return found;
}

function sha256(volume: Volume, file: WalkedFile): string {
  const hash = createHash("sha256");
  const buffer = new Uint8Array(256 * 1024);
  for (let position = 0; ; ) {
    const got = volume.read(file.node, position, buffer, 0, buffer.length);
    if (got === 0) break;
    hash.update(buffer.subarray(0, got));
    position += got;
    if (position > file.attributes.size)
      throw new Error(`read ${position} of ${file.attributes.size} bytes`);
  }
  return hash.digest("hex");
}
