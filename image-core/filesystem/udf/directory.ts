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
import {
  Characteristic,
  fidCharacteristics,
  fidIcb,
  fidName,
  fidNameHash,
  takeFidIcb,
} from "./file-identifier.js";
import { hashName } from "./name-hash.js";

const SKIPPED = Characteristic.hidden | Characteristic.deleted | Characteristic.parent;
const MAX_ENTRIES = 4_000_000;
/** Repeated names that are kept; there should be none. */
const MAX_REPEATED = 10_000;
/** A name of a dozen characters; what the table of hashes is first made for. */
const TYPICAL_ENTRY_BYTES = 52;
const MAX_EXPECTED_ENTRIES = 8192;
const WALK_BYTES = 64 * 1024;
const LOOKUP_BYTES = 1024;

class DirectoryEntry {
  name = "";
  readonly icb: BlockAddress = { partition: 0, block: 0 };
  isDirectory = false;
}

/** Goes through the shown entries of a directory; is the entry that it is at. */
class DirectoryWalk extends DirectoryEntry {
  /** Where in the directory the next entry may lie. */
  next: number;

  constructor(
    private readonly directory: Directory,
    private readonly stream: DirectoryStream,
    position: number,
  ) {
    super();
    this.next = position;
  }

  /** To the next entry; false where none is left. */
  step(): boolean {
    const { stream } = this;
    while (stream.seek(this.next)) {
      this.next = stream.next;
      if (fidCharacteristics(stream.bytes, stream.at) & SKIPPED) continue;
      this.directory.take(stream, this);
      return true;
    }
    return false;
  }
}

export class Directory {
  /** Entries that are shown. */
  count = 0;
  /** Where the directory says it lies; undefined without an entry for the parent. */
  parent: BlockAddress | undefined;
  /** Bytes that should be entries and are not. */
  readonly damaged: number;

  /** Open addressing: position of an entry plus one, 0 where free. */
  private slots: Uint32Array;
  private hashes: Uint32Array;
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
    const slots = slotsFor(size);
    this.slots = new Uint32Array(slots);
    this.hashes = new Uint32Array(slots);
    const again: [number, string][] = [];
    const walk = new DirectoryStream(source, extents, size, WALK_BYTES);
    for (let more = walk.seek(0); more; more = walk.seek(walk.next)) {
      const { bytes, at, position } = walk;
      const characteristics = fidCharacteristics(bytes, at);
      if (characteristics & Characteristic.parent) this.parent ??= fidIcb(bytes, at);
      if (characteristics & SKIPPED) continue;
      if (this.add(walk)) continue;
      again.push([position, fidName(bytes, at)]);
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
    const position = this.slots[this.slotOf(hashName(name), name)];
    return position === 0 ? undefined : this.entryAt(position - 1, this.stream);
  }

  /** Of the shown entries from `position` on, a position between entries. */
  walk(position: number): DirectoryWalk {
    // A stream of its own: whoever takes the entries may look up names meanwhile.
    const stream = new DirectoryStream(this.source, this.extents, this.size, WALK_BYTES);
    return new DirectoryWalk(this, stream, position);
  }

  /** Fills `entry` with what the stream is at. */
  take({ bytes, at, position }: DirectoryStream, entry: DirectoryEntry): void {
    const suffixed = this.suffixed.size === 0 ? undefined : this.suffixed.get(position);
    entry.name = suffixed ?? fidName(bytes, at);
    entry.isDirectory = (fidCharacteristics(bytes, at) & Characteristic.directory) !== 0;
    takeFidIcb(bytes, at, entry.icb);
  }

  private entryAt(position: number, stream: DirectoryStream): DirectoryEntry | undefined {
    if (!stream.seek(position)) return undefined;
    const entry = new DirectoryEntry();
    this.take(stream, entry);
    return entry;
  }

  /** Adds the entry that the stream is at. False if its name is taken. */
  private add({ bytes, at, position }: DirectoryStream): boolean {
    const nameHash = fidNameHash(bytes, at);
    let slot = this.slotOf(nameHash);
    if (this.slots[slot] !== 0) {
      slot = this.slotOf(nameHash, fidName(bytes, at));
      if (this.slots[slot] !== 0) return false;
    }
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
      const taken = this.slots[this.slotOf(hashName(other), other)] !== 0;
      if (taken || this.suffixedPositions.has(other)) continue;
      this.suffixed.set(position, other);
      this.suffixedPositions.set(other, position);
      this.count++;
      return n;
    }
  }

  /** The slot of the entry of that hash (and name), or the free one where it would go. */
  private slotOf(nameHash: number, name?: string): number {
    const mask = this.slots.length - 1;
    for (let slot = nameHash & mask; ; slot = (slot + 1) & mask) {
      const position = this.slots[slot];
      if (position === 0) return slot;
      if (this.hashes[slot] !== nameHash) continue;
      if (name === undefined || this.storedName(position - 1) === name) return slot;
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

/** Enough that most directories of `size` bytes need no more. A power of two. */
function slotsFor(size: number): number {
  const entries = Math.min(MAX_EXPECTED_ENTRIES, size / TYPICAL_ENTRY_BYTES);
  return 2 ** Math.ceil(Math.log2(Math.max(16, entries * 2)));
}
