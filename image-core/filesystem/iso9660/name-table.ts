/**
 * An open-addressing hash table from names to where in a directory their records lie: 8 bytes a
 * slot, no strings. Equal hashes may be different names; the caller compares.
 */
const FIRST_SLOTS = 64;

export class NameTable {
  /** Pairs: hash, value + 1 (0: free). */
  private slots = new Uint32Array(2 * FIRST_SLOTS);
  private mask = FIRST_SLOTS - 1;
  count = 0;

  add(hash: number, value: number): void {
    if ((this.count + 1) * 2 > this.mask + 1) this.grow();
    this.insert(hash, value);
    this.count++;
  }

  /** The slot of the first value under `hash`, -1 for none. Then `nextSlot`. */
  firstSlot(hash: number): number {
    return this.scan(hash, hash & this.mask);
  }

  nextSlot(hash: number, slot: number): number {
    return this.scan(hash, (slot + 1) & this.mask);
  }

  value(slot: number): number {
    return this.slots[2 * slot + 1] - 1;
  }

  private scan(hash: number, from: number): number {
    const { slots, mask } = this;
    for (let slot = from; slots[2 * slot + 1] !== 0; slot = (slot + 1) & mask) {
      if (slots[2 * slot] === hash) return slot;
    }
    return -1;
  }

  private insert(hash: number, value: number): void {
    const { slots, mask } = this;
    let slot = hash & mask;
    while (slots[2 * slot + 1] !== 0) slot = (slot + 1) & mask;
    slots[2 * slot] = hash;
    slots[2 * slot + 1] = value + 1;
  }

  private grow(): void {
    const old = this.slots;
    this.slots = new Uint32Array(2 * old.length);
    this.mask = old.length - 1;
    for (let i = 0; i < old.length; i += 2) {
      if (old[i + 1] !== 0) this.insert(old[i], old[i + 1] - 1);
    }
  }
}

/** So that no image can be made whose names all collide. Nothing that is shown depends on it. */
const seed = Math.floor(Math.random() * 2 ** 32);

/** 32 bits, never negative. */
export function hashName(name: string): number {
  let hash = 0x811c9dc5 ^ seed;
  for (let i = 0; i < name.length; i++) {
    hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  }
  // FNV leaves the low bits weak; the table uses just these.
  hash ^= hash >>> 15;
  return Math.imul(hash, 0x2c1b3c6d) >>> 0;
}

/** For a directory's first block, kept in the same table as names. */
export function hashBlock(block: number): number {
  let hash = Math.imul(block ^ seed, 0x9e3779b1);
  hash ^= hash >>> 16;
  return Math.imul(hash, 0x85ebca6b) >>> 0;
}
