/**
 * From the hash of a name to where in a directory its entry lies: open addressing, 8 bytes a slot, no
 * strings. Equal hashes may be different names: `find` asks its caller, who can read them.
 */

/** A name of a dozen characters; what the table is first made for. */
const TYPICAL_ENTRY_BYTES = 52;
const MAX_EXPECTED_ENTRIES = 8192;

export class NameSlots {
  /** Position of an entry plus one, 0 where free. */
  private slots: Uint32Array;
  private hashes: Uint32Array;
  count = 0;

  /** `directoryBytes`: most directories of that size never need to grow. */
  constructor(directoryBytes: number) {
    const entries = Math.min(MAX_EXPECTED_ENTRIES, directoryBytes / TYPICAL_ENTRY_BYTES);
    const slots = 2 ** Math.ceil(Math.log2(Math.max(16, entries * 2)));
    this.slots = new Uint32Array(slots);
    this.hashes = new Uint32Array(slots);
  }

  /** In bytes. */
  get memory(): number {
    return this.slots.length * 8;
  }

  /** The slot of the first entry of this hash, or the free one where it would go. Then `next`. */
  first(hash: number): number {
    return this.scan(hash, hash & (this.slots.length - 1));
  }

  next(hash: number, slot: number): number {
    return this.scan(hash, (slot + 1) & (this.slots.length - 1));
  }

  /** Position of the entry in a slot; -1 where it is free. */
  position(slot: number): number {
    return this.slots[slot] - 1;
  }

  /** `slot` is free. */
  put(slot: number, hash: number, position: number): void {
    this.slots[slot] = position + 1;
    this.hashes[slot] = hash;
    this.count++;
    if (this.count * 2 > this.slots.length) this.grow();
  }

  private scan(hash: number, from: number): number {
    const { slots, hashes } = this;
    const mask = slots.length - 1;
    let slot = from;
    while (slots[slot] !== 0 && hashes[slot] !== hash) slot = (slot + 1) & mask;
    return slot;
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
