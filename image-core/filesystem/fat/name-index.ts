/**
 * From a name's hash to where its entry begins in the directory: 16 bytes an entry, so that large
 * directories are looked up without holding their names.
 */

const NONE = -1;

export class NameIndex {
  /** Open addressing with linear probing; at most half full, each hash once. */
  private hashes = new Int32Array(16);
  private slots = new Int32Array(16).fill(NONE);
  private count = 0;

  /** What the index takes up, for the cache that bounds the sum. */
  get weight(): number {
    return this.slots.length;
  }

  /** `slot` is a non-negative 31-bit number. False, and nothing is added, where the hash is there already. */
  add(name: string, slot: number): boolean {
    if (this.count * 2 >= this.slots.length) this.grow();
    const added = this.insert(hash(name), slot);
    if (added) this.count++;
    return added;
  }

  /** The slot of `name`, or of a name with the same hash; -1: none. */
  find(name: string): number {
    const wanted = hash(name);
    const mask = this.slots.length - 1;
    let i = wanted & mask;
    while (this.slots[i] !== NONE && this.hashes[i] !== wanted) i = (i + 1) & mask;
    return this.slots[i];
  }

  private insert(value: number, slot: number): boolean {
    const mask = this.slots.length - 1;
    let i = value & mask;
    while (this.slots[i] !== NONE) {
      if (this.hashes[i] === value) return false;
      i = (i + 1) & mask;
    }
    this.hashes[i] = value;
    this.slots[i] = slot;
    return true;
  }

  private grow(): void {
    const { hashes, slots } = this;
    this.hashes = new Int32Array(slots.length * 2);
    this.slots = new Int32Array(slots.length * 2).fill(NONE);
    for (let i = 0; i < slots.length; i++) {
      if (slots[i] !== NONE) this.insert(hashes[i], slots[i]);
    }
  }
}

/** FNV-1a over UTF-16 units, then mixed, since the low bits choose the place. */
function hash(name: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) value = Math.imul(value ^ name.charCodeAt(i), 0x01000193);
  value = Math.imul(value ^ (value >>> 16), 0x45d9f3b);
  return (value ^ (value >>> 15)) | 0;
}
