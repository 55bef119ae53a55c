/**
 * A directory as it is shown: its entries under unique names, found by name without a walk.
 *
 * Names are taken in while the directory is listed or searched for the first time, in the order
 * recorded. One that occurs again gets `~2`, `~3` and so on, none that another entry has of its own.
 * Memory: 16 to 32 bytes an entry, which is what the table of hashes takes; the names stay in the
 * image.
 */
import { ImageError } from "../../errors.js";
import type { ByteSource } from "../../source/byte-source.js";
import type { BlockAddress } from "./block-space.js";
import { DirectoryStream } from "./directory-stream.js";
import { DirectoryEntry, DirectoryWalk } from "./directory-walk.js";
import type { Extents } from "./extents.js";
import {
  Characteristic,
  fidCharacteristics,
  fidIcb,
  fidName,
  fidPlainNameHash,
  isSkipped,
  plainFidName,
} from "./file-identifier.js";
import { hashName } from "./name-hash.js";
import { NameSlots } from "./name-slots.js";

const MAX_ENTRIES = 4_000_000;
/** Repeated names that are kept; there should be none. */
const MAX_REPEATED = 10_000;
const WALK_BYTES = 64 * 1024;
const LOOKUP_BYTES = 1024;

export class Directory {
  /** Of the copies, the one that is read. */
  copy = 0;
  /** Position up to which all names were taken in. */
  private scanned = 0;
  private complete = false;
  private readonly slots: NameSlots;
  /** Names that occur again, by position, and the way back. */
  private readonly suffixed = new Map<number, string>();
  private readonly suffixedPositions = new Map<string, number>();
  /** Bytes that should be entries and are not, as far as was looked. */
  private damage = 0;
  private damageBefore = 0;
  private compared: boolean;
  /** For single entries. */
  private stream: DirectoryStream;
  private idleWalk: DirectoryWalk | undefined;
  private parentSought = false;
  private parentFound: BlockAddress | undefined;

  /** `copies`: where each recording of it lies. `warn` is told of damage when all was looked at. */
  constructor(
    private readonly source: ByteSource,
    private readonly copies: readonly Extents[],
    private readonly size: number,
    private readonly warn: (damagedBytes: number) => void,
  ) {
    this.compared = copies.length < 2;
    this.slots = new NameSlots(size);
    this.stream = this.open(LOOKUP_BYTES);
  }

  /** Roughly, in bytes; the table of hashes may grow to twice what it takes at first. */
  get memory(): number {
    return this.slots.memory * 2 + LOOKUP_BYTES + 1024;
  }

  /** Where the directory says it lies; undefined without an entry for the parent. */
  get parent(): BlockAddress | undefined {
    if (!this.parentSought) {
      const walk = new DirectoryWalk(this, this.open(LOOKUP_BYTES));
      // It comes first (UDF 2.3.4).
      while (this.parentFound === undefined && walk.advance()) {
        const { bytes, at } = walk.stream;
        if (fidCharacteristics(bytes, at) & Characteristic.parent) {
          this.parentFound = fidIcb(bytes, at);
        }
      }
      this.parentSought = true;
    }
    return this.parentFound;
  }

  find(name: string): DirectoryEntry | undefined {
    const hash = hashName(name);
    let position = this.positionOf(name, hash);
    if (position < 0 && !this.complete) {
      this.scan(this.size, hash, name);
      position = this.positionOf(name, hash);
    }
    if (position < 0 || !this.stream.seek(position)) return undefined;
    const entry = new DirectoryEntry();
    entry.take(this.stream, name);
    return entry;
  }

  /** Of the shown entries from `position` on, a position between entries. Then `leave`. */
  walk(position: number): DirectoryWalk {
    if (position > this.scanned) this.scan(position);
    // A walk of its own: whoever takes the entries may walk the same directory meanwhile.
    const walk = this.idleWalk ?? new DirectoryWalk(this, this.open(WALK_BYTES));
    this.idleWalk = undefined;
    walk.next = position;
    return walk;
  }

  /** Keeps what `walk` has read: a listing comes in many parts. Only of the directory listed last. */
  leave(walk: DirectoryWalk): void {
    this.idleWalk = walk;
  }

  forgetWalk(): void {
    this.idleWalk = undefined;
  }

  /** The name of the entry that `stream` is at, taken in if it was not before. */
  nameAt(stream: DirectoryStream): string {
    const { bytes, at, position } = stream;
    const plainHash = fidPlainNameHash(bytes, at);
    const name = plainHash < 0 ? fidName(bytes, at) : plainFidName(bytes, at);
    if (position >= this.scanned) {
      if (this.add(stream, plainHash < 0 ? hashName(name) : plainHash)) this.scanned = stream.next;
      // To number it, all others must be known.
      else this.scan(this.size);
    }
    return this.suffixed.size === 0 ? name : (this.suffixed.get(position) ?? name);
  }

