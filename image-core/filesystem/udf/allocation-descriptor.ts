/** Where the pieces of a file lie (ECMA-167 3/7.1, 4/7.1, 4/14.14). */
import { u16, u32 } from "./descriptor-tag.js";

/** A run of whole sectors of the volume. */
export interface ExtentAd {
  /** In bytes. */
  length: number;
  /** Absolute sector number. */
  location: number;
}

export function decodeExtentAd(bytes: Uint8Array, at: number): ExtentAd {
  return { length: u32(bytes, at), location: u32(bytes, at + 4) };
}

/** What the upper two bits of an extent's length say (ECMA-167 4/14.14.1.1). */
export const ExtentType = {
  recorded: 0,
  /** Allocated, not recorded: reads as zeros. */
  allocated: 1,
  /** Neither: a hole. */
  hole: 2,
  /** The next piece of the list of descriptors. */
  continuation: 3,
} as const;

/** A short_ad, long_ad or ext_ad, all brought into the same form. */
export interface AllocationDescriptor {
  /** One of `ExtentType`. */
  type: number;
  /** In bytes. */
  length: number;
  block: number;
  partition: number;
}

export const SHORT_AD_LENGTH = 8;
export const LONG_AD_LENGTH = 16;
export const EXT_AD_LENGTH = 20;

export function decodeLongAd(bytes: Uint8Array, at: number): AllocationDescriptor {
  const length = u32(bytes, at);
  return {
    type: length >>> 30,
    length: length & 0x3fffffff,
    block: longAdBlock(bytes, at),
    partition: longAdPartition(bytes, at),
  };
}

export function longAdBlock(bytes: Uint8Array, at: number): number {
  return u32(bytes, at + 4);
}

export function longAdPartition(bytes: Uint8Array, at: number): number {
  return u16(bytes, at + 8);
}

/** `partition`: where the descriptor itself lies. */
export function decodeShortAd(
  bytes: Uint8Array,
  at: number,
  partition: number,
): AllocationDescriptor {
  const length = u32(bytes, at);
  return {
    type: length >>> 30,
    length: length & 0x3fffffff,
    block: u32(bytes, at + 4),
    partition,
  };
}

/** The information length counts: what was recorded beyond it is no part of the file. */
export function decodeExtAd(bytes: Uint8Array, at: number): AllocationDescriptor {
  return {
    type: u32(bytes, at) >>> 30,
    length: Math.min(u32(bytes, at) & 0x3fffffff, u32(bytes, at + 8)),
    block: u32(bytes, at + 12),
    partition: u16(bytes, at + 16),
  };
}
