/**
 * Icons that are resources of a Windows program or library: "PE Format", Microsoft, sections "COFF
 * File Header", "Optional Header Data Directories", "Section Table" and "The .rsrc Section".
 */
import { corrupt } from "../../../image-core/errors.js";
import { type IconEntry, readBest, readDirectory } from "./ico.js";
import type { Picture } from "./picture.js";

/** Headers lie within as many bytes of the file's beginning. */
export const PROGRAM_HEAD_BYTES = 64 * 1024;
const MAX_SECTIONS = 96;
/** In one folder of resources. */
const MAX_RESOURCES = 4096;

const RT_ICON = 3;
const RT_GROUP_ICON = 14;
/** The directory of a group's icons has a resource's number where a file has an offset. */
const GROUP_ENTRY_BYTES = 14;
const RESOURCE_DIRECTORY = 2;
const IS_FOLDER = 0x8000_0000;

export interface ResourceSection {
  /** In the file. */
  offset: number;
  size: number;
  /** Where its first byte comes to lie in memory; resources are placed by that. */
  address: number;
  /** Of the topmost folder, within the section. */
  root: number;
}

export function isProgram(head: Uint8Array): boolean {
  return head[0] === 0x4d && head[1] === 0x5a;
}

/** By the file's head. Undefined where it has no resources. Throws ImageError. */
export function findResources(head: Uint8Array): ResourceSection | undefined {
  const view = new DataView(head.buffer, head.byteOffset, head.length);
  const need = (end: number, what: string) => {
    if (end > head.length) throw corrupt("pe", what, end, `the headers have ${head.length} bytes`);
  };
  need(64, "DOS header");
  const coff = view.getUint32(0x3c, true) + 4;
  need(coff + 24, "COFF header");
  // Older programs have other headers.
  if (view.getUint32(coff - 4, false) !== 0x5045_0000) return undefined;
  const sections = view.getUint16(coff + 2, true);
  const optional = coff + 20;
  const wide = view.getUint16(optional, true) === 0x20b;
  const directory = optional + (wide ? 112 : 96) + RESOURCE_DIRECTORY * 8;
  need(directory + 8, "data directories");
  const count = view.getUint32(optional + (wide ? 108 : 92), true);
  const start = view.getUint32(directory, true);
  if (count <= RESOURCE_DIRECTORY || start === 0) return undefined;
  const table = optional + view.getUint16(coff + 16, true);
  if (sections > MAX_SECTIONS) throw corrupt("pe", "COFF header", coff, `${sections} sections`);
  need(table + sections * 40, "section table");
  for (let i = 0; i < sections; i++) {
    const section = table + i * 40;
    const address = view.getUint32(section + 12, true);
    const size = view.getUint32(section + 16, true);
    if (start < address || start >= address + size) continue;
    return { offset: view.getUint32(section + 20, true), size, address, root: start - address };
  }
  return undefined;
}

/**
 * The icon with this index, counted from 0, or, where it is negative, the one with this number; the
 * first where there is no such. Throws ImageError where there is none at all.
 */
export function readProgramIcon(
  bytes: Uint8Array,
  section: ResourceSection,
  index: number,
): Picture {
  const resources = new Resources(bytes, section);
  const groups = resources.ofType(RT_GROUP_ICON);
  const wanted =
    index < 0 ? groups.find(({ id }) => id === -index) : (groups[index] as Resource | undefined);
  const group = wanted ?? groups[0];
  if (group === undefined) throw corrupt("pe", "resources", section.root, "there are no icons");
  const icons = new Map(resources.ofType(RT_ICON).map((icon) => [icon.id, icon]));
  const entries: IconEntry[] = readDirectory(
    resources.data(group),
    GROUP_ENTRY_BYTES,
    (view, position) => {
      const icon = icons.get(view.getUint16(position + 12, true));
      return icon && resources.data(icon);
    },
  );
  return readBest(entries);
}

/** A line of a folder: `id` has the top bit set where it is a name's place instead of a number. */
interface Resource {
  id: number;
  target: number;
}

class Resources {
  private readonly view: DataView;

  constructor(
    private readonly bytes: Uint8Array,
    private readonly section: ResourceSection,
  ) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  ofType(type: number): Resource[] {
    const folder = this.folder(0).find(({ id }) => id === type);
    return folder === undefined ? [] : this.folder(folder.target);
  }

  /** In its first language. */
  data(resource: Resource): Uint8Array {
    let { target } = resource;
    if (target >= IS_FOLDER) target = this.folder(target)[0]?.target ?? IS_FOLDER;
    if (target >= IS_FOLDER) throw this.wrong(target, "it is no resource");
    const entry = this.section.root + target;
    if (entry + 16 > this.bytes.length) throw this.wrong(target, "it ends behind the section");
    const start = this.view.getUint32(entry, true) - this.section.address;
    const size = this.view.getUint32(entry + 4, true);
    if (start < 0 || start + size > this.bytes.length) {
      throw this.wrong(target, `${size} bytes at ${start} of ${this.bytes.length}`);
    }
    return this.bytes.subarray(start, start + size);
  }

  private folder(target: number): Resource[] {
    // Of the topmost nothing says that it is one.
    const start = this.section.root + (target % IS_FOLDER);
    if (start + 16 > this.bytes.length) throw this.wrong(target, "it ends behind the section");
    const count = this.view.getUint16(start + 12, true) + this.view.getUint16(start + 14, true);
    if (count > MAX_RESOURCES || start + 16 + count * 8 > this.bytes.length) {
      throw this.wrong(target, `it has ${count} lines`);
    }
    return Array.from({ length: count }, (_, i) => ({
      id: this.view.getUint32(start + 16 + i * 8, true),
      target: this.view.getUint32(start + 20 + i * 8, true),
    }));
  }

  private wrong(target: number, problem: string): Error {
    return corrupt("pe", "resource folder", this.section.offset + (target % IS_FOLDER), problem);
  }
}
