/** El Torito's boot images as the files of a small volume: `1-BIOS.img`, `2-EFI.img`, `boot.cat`. */
import { corrupt } from "../../errors.js";
import type { HostRange } from "../../source/byte-source.js";
import {
  type Attributes,
  type EmitEntry,
  type NodeId,
  ROOT_NODE,
  S_IFDIR,
  S_IFREG,
  type Volume,
  type VolumeDescription,
  type VolumeStatistics,
} from "../volume.js";
import {
  dotIdentifier,
  FLAG_DIRECTORY,
  recordDataLength,
  recordExtent,
  recordFlags,
} from "./directory-record.js";
import { directoryLength } from "./dot-record.js";
import { type BootCatalog, type BootImage, bootImageBytes } from "./el-torito.js";
import { SectionContent } from "./file-content.js";
import type { IsoImage } from "./iso-image.js";
import { RecordCursor } from "./record-cursor.js";

/** How much of the tree is searched for the files that boot images are. */
const MAX_RECORDS = 200_000;
const MAX_DIRECTORIES = 20_000;
const CATALOG_BYTES = 2048;

interface BootFile {
  name: string;
  start: number;
  content: SectionContent;
}

export class BootVolume implements Volume {
  readonly maxNode: number;
  private readonly files: BootFile[];

  /** `rootStart`: of the tree in which the images may lie as files. */
  constructor(
    readonly description: VolumeDescription,
    private readonly image: IsoImage,
    catalog: BootCatalog,
    rootStart: number,
  ) {
    const wanted = new Map<number, number | undefined>();
    for (const boot of catalog.images) wanted.set(boot.start, undefined);
    findFiles(image, rootStart, wanted);
    const { source } = image;
    const file = (name: string, start: number, length: number): BootFile => ({
      name,
      start,
      content: new SectionContent(source, [{ start, length, unit: 0, gap: 0 }]),
    });
    this.files = catalog.images.map((boot, i) =>
      file(imageName(boot, i), boot.start, bootImageBytes(source, boot, wanted.get(boot.start))),
    );
    const rest = Math.max(0, source.size - catalog.start);
    this.files.push(file("boot.cat", catalog.start, Math.min(CATALOG_BYTES, rest)));
    this.maxNode = ROOT_NODE + this.files.length;
  }

  lookup(directory: NodeId, name: string): NodeId {
    if (directory !== ROOT_NODE) return 0;
    if (name === "." || name === "..") return ROOT_NODE;
    const index = this.files.findIndex((file) => file.name === name);
    return index < 0 ? 0 : ROOT_NODE + 1 + index;
  }

  attributes(node: NodeId, attributes: Attributes): void {
    const { owner } = this.image;
    const file = node === ROOT_NODE ? undefined : this.file(node);
    attributes.ino = node;
    attributes.mode = file === undefined ? S_IFDIR | 0o555 : S_IFREG | 0o444;
    attributes.nlink = file === undefined ? 2 : 1;
    attributes.uid = owner.uid;
    attributes.gid = owner.gid;
    attributes.rdevMajor = attributes.rdevMinor = 0;
    attributes.size = file?.content.size ?? 0;
    attributes.blocks = Math.ceil(attributes.size / 512);
    attributes.atime = attributes.mtime = attributes.ctime = this.description.created ?? 0;
    attributes.atimeNs = attributes.mtimeNs = attributes.ctimeNs = 0;
  }

  readDirectory(directory: NodeId, cookie: number, emit: EmitEntry): void {
    if (directory !== ROOT_NODE) throw corrupt("iso9660", "boot image", 0, "is no directory");
    for (let i = cookie; i < this.files.length; i++) {
      if (!emit(this.files[i].name, ROOT_NODE + 1 + i, S_IFREG, i + 1)) return;
    }
  }

  parent(): NodeId {
    return ROOT_NODE;
  }

  readLink(): string {
    return "";
  }

  read(node: NodeId, position: number, target: Uint8Array, offset: number, length: number): number {
    return this.file(node).content.read(position, target, offset, length);
  }

  locate(node: NodeId, position: number, length: number, range: HostRange): boolean {
    return this.file(node).content.locate(position, length, range);
  }

  listXattrs(): readonly string[] {
    return [];
  }

  readXattr(): undefined {
    return undefined;
  }

  statistics(): VolumeStatistics {
    const bytes = this.files.reduce((sum, file) => sum + file.content.size, 0);
    return {
      blockSize: 512,
      blocks: Math.ceil(bytes / 512),
      freeBlocks: 0,
      files: this.files.length,
      maxNameBytes: 255,
    };
  }

  private file(node: NodeId): BootFile {
    const file = this.files[node - ROOT_NODE - 1];
    if (file === undefined) throw corrupt("iso9660", "boot image", 0, `there is no node ${node}`);
    return file;
  }
}

function imageName(boot: BootImage, index: number): string {
  const media = boot.media === 0 ? "" : `-${boot.mediaTitle}`;
  return `${index + 1}-${boot.platform}${media}.img`.replaceAll(" ", "-");
}

/** Sets, for each wanted byte offset, the length of the file that begins there. */
function findFiles(
  image: IsoImage,
  rootStart: number,
  wanted: Map<number, number | undefined>,
): void {
  const directories = [rootStart];
  const seen = new Set(directories);
  const cursor = new RecordCursor(image);
  let records = 0;
  for (let i = 0; i < directories.length; i++) {
    const end = directories[i] + directoryLength(image, directories[i]);
    cursor.open(directories[i], Math.min(end, image.source.size));
    while (cursor.step()) {
      const { bytes, at } = cursor;
      if (dotIdentifier(bytes, at) >= 0) continue;
      if (++records > MAX_RECORDS) return;
      const start = (recordExtent(bytes, at, image.blocks) + bytes[at + 1]) * image.blockSize;
      if ((recordFlags(bytes, at, image.highSierra) & FLAG_DIRECTORY) === 0) {
        const size = recordDataLength(bytes, at, image.source.size);
        if (wanted.has(start)) wanted.set(start, Math.max(size, wanted.get(start) ?? 0));
      } else if (!seen.has(start) && directories.length < MAX_DIRECTORIES) {
        seen.add(start);
        directories.push(start);
      }
    }
  }
}
