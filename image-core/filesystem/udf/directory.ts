/**
 * A directory as it is shown: its entries under unique names, found by name without a walk.
 *
 * Skipped are the parent's entry, deleted ones, and hidden ones, as Linux does. A name that occurs
 * again gets `~2`, `~3` and so on, in the order recorded. Memory: 16 to 32 bytes an entry,
 * which is what the table of hashes takes; the names stay in the image.
 */
import { ImageError } from "../../errors.js";
import type { ByteSource } from "../../source/byte-source.js";
import type { BlockAddress } from "./block-space.js";
import { DirectoryStream } from "./directory-stream.js";
import type { Extents } from "./extents.js";
import { Characteristic, fidCharacteristics, fidIcb, fidName } from "./file-identifier.js";

const SKIPPED = Characteristic.hidden | Characteristic.deleted | Characteristic.parent;
const MAX_ENTRIES = 4_000_000;
/** Repeated names that are kept; there should be none. */
const MAX_REPEATED = 10_000;
const WALK_BYTES = 64 * 1024;
const LOOKUP_BYTES = 1024;

export interface DirectoryEntry {
  name: string;
  icb: BlockAddress;
  isDirectory: boolean;
  /** Where the entry lies in the directory, and where the next one may. */
  position: number;
  next: number;
}

export class Directory {
  /** Entries that are shown. */
  count = 0;
  /** Where the directory says it lies; undefined without an entry for the parent. */
  parent: BlockAddress | undefined;
  /** Bytes that should be entries and are not. */
  readonly damaged: number;

  /** Open addressing: position of an entry plus one, 0 where free. */
  private slots = new Uint32Array(16);
  private hashes = new Uint32Array(16);
  /** Names that occur again, by position, and the way back. */
  private readonly suffixed = new Map<number, string>();
  private readonly suffixedPositions = new Map<string, number>();
  private readonly stream: DirectoryStream;

  constructor(
    private readonly source: ByteSource,
    private readonly extents: Extents,
    private readonly size: number,
  ) {
    this.stream = new DirectoryStream(source, extents, size, LOOKUP_BYTES);
    const again: [number, string][] = [];
    const walk = new DirectoryStream(source, extents, size, WALK_BYTES);
    for (let more = walk.seek(0); more; more = walk.seek(walk.next)) {
      const { bytes, at, position } = walk;
      const characteristics = fidCharacteristics(bytes, at);
      if (characteristics & Characteristic.parent) this.parent ??= fidIcb(bytes, at);
      if (characteristics & SKIPPED) continue;
      const name = fidName(bytes, at);
      if (this.add(name, position)) continue;
      again.push([position, name]);
      if (again.length > MAX_REPEATED) {
        throw new ImageError(
          "limit",
          "udf",
          `a directory of more than ${MAX_REPEATED} repeated names`,
        );
      }
    }
    this.damaged = walk.damaged;
    const repeats = new Map<string, number>();
    for (const [position, name] of again) {
      const n = this.addSuffixed(position, name, repeats.get(name) ?? 2);
      repeats.set(name, n + 1);
    }
  }

  /** Roughly, in bytes. */
  get memory(): number {
    return this.slots.length * 8 + this.suffixed.size * 256 + LOOKUP_BYTES + 512;
  }

  find(name: string): DirectoryEntry | undefined {
    const suffixed = this.suffixedPositions.get(name);
    if (suffixed !== undefined) return this.entryAt(suffixed, this.stream);
    const position = this.slots[this.slotOf(name, hash(name))];
    return position === 0 ? undefined : this.entryAt(position - 1, this.stream);
  }

  /** The shown entries from `position` on, a position between entries. */
  *entries(position: number): Generator<DirectoryEntry> {
    // A stream of its own: whoever takes the entries may look up names meanwhile.
    const walk = new DirectoryStream(this.source, this.extents, this.size, WALK_BYTES);
    for (let more = walk.seek(position); more; more = walk.seek(walk.next)) {
      if (fidCharacteristics(walk.bytes, walk.at) & SKIPPED) continue;
      yield this.entry(walk);
    }
  }

  private entryAt(position: number, stream: DirectoryStream): DirectoryEntry | undefined {
    return stream.seek(position) ? this.entry(stream) : undefined;
  }

  private entry(stream: DirectoryStream): DirectoryEntry {
    const { bytes, at, position, next } = stream;
    const name = this.suffixed.get(position) ?? fidName(bytes, at);
    const isDirectory = (fidCharacteristics(bytes, at) & Characteristic.directory) !== 0;
    return { name, icb: fidIcb(bytes, at), isDirectory, position, next };
  }

  /** False if the name is taken. */
  private add(name: string, position: number): boolean {
    const nameHash = hash(name);
    const slot = this.slotOf(name, nameHash);
    if (this.slots[slot] !== 0) return false;
    this.slots[slot] = position + 1;
    this.hashes[slot] = nameHash;
    this.count++;
    if (this.count > MAX_ENTRIES) {
      throw new ImageError("limit", "udf", `a directory of more than ${MAX_ENTRIES} entries`);
    }
    if (this.count * 2 > this.slots.length) this.grow();
    return true;
  }

  /** Tries `~first` and on; returns the number taken. */
  private addSuffixed(position: number, name: string, first: number): number {
    for (let n = first; ; n++) {
      const other = `${name}~${n}`;
      const taken = this.slots[this.slotOf(other, hash(other))] !== 0;
      if (taken || this.suffixedPositions.has(other)) continue;
      this.suffixed.set(position, other);
      this.suffixedPositions.set(other, position);
      this.count++;
      return n;
    }
  }

  /** The slot of the entry of that name, or the free one where it would go. */
  private slotOf(name: string, nameHash: number): number {
    const mask = this.slots.length - 1;
    for (let slot = nameHash & mask; ; slot = (slot + 1) & mask) {
      const position = this.slots[slot];
      if (position === 0) return slot;
      if (this.hashes[slot] === nameHash && this.storedName(position - 1) === name) return slot;
    }
  }

  private storedName(position: number): string {
    this.stream.seek(position);
    return fidName(this.stream.bytes, this.stream.at);
  }

  private grow(): void {
    const { slots, hashes } = this;
    this.slots = new Uint32Array(slots.length * 2);
    this.hashes = new Uint32Array(slots.length * 2);
    const mask = this.slots.length - 1;
    for (let i = 0; i < slots.length; i++) {
      if (slots[i] === 0) continue;
      let slot = hashes[i] & mask;
      while (this.slots[slot] !== 0) slot = (slot + 1) & mask;
      this.slots[slot] = slots[i];
      this.hashes[slot] = hashes[i];
    }
  }
}

/** FNV-1a over code units, its bits mixed. */
function hash(name: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) value = Math.imul(value ^ name.charCodeAt(i), 0x01000193);
  return (value ^ (value >>> 15)) >>> 0;
}