  /** A walk met `bytes` at `position` that should be entries. */
  noticeDamage(position: number, bytes: number): void {
    if (position < this.damageBefore) return;
    this.damageBefore = position + bytes;
    this.damage += bytes;
  }

  /** A walk came to the end. */
  finish(): void {
    if (this.complete) return;
    this.complete = true;
    this.scanned = this.size;
    if (this.damage > 0) this.warn(this.damage);
  }

  /** To read on by where `copy` is damaged; undefined if no other is better. */
  betterCopy(copy: number): DirectoryStream | undefined {
    if (!this.compared) this.compareCopies();
    return this.copy === copy ? undefined : this.open(WALK_BYTES);
  }

  private compareCopies(): void {
    this.compared = true;
    const former = this.copy;
    let least = Number.POSITIVE_INFINITY;
    let best = former;
    for (let copy = 0; copy < this.copies.length; copy++) {
      this.copy = copy;
      const damage = damageOf(this.open(WALK_BYTES));
      if (damage >= least) continue;
      least = damage;
      best = copy;
    }
    this.copy = best;
    if (best !== former) this.stream = this.open(LOOKUP_BYTES);
  }

  private open(windowBytes: number): DirectoryStream {
    return new DirectoryStream(this.source, this.copies[this.copy], this.size, windowBytes);
  }

  /** Takes in names up to `end`; not further than `wanted`, if that is there. */
  private scan(end: number, wantedHash = -1, wanted = ""): void {
    const walk = new DirectoryWalk(this, this.open(WALK_BYTES));
    walk.next = this.scanned;
    const repeated: [number, string][] = [];
    while (repeated.length > 0 || walk.next < end) {
      if (!walk.advance()) {
        this.addSuffixed(repeated);
        this.finish();
        return;
      }
      const { stream } = walk;
      const { bytes, at, position } = stream;
      if (isSkipped(bytes, at)) continue;
      const plainHash = fidPlainNameHash(bytes, at);
      const hash = plainHash < 0 ? hashName(fidName(bytes, at)) : plainHash;
      if (!this.add(stream, hash)) repeated.push([position, fidName(bytes, at)]);
      if (repeated.length > MAX_REPEATED) {
        const problem = `a directory of more than ${MAX_REPEATED} repeated names`;
        throw new ImageError("limit", "udf", problem);
      }
      // With one to be numbered, what is scanned counts when all is.
      if (repeated.length > 0) continue;
      this.scanned = stream.next;
      if (hash === wantedHash && this.positionOf(wanted, hash) >= 0) return;
    }
  }

  /** Takes in the entry that `stream` is at. False if another has its name. */
  private add(stream: DirectoryStream, hash: number): boolean {
    const { slots } = this;
    const { position } = stream;
    let slot = slots.first(hash);
    if (slots.position(slot) >= 0) {
      const name = fidName(stream.bytes, stream.at);
      for (; slots.position(slot) >= 0; slot = slots.next(hash, slot)) {
        const other = slots.position(slot);
        if (other === position) return true;
        if (this.storedName(other) === name) return false;
      }
    }
    slots.put(slot, hash, position);
    if (slots.count > MAX_ENTRIES) {
      throw new ImageError("limit", "udf", `a directory of more than ${MAX_ENTRIES} entries`);
    }
    return true;
  }

  /** Names them by the first number each that leads to no other entry. */
  private addSuffixed(repeated: readonly [number, string][]): void {
    const next = new Map<string, number>();
    for (const [position, name] of repeated) {
      let n = next.get(name) ?? 2;
      while (this.positionOf(`${name}~${n}`, hashName(`${name}~${n}`)) >= 0) n++;
      next.set(name, n + 1);
      this.suffixed.set(position, `${name}~${n}`);
      this.suffixedPositions.set(`${name}~${n}`, position);
    }
  }

  /** -1 if no entry taken in has the name. */
  private positionOf(name: string, hash: number): number {
    const { slots } = this;
    for (let slot = slots.first(hash); slots.position(slot) >= 0; slot = slots.next(hash, slot)) {
      const position = slots.position(slot);
      if (this.storedName(position) === name) return position;
    }
    return this.suffixedPositions.get(name) ?? -1;
  }

  private storedName(position: number): string {
    this.stream.seek(position);
    return fidName(this.stream.bytes, this.stream.at);
  }
}

/** Bytes that are no entries, padding included, which is the same in every copy. */
function damageOf(stream: DirectoryStream): number {
  try {
    let torn = 0;
    for (let next = 0; stream.seek(next); next = stream.next) if (stream.torn) torn++;
    return stream.damaged + stream.unused + torn;
  } catch (error) {
    if (!(error instanceof ImageError) || error.kind === "host-io") throw error;
    return Number.POSITIVE_INFINITY;
  }
}
