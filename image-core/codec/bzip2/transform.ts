/**
 * Undoes the Burrows-Wheeler transform (M. Burrows, D. J. Wheeler, SRC report 124, 1994, section
 * 4.2).
 *
 * The block's bytes are a chain of places, from an origin. To follow it in several parts at once
 * without knowing where the parts begin, places are marked at regular intervals of the table, which
 * lie anywhere in the chain. A lane follows the chain from behind one mark to the next one, notes
 * which it has come to, and takes the next part that no lane has followed. In the end the parts are
 * put together, beginning with the one behind the origin, which is marked too.
 *
 * A part is a list of pieces, since where it ends is not known before.
 */
import type { Bzip2Machine } from "./machine.js";
import { COUNTS, ENDS, LANE_PLACES, LANES, LAST, LINKS, MAX_BLOCK, ROW, SLAB } from "./memory.js";

const MARK = 0x8000_0000 | 0;
/** Places from mark to mark. */
const INTERVAL = 512;
/** With fewer parts, following them one by one is quicker. */
const MIN_PARTS = 2 * LANES;
/** A part begins with one; so does each row of a slab, and what is followed without lanes. */
const MAX_PIECES = Math.ceil(MAX_BLOCK / INTERVAL) + 1 + Math.ceil(MAX_BLOCK / ROW) + 3 * LANES;

const pieceStart = new Int32Array(MAX_PIECES);
const pieceEnd = new Int32Array(MAX_PIECES);
/** The part that follows begins with the piece of its own number. */
const pieceNext = new Int32Array(MAX_PIECES);
/** By lane: the piece that it writes, or -1. */
const lanePiece = new Int32Array(LANES);

/** From the column at LAST and the COUNTS to the block's bytes at LINKS. */
export function untransform(machine: Bzip2Machine, length: number, origin: number): void {
  const { words } = machine;
  let sum = 0;
  for (let byte = 0; byte < 256; byte++) {
    const count = words[COUNTS / 4 + byte];
    words[COUNTS / 4 + byte] = sum;
    sum += count;
    words[ENDS / 4 + byte] = sum;
  }
  machine.makeLinks(length);
  const firstByte = words[LINKS / 4 + origin];
  const firstPart = follow(machine, length, origin);
  gather(machine.bytes, length, firstPart, firstByte);
}

/** Writes all parts as pieces behind LAST. Returns the part behind the origin. */
function follow(machine: Bzip2Machine, length: number, origin: number): number {
  const { words, bytes } = machine;
  const links = LINKS / 4;
  const lanePlaces = LANE_PLACES / 4;
  const regular = Math.ceil(length / INTERVAL);
  const originPart = origin % INTERVAL === 0 ? origin / INTERVAL : regular;
  const parts = Math.max(regular, originPart + 1);
  for (let part = 0; part < regular; part++) words[links + part * INTERVAL] |= MARK;
  words[links + origin] |= MARK;

  const partBehind = (place: number) => (place === origin ? originPart : (place / INTERVAL) | 0);
  const placeBehind = (part: number) => {
    const mark = part === originPart ? origin : part * INTERVAL;
    return (words[links + mark] & ~MARK) >>> 8;
  };

  let nextPart = 0;
  let pieces = parts;
  let slab = LAST;
  let at = LAST;
  if (parts >= MIN_PARTS) {
    for (; nextPart < LANES; nextPart++) {
      words[lanePlaces + nextPart] = placeBehind(nextPart);
      lanePiece[nextPart] = nextPart;
      pieceStart[nextPart] = slab + nextPart * ROW;
    }
    let column = 0;
    for (let open = LANES; open === LANES; ) {
      column += machine.walkLanes(slab + column, ROW - column);
      if (column < ROW) {
        for (let lane = 0; lane < LANES; lane++) {
          const place = words[lanePlaces + lane] >>> 2;
          const entry = words[links + place];
          const end = slab + lane * ROW + column;
          bytes[end] = entry;
          words[lanePlaces + lane] = (entry & ~MARK) >>> 8;
          if (entry >= 0) continue;
          const piece = lanePiece[lane];
          pieceEnd[piece] = end + 1;
          pieceNext[piece] = partBehind(place);
          if (nextPart < parts) {
            words[lanePlaces + lane] = placeBehind(nextPart);
            pieceStart[nextPart] = end + 1;
            lanePiece[lane] = nextPart++;
          } else {
            lanePiece[lane] = -1;
            open--;
          }
        }
        column++;
      }
      if (column < ROW && open === LANES) continue;
      // The rows are full, or lanes have nothing more to follow: the others go on elsewhere.
      for (let lane = 0; lane < LANES; lane++) {
        const piece = lanePiece[lane];
        if (piece < 0) continue;
        pieceEnd[piece] = slab + lane * ROW + column;
        pieceNext[piece] = pieces;
        pieceStart[pieces] = slab + SLAB + lane * ROW;
        lanePiece[lane] = pieces++;
      }
      slab += SLAB;
      column = 0;
    }
    at = slab;
    for (let lane = 0; lane < LANES; lane++) {
      const piece = lanePiece[lane];
      if (piece < 0) continue;
      pieceStart[piece] = at;
      at = machine.walkOne(words[lanePlaces + lane], at);
      pieceEnd[piece] = at;
      pieceNext[piece] = partBehind(words[lanePlaces] >>> 2);
    }
  }
  for (; nextPart < parts; nextPart++) {
    pieceStart[nextPart] = at;
    at = machine.walkOne(placeBehind(nextPart), at);
    pieceEnd[nextPart] = at;
    pieceNext[nextPart] = partBehind(words[lanePlaces] >>> 2);
  }
  return originPart;
}

/** Puts the parts together at LINKS: the origin's byte, which ends the last of them, comes first. */
function gather(bytes: Uint8Array, length: number, firstPart: number, firstByte: number): void {
  const end = LINKS + length;
  let to = LINKS;
  bytes[to++] = firstByte;
  let piece = firstPart;
  do {
    const size = Math.min(pieceEnd[piece] - pieceStart[piece], end - to);
    bytes.copyWithin(to, pieceStart[piece], pieceStart[piece] + size);
    to += size;
    piece = pieceNext[piece];
  } while (piece !== firstPart && to < end);
  if (to === end) return;
  // Of bytes that repeat throughout the block, the chain holds the first repetition only.
  to--;
  while (to < end) {
    const size = Math.min(to - LINKS, end - to);
    bytes.copyWithin(to, LINKS, LINKS + size);
    to += size;
  }
}
