/**
 * The directory record (ECMA-119 9.1; High Sierra has its date one byte shorter and its flags one
 * byte earlier). Functions over the bytes where a record begins: nothing is allocated.
 *
 *   0 LEN_DR   1 extended attribute record length   2 extent (both)   10 data length (both)
 *   18 date    25 flags   26 file unit size   27 interleave gap size   28 volume sequence (both)
 *   32 LEN_FI  33 file identifier, padded to even   then system use
 */
import { both32, halvesAgree } from "./both-endian.js";

/** Fixed part: up to the identifier. */
export const RECORD_HEAD = 33;
/** A record never leaves its logical sector (6.8.1.1). */
export const LOGICAL_SECTOR = 2048;

/** File flags (9.1.6). */
export const FLAG_DIRECTORY = 0x02;
export const FLAG_ASSOCIATED = 0x04;
export const FLAG_PROTECTION = 0x10;
export const FLAG_MULTI_EXTENT = 0x80;

export function recordFlags(bytes: Uint8Array, at: number, highSierra: boolean): number {
  return bytes[at + (highSierra ? 24 : 25)];
}

/** Logical block where the extent begins, its extended attribute record included. */
export function recordExtent(bytes: Uint8Array, at: number, blocks: number): number {
  return both32(bytes, at + 2, blocks);
}

/** Bytes of data in this extent. `limit` decides between halves that differ. */
export function recordDataLength(bytes: Uint8Array, at: number, limit: number): number {
  return both32(bytes, at + 10, limit);
}

/** `.` (0) or `..` (1) if the record is one of these (7.6.2), otherwise -1. */
export function dotIdentifier(bytes: Uint8Array, at: number): number {
  return bytes[at + 32] === 1 && bytes[at + 33] <= 1 ? bytes[at + 33] : -1;
}

/** Where the system use field begins: behind the identifier and its padding. */
export function systemUseOffset(bytes: Uint8Array, at: number): number {
  const length = RECORD_HEAD + bytes[at + 32];
  return length + (length & 1);
}

export function recordHalvesAgree(bytes: Uint8Array, at: number): boolean {
  return halvesAgree(bytes, at + 2) && halvesAgree(bytes, at + 10);
}

export function sameIdentifier(a: Uint8Array, atA: number, b: Uint8Array, atB: number): boolean {
  const length = a[atA + 32];
  if (length !== b[atB + 32]) return false;
  for (let i = RECORD_HEAD; i < RECORD_HEAD + length; i++) {
    if (a[atA + i] !== b[atB + i]) return false;
  }
  return true;
}
