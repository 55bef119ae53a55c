/** The contents of files that were read, by node: found again without parsing anything. */
import { unsupported } from "../../errors.js";
import type { ByteSource, HostRange } from "../../source/byte-source.js";
import { type NodeId, S_IFREG } from "../volume.js";
import { Entry, isDirectoryNode, nodePosition } from "./entry.js";
import { SectionContent } from "./file-content.js";
import type { RecordParser } from "./record-parser.js";
import { ZisofsCache, ZisofsContent } from "./zisofs.js";

/** Files, and extents over all of them. Least recently used out first. */
const MAX_FILES = 1024;
const MAX_SECTIONS = 262_144;

interface OpenFile {
  content: ByteSource;
  sections: number;
}

export class OpenFiles {
  private readonly files = new Map<NodeId, OpenFile>();
  private readonly zisofs = new ZisofsCache();
  private readonly entry = new Entry();
  private sections = 0;
  /** The file read last: a sequential reader looks nothing up. */
  private lastNode: NodeId = 0;
  private last: ByteSource | undefined;

  constructor(private readonly parser: RecordParser) {}

  read(node: NodeId, position: number, target: Uint8Array, offset: number, length: number): number {
    return this.content(node).read(position, target, offset, length);
  }

  locate(node: NodeId, position: number, length: number, range: HostRange): boolean {
    return this.content(node).locate?.(position, length, range) ?? false;
  }

  private content(node: NodeId): ByteSource {
    if (node === this.lastNode && this.last !== undefined) return this.last;
    let file = this.files.get(node);
    if (file === undefined) {
      file = this.open(node);
      this.files.set(node, file);
      this.sections += file.sections;
      this.evict();
    } else if (this.files.size > MAX_FILES / 2) {
      this.files.delete(node);
      this.files.set(node, file);
    }
    this.lastNode = node;
    this.last = file.content;
    return file.content;
  }

  private evict(): void {
    for (const [node, file] of this.files) {
      if (this.files.size <= MAX_FILES && this.sections <= MAX_SECTIONS) return;
      if (this.files.size === 1) return;
      this.files.delete(node);
      this.sections -= file.sections;
    }
  }

  private open(node: NodeId): OpenFile {
    const { parser, entry } = this;
    const isFile = !isDirectoryNode(node) && parser.parseAt(node, entry) && entry.type === S_IFREG;
    if (!isFile) return { content: new SectionContent(parser.image.source, []), sections: 1 };
    const position = nodePosition(node);
    const { sparse, size, zisofs } = entry;
    if (sparse) {
      throw unsupported(
        "iso9660",
        `the record at 0x${position.toString(16)} has its data in sparse tables (RRIP SF)`,
      );
    }
    const sections = parser.sections(position);
    const stored = new SectionContent(parser.image.source, sections);
    if (zisofs === "") return { content: stored, sections: sections.length };
    if (zisofs !== "pz" && zisofs !== "PZ") {
      throw unsupported(
        "iso9660",
        `the record at 0x${position.toString(16)} is compressed by ${JSON.stringify(zisofs)}`,
      );
    }
    const content = new ZisofsContent(stored, size, this.zisofs, position);
    return { content, sections: sections.length };
  }
}
