/**
 * What a file has beside its contents, as extended attributes of Linux: UDF's extended attributes as
 * `user.udf.NAME`, named streams (UDF 3.3.5) as `user.NAME`.
 *
 * A stream longer than Linux lets an attribute be is left out.
 */
import { ImageError } from "../../errors.js";
import type { NodeId } from "../volume.js";
import { type ExtendedAttribute, extendedAttributes } from "./extended-attribute.js";
import { FileType } from "./file-entry.js";
import type { Objects } from "./objects.js";

/** XATTR_SIZE_MAX and XATTR_NAME_MAX of Linux. */
const MAX_VALUE_BYTES = 65536;
const MAX_NAME_BYTES = 255;
/** The whole list must fit in XATTR_LIST_MAX. */
const MAX_LIST_BYTES = 65536;
/** An extended attributes' space of its own. */
const MAX_SPACE_BYTES = 1024 * 1024;

export class Xattrs {
  constructor(private readonly objects: Objects) {}

  list(node: NodeId): string[] {
    const names: string[] = [];
    let bytes = 0;
    const add = (name: string) => {
      const length = Buffer.byteLength(name) + 1;
      bytes += length;
      if (length <= MAX_NAME_BYTES + 1 && bytes <= MAX_LIST_BYTES) names.push(name);
    };
    for (const { name } of this.attributes(node)) add(name);
    for (const { name } of this.streams(node)) add(name);
    return names;
  }

  read(node: NodeId, name: string): Uint8Array | undefined {
    const attribute = this.attributes(node).find((candidate) => candidate.name === name);
    if (attribute !== undefined) return attribute.value;
    const found = this.streams(node).find((candidate) => candidate.name === name);
    return found === undefined ? undefined : this.contents(found.stream, MAX_VALUE_BYTES);
  }

  /** Those in the file entry, then those in a file of their own. */
  private attributes(node: NodeId): ExtendedAttribute[] {
    const entry = this.objects.entry(node);
    const found = extendedAttributes(entry.extendedAttributes);
    if (entry.extendedAttributeIcb.length > 0) {
      const space = this.objects.nodeOf(entry.extendedAttributeIcb);
      found.push(...extendedAttributes(this.contents(space, MAX_SPACE_BYTES)));
    }
    const taken = new Map<string, number>();
    return found.map((attribute) => {
      const name = `user.udf.${attribute.name}`;
      const times = (taken.get(name) ?? 0) + 1;
      taken.set(name, times);
      return { ...attribute, name: times === 1 ? name : `${name}~${times}` };
    });
  }

  private streams(node: NodeId): { name: string; stream: NodeId }[] {
    const { streamDirectoryIcb, fileType } = this.objects.entry(node);
    // Streams have none themselves (UDF 3.3.5.1), so a chain of them is not followed.
    if (streamDirectoryIcb.length === 0 || fileType === FileType.streamDirectory) return [];
    const found: { name: string; stream: NodeId }[] = [];
    const directory = this.objects.directory(this.objects.nodeOf(streamDirectoryIcb));
    const entry = directory.walk(0);
    while (entry.step()) {
      const { name, icb } = entry;
      const stream = this.objects.nodeOf(icb);
      if (this.sizeOf(stream) <= MAX_VALUE_BYTES) found.push({ name: `user.${name}`, stream });
      if (found.length * 8 > MAX_LIST_BYTES) break;
    }
    return found;
  }

  /** A stream whose entry is damaged is listed, so that reading it tells. */
  private sizeOf(stream: NodeId): number {
    try {
      return this.objects.entry(stream).informationLength;
    } catch (error) {
      if (!(error instanceof ImageError) || error.kind === "host-io") throw error;
      return 0;
    }
  }

  private contents(node: NodeId, limit: number): Uint8Array {
    const { size, extents } = this.objects.file(node);
    if (size > limit) {
      throw new ImageError("limit", "udf", `a stream of ${size} bytes, at most ${limit} are read`);
    }
    const bytes = new Uint8Array(size);
    extents.read(this.objects.space.metadata, size, 0, bytes, 0, size);
    return bytes;
  }
}
