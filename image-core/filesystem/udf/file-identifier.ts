/** One entry of a directory (ECMA-167 4/14.4, UDF 2.3.4). */
import { latin1 } from "../../text/decode-name.js";
import { longAdBlock, longAdPartition } from "./allocation-descriptor.js";
import type { BlockAddress } from "./block-space.js";
import { TagIdentifier, tagChecksumHolds, tagIdentifier, u16 } from "./descriptor-tag.js";
import { compressedName, plainNameHash } from "./osta-unicode.js";

/** Bits of the file characteristics (ECMA-167 4/14.4.3). */
export const Characteristic = { hidden: 1, directory: 2, deleted: 4, parent: 8 } as const;

/** Entries that are not shown. */
const SKIPPED = Characteristic.hidden | Characteristic.deleted | Characteristic.parent;

/** Bytes before the implementation use. */
export const FID_HEADER_LENGTH = 38;

/**
 * Bytes of the descriptor at `at`, padded to a multiple of 4; 0 where there is none. Writers are
 * known to get the location and the CRC of these wrong, so the tag's id and checksum decide.
 */
export function fidLength(bytes: Uint8Array, at: number): number {
  if (tagIdentifier(bytes, at) !== TagIdentifier.FileIdentifierDescriptor) return 0;
  if (!tagChecksumHolds(bytes, at)) return 0;
  return (FID_HEADER_LENGTH + u16(bytes, at + 36) + bytes[at + 19] + 3) & ~3;
}

export function fidCharacteristics(bytes: Uint8Array, at: number): number {
  return bytes[at + 18];
}

export function isSkipped(bytes: Uint8Array, at: number): boolean {
  return (fidCharacteristics(bytes, at) & SKIPPED) !== 0;
}

export function fidIcb(bytes: Uint8Array, at: number): BlockAddress {
  const icb = { partition: 0, block: 0 };
  takeFidIcb(bytes, at, icb);
  return icb;
}

/** As `fidIcb`, into `icb`. The ICB's length says nothing that the ICB does not. */
export function takeFidIcb(bytes: Uint8Array, at: number, icb: BlockAddress): void {
  icb.partition = longAdPartition(bytes, at + 20);
  icb.block = longAdBlock(bytes, at + 20);
}

/** Safe to show. The caller has seen that `fidLength` bytes are there. */
export function fidName(bytes: Uint8Array, at: number): string {
  const start = nameStart(bytes, at);
  return compressedName(bytes, start, start + bytes[at + 19]);
}

/** `hashName` of `fidName`, where that is `plainFidName`; -1 where it is not. */
export function fidPlainNameHash(bytes: Uint8Array, at: number): number {
  const start = nameStart(bytes, at);
  return plainNameHash(bytes, start, start + bytes[at + 19]);
}

/** The bytes behind the compression id, one a character. */
export function plainFidName(bytes: Uint8Array, at: number): string {
  const start = nameStart(bytes, at);
  return latin1(bytes, start + 1, start + bytes[at + 19]);
}

function nameStart(bytes: Uint8Array, at: number): number {
  return at + FID_HEADER_LENGTH + u16(bytes, at + 36);
}
