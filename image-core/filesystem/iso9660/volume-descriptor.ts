/**
 * Volume descriptors (ECMA-119 8, ISO 9660:1999, High Sierra): what lies at sector 16 of a session
 * and behind it.
 */
import type { ByteSource } from "../../source/byte-source.js";
import { be32, both16, both32, halvesAgree, le32 } from "./both-endian.js";
import { LOGICAL_SECTOR } from "./directory-record.js";
import { digitsTime, type LongTime } from "./times.js";

const TYPE_BOOT = 0;
const TYPE_PRIMARY = 1;
const TYPE_SUPPLEMENTARY = 2;
const TYPE_TERMINATOR = 255;

/** The first volume descriptor of a session lies this many sectors behind its start (6.2.1). */
export const SYSTEM_AREA_SECTORS = 16;
/** No real set has more; Linux looks at 84. */
const MAX_DESCRIPTORS = 100;

export interface DescriptorSet {
  highSierra: boolean;
  primary: VolumeDescriptor | undefined;
  /** In the order of the set; those of equal root directories included. */
  supplementary: VolumeDescriptor[];
  /** Boot records: the whole sectors. */
  boot: Uint8Array[];
  /** False: the set just stopped. */
  terminated: boolean;
}

export interface VolumeDescriptor {
  /** Byte offset in the source, for messages. */
  position: number;
  /** 1; 2 in ISO 9660:1999's enhanced descriptor. */
  version: number;
  /** Raw, padded with spaces or NULs. */
  systemIdentifier: Uint8Array;
  volumeIdentifier: Uint8Array;
  /** In logical blocks. */
  volumeSpaceSize: number;
  escapeSequences: Uint8Array;
  /** In bytes. */
  logicalBlockSize: number;
  /** In bytes. */
  pathTableSize: number;
  /** Logical blocks; `L` little-endian, `M` big-endian. */
  typeLPathTable: number;
  typeMPathTable: number;
  rootRecord: Uint8Array;
  creation: LongTime | undefined;
  /** 16 digits, raw. */
  creationDigits: Uint8Array;
  modificationDigits: Uint8Array;
  /** Field names whose little- and big-endian halves differ. */
  disagreeing: string[];
}

/** What kind of descriptor a sector holds: `CD001` at 1, or High Sierra's `CDROM` at 9. */
function descriptorStandard(sector: Uint8Array, at: number): "iso" | "hs" | undefined {
  if (matches(sector, at + 1, "CD001")) return "iso";
  if (matches(sector, at + 9, "CDROM")) return "hs";
  return undefined;
}

function matches(bytes: Uint8Array, at: number, text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    if (bytes[at + i] !== text.charCodeAt(i)) return false;
  }
  return true;
}

/** The set of a session that starts at `startSector`; undefined where there is none. */
export function readDescriptorSet(
  source: ByteSource,
  startSector: number,
): DescriptorSet | undefined {
  let set: DescriptorSet | undefined;
  for (let i = 0; i < MAX_DESCRIPTORS; i++) {
    const position = (startSector + SYSTEM_AREA_SECTORS + i) * LOGICAL_SECTOR;
    const sector = new Uint8Array(LOGICAL_SECTOR);
    if (source.read(position, sector, 0, LOGICAL_SECTOR) < LOGICAL_SECTOR) break;
    const standard = descriptorStandard(sector, 0);
    if (standard === undefined) break;
    const highSierra = standard === "hs";
    set ??= { highSierra, primary: undefined, supplementary: [], boot: [], terminated: false };
    const type = sector[highSierra ? 8 : 0];
    if (type === TYPE_TERMINATOR) {
      set.terminated = true;
      break;
    }
    if (type === TYPE_BOOT) set.boot.push(sector);
    else if (type === TYPE_PRIMARY) set.primary ??= decodeDescriptor(sector, position, highSierra);
    else if (type === TYPE_SUPPLEMENTARY) {
      set.supplementary.push(decodeDescriptor(sector, position, highSierra));
    }
  }
  return set;
}

function decodeDescriptor(
  sector: Uint8Array,
  position: number,
  highSierra: boolean,
): VolumeDescriptor {
  // High Sierra puts the descriptor's own block number first and has four path tables each way.
  const base = highSierra ? 8 : 0;
  const dates = highSierra ? 790 : 813;
  const dateBytes = highSierra ? 16 : 17;
  const tables = highSierra ? 148 : 140;
  const disagreeing: string[] = [];
  const fields: [string, number][] = [
    ["volume space size", base + 80],
    ["path table size", base + 132],
  ];
  for (const [name, at] of fields) if (!halvesAgree(sector, at)) disagreeing.push(name);
  return {
    position,
    version: sector[base + 6],
    systemIdentifier: sector.subarray(base + 8, base + 40),
    volumeIdentifier: sector.subarray(base + 40, base + 72),
    volumeSpaceSize: both32(sector, base + 80, 0xffffffff),
    escapeSequences: sector.subarray(base + 88, base + 120),
    logicalBlockSize: both16(sector, base + 128),
    pathTableSize: both32(sector, base + 132, 1 << 24),
    typeLPathTable: le32(sector, tables),
    typeMPathTable: be32(sector, tables + (highSierra ? 16 : 8)),
    rootRecord: sector.subarray(highSierra ? 180 : 156, (highSierra ? 180 : 156) + 34),
    creation: digitsTime(sector, dates, highSierra),
    creationDigits: sector.subarray(dates, dates + 16),
    modificationDigits: sector.subarray(dates + dateBytes, dates + dateBytes + 16),
    disagreeing,
  };
}
