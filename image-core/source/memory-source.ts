/** Bytes already in memory: small decoded structures, and what tests build. */
import type { ByteSource } from "./byte-source.js";

export class MemorySource implements ByteSource {
  readonly size: number;

  constructor(private readonly bytes: Uint8Array) {
    this.size = bytes.length;
  }

  read(position: number, target: Uint8Array, offset: number, length: number): number {
    if (position >= this.size) return 0;
    const end = Math.min(this.size, position + length);
    target.set(this.bytes.subarray(position, end), offset);
    return end - position;
  }
}
