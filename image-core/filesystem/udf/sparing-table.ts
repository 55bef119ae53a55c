/** Which packets of a rewritable disc were moved because their place failed (UDF 2.2.12). */
import type { ByteSource } from "../../source/byte-source.js";
import { descriptorProblem, tagIdentifier, u16, u32 } from "./descriptor-tag.js";
import type { PartitionMap } from "./partition-map.js";
import { readIfThere } from "./read-if-there.js";
import { entityIdentifier } from "./volume-descriptors.js";

/** Entries at and above this are free or defective. */
const FIRST_RESERVED_LOCATION = 0xfffffff0;
/** UDF's own limit is 65535 entries of 8 bytes. */
const MAX_TABLE_BYTES = 56 + 65535 * 8;

export interface SparingTable {
  sequenceNumber: number;
  /** First block of a packet -> position in the volume of the one in its place. */
  spared: Map<number, number>;
}

/** The newest of the copies; undefined where none is sound. */
export function readSparingTable(
  source: ByteSource,
  sectorSize: number,
  map: Extract<PartitionMap, { kind: "sparable" }>,
): SparingTable | undefined {
  let newest: SparingTable | undefined;
  for (const sector of map.locationsOfSparingTables) {
    const table = readCopy(source, sectorSize, sector, map.sizeOfEachSparingTable);
    if (table === undefined) continue;
    if (newest === undefined || table.sequenceNumber > newest.sequenceNumber) newest = table;
  }
  return newest;
}

function readCopy(
  source: ByteSource,
  sectorSize: number,
  sector: number,
  size: number,
): SparingTable | undefined {
  const bytes = new Uint8Array(Math.max(sectorSize, Math.min(size, MAX_TABLE_BYTES)));
  const got = readIfThere(source, sector * sectorSize, bytes, bytes.length);
  // Its tag identifier is 0, as that of no other descriptor.
  if (got < 56 || tagIdentifier(bytes, 0) !== 0) return undefined;
  if (entityIdentifier(bytes, 16) !== "*UDF Sparing Table") return undefined;
  if (descriptorProblem(bytes, 0, got, sector) !== undefined) return undefined;
  const spared = new Map<number, number>();
  const count = Math.min(u16(bytes, 48), Math.floor((got - 56) / 8));
  for (let i = 0; i < count; i++) {
    const originalLocation = u32(bytes, 56 + i * 8);
    if (originalLocation >= FIRST_RESERVED_LOCATION) continue;
    spared.set(originalLocation, u32(bytes, 60 + i * 8) * sectorSize);
  }
  return { sequenceNumber: u32(bytes, 52), spared };
}
