/**
 * Finding a volume: the recognition sequence (ECMA-167 2/8) and the anchors, which say where the
 * volume's descriptors lie (ECMA-167 3/8.4.2.1, 3/10.2).
 *
 * A sector size is recorded nowhere in advance. But an anchor's tag holds its own sector number, so
 * that at a given byte it is an anchor for one sector size only.
 */
import type { ByteSource } from "../../source/byte-source.js";
import { descriptorProblem, TAG_LENGTH, TagIdentifier, tagIdentifier } from "./descriptor-tag.js";
import { readIfThere } from "./read-if-there.js";
import { type AnchorVolumeDescriptorPointer, decodeAnchor } from "./volume-descriptors.js";

/** The most usual first. UDF itself allows any; these are what media and disk sectors have. */
const SECTOR_SIZES = [2048, 512, 4096, 1024, 8192, 16384, 32768] as const;

/** Where a volume recognition sequence begins, in bytes. */
const RECOGNITION_START = 32768;
/** A structure descriptor each, or a sector each if those are longer. */
const RECOGNITION_STEPS = [2048, 4096, 8192, 16384, 32768] as const;
const MAX_STRUCTURES = 32;

/** The identifier that says ECMA-167: `NSR02` or `NSR03`; undefined where none is found. */
export function recognised(head: Uint8Array): string | undefined {
  for (const step of RECOGNITION_STEPS) {
    for (let i = 0; i < MAX_STRUCTURES; i++) {
      const at = RECOGNITION_START + i * step;
      if (at + 7 > head.length || head[at + 1] === 0) break;
      const identifier = String.fromCharCode(...head.subarray(at + 1, at + 6));
      if (identifier === "NSR02" || identifier === "NSR03") return identifier;
    }
  }
  return undefined;
}

export interface Anchor extends AnchorVolumeDescriptorPointer {
  sectorSize: number;
  /** Where it was found. */
  sector: number;
}

/** How far behind a volume's end its image may go on: sectors that a drive adds when it closes a track. */
const RUN_OUTS = [0, 1, 2, 150, 152];

/**
 * Every anchor that leads to another volume descriptor sequence, the one to believe first in front.
 * `sessions`: starts of a disc's sessions in sectors of 2048 bytes, to be looked at in this order.
 */
export function findAnchors(source: ByteSource, sessions: readonly number[]): Anchor[] {
  const found: Anchor[] = [];
  for (const start of sessions) {
    collect(found, source, 2048, [start + 256, start + 512]);
  }
  for (const sectorSize of SECTOR_SIZES) {
    const sectors: number[] = [256, 512];
    const last = Math.floor(source.size / sectorSize) - 1;
    for (const runOut of RUN_OUTS) sectors.push(last - runOut, last - runOut - 256);
    const before = found.length;
    collect(found, source, sectorSize, sectors);
    // Without a table of sessions a later one is known by its descriptors, which lie further on.
    const these = found.splice(before).sort((a, b) => location(b) - location(a));
    found.push(...these);
  }
  return found;
}

function location(anchor: Anchor): number {
  return anchor.mainVolumeDescriptorSequenceExtent.location;
}

function collect(
  found: Anchor[],
  source: ByteSource,
  sectorSize: number,
  sectors: readonly number[],
): void {
  for (const sector of sectors) {
    const anchor = anchorAt(source, sectorSize, sector);
    if (anchor === undefined) continue;
    const known = found.some(
      (other) => other.sectorSize === sectorSize && location(other) === location(anchor),
    );
    if (!known) found.push(anchor);
  }
}

/** Bytes of an anchor, most of them reserved; what its CRC covers at least. */
const ANCHOR_LENGTH = 512;

/** The anchor in this sector, if there is one. */
function anchorAt(source: ByteSource, sectorSize: number, sector: number): Anchor | undefined {
  const position = sector * sectorSize;
  if (sector < 0 || position + ANCHOR_LENGTH > source.size) return undefined;
  const tag = new Uint8Array(TAG_LENGTH);
  if (readIfThere(source, position, tag, TAG_LENGTH) < TAG_LENGTH) return undefined;
  if (tagIdentifier(tag, 0) !== TagIdentifier.AnchorVolumeDescriptorPointer) return undefined;
  // Some writers' CRCs cover the whole sector.
  const bytes = new Uint8Array(Math.min(sectorSize, source.size - position));
  if (readIfThere(source, position, bytes, bytes.length) < bytes.length) return undefined;
  if (descriptorProblem(bytes, 0, bytes.length, sector) !== undefined) return undefined;
  return { sectorSize, sector, ...decodeAnchor(bytes) };
}
