/** A bounded sample of a tree's raw names, to judge charset and byte order by. */
import {
  dotIdentifier,
  FLAG_DIRECTORY,
  RECORD_HEAD,
  recordExtent,
  recordFlags,
  systemUseOffset,
} from "./directory-record.js";
import { directoryLength } from "./dot-record.js";
import type { IsoImage } from "./iso-image.js";
import { RecordCursor } from "./record-cursor.js";
import { SystemUseWalker, signature } from "./susp.js";

const NM = signature("NM");
/** However large the image: a few milliseconds. */
const MAX_DIRECTORIES = 200;
const MAX_RECORDS = 5000;
const MAX_SAMPLES = 2000;
/** NM entries that one name is put together from. */
const MAX_NAME_PARTS = 4;

/**
 * Names from the directories nearest to the root: with `skip` those of NM entries where there are
 * any, otherwise file identifiers. `wanted` says which are worth keeping.
 */
export function sampleNames(
  image: IsoImage,
  rootStart: number,
  skip: number | undefined,
  wanted: (name: Uint8Array) => boolean,
): Uint8Array[] {
  const samples: Uint8Array[] = [];
  const directories = [rootStart];
  const seen = new Set(directories);
  const cursor = new RecordCursor(image);
  const walker = new SystemUseWalker(image);
  let records = 0;
  for (let i = 0; i < directories.length; i++) {
    const end = directories[i] + directoryLength(image, directories[i]);
    cursor.open(directories[i], Math.min(end, image.source.size));
    while (cursor.step()) {
      const { bytes, at } = cursor;
      if (dotIdentifier(bytes, at) >= 0) continue;
      if (++records > MAX_RECORDS || samples.length >= MAX_SAMPLES) return samples;
      if ((recordFlags(bytes, at, image.highSierra) & FLAG_DIRECTORY) !== 0) {
        const start = (recordExtent(bytes, at, image.blocks) + bytes[at + 1]) * image.blockSize;
        if (directories.length < MAX_DIRECTORIES && !seen.has(start)) {
          seen.add(start);
          directories.push(start);
        }
      }
      let name: Uint8Array = bytes.slice(at + RECORD_HEAD, at + RECORD_HEAD + bytes[at + 32]);
      if (skip !== undefined) {
        walker.open(bytes, at + systemUseOffset(bytes, at) + skip, at + bytes[at]);
        const parts: Uint8Array[] = [];
        while (walker.step() && parts.length < MAX_NAME_PARTS) {
          if (walker.signature !== NM || walker.length <= 5) continue;
          parts.push(walker.bytes.slice(walker.at + 5, walker.at + walker.length));
        }
        if (parts.length > 0) name = Buffer.concat(parts);
      }
      if (wanted(name)) samples.push(name);
    }
  }
  return samples;
}

export function hasNonAscii(name: Uint8Array): boolean {
  return name.some((byte) => byte >= 0x80);
}

/** UCS-2 names whose ASCII lies in the first byte of each pair are the wrong way round. */
export function looksLittleEndian(samples: readonly Uint8Array[]): boolean {
  let little = 0;
  let big = 0;
  for (const name of samples) {
    for (let i = 0; i + 1 < name.length; i += 2) {
      if (name[i] === 0 && name[i + 1] !== 0) big++;
      else if (name[i] !== 0 && name[i + 1] === 0) little++;
    }
  }
  return little > big;
}
