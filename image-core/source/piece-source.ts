/** Pieces of other sources at their places, zeros between them. Not verbatim where it is zeros. */
import { at, ImageError } from "../errors.js";
import type { ByteSource, HostRange } from "./byte-source.js";

export interface Piece {
  /** Where the piece begins in the whole; pieces ascend and do not overlap. */
  start: number;
  /** More than `source` holds: its file is cut off, and reading there is an error. */
  size: number;
  source: ByteSource;
}

export class PieceSource implements ByteSource {
  /** Where the last read ended up: reads mostly go on there. */
  private recent = 0;

  /** `pieces` is kept, not copied. */
  constructor(
    private readonly pieces: readonly Piece[],
    readonly size: number,
  ) {}

  read(position: number, target: Uint8Array, offset: number, length: number): number {
    if (position >= this.size) return 0;
    const end = Math.min(this.size, position + length);
    let from = position;
    let index = this.find(from);
    while (from < end) {
      const piece = index < 0 ? undefined : this.pieces[index];
      const next = index + 1 < this.pieces.length ? this.pieces[index + 1].start : this.size;
      let count: number;
      if (piece !== undefined && from < piece.start + piece.size) {
        count = Math.min(end, piece.start + piece.size) - from;
        const got = piece.source.read(from - piece.start, target, offset, count);
        if (got < count) throw cutOff(piece, from - piece.start + got);
      } else {
        count = Math.min(end, next) - from;
        target.fill(0, offset, offset + count);
      }
      from += count;
      offset += count;
      if (from === next) index++;
    }
    this.recent = index;
    return end - position;
  }

  locate(position: number, length: number, range: HostRange): boolean {
    if (position >= this.size) return false;
    const index = this.find(position);
    if (index < 0) return false;
    const { start, size, source } = this.pieces[index];
    const inside = position - start;
    if (inside >= size) return false;
    const wanted = Math.min(length, size - inside, this.size - position);
    return source.locate?.(inside, wanted, range) ?? false;
  }

  /** The last piece that begins at or before `position`; -1 where none does. */
  private find(position: number): number {
    const { pieces } = this;
    const { recent } = this;
    if (
      recent >= 0 &&
      recent < pieces.length &&
      position >= pieces[recent].start &&
      (recent + 1 === pieces.length || position < pieces[recent + 1].start)
    ) {
      return recent;
    }
    let low = -1;
    let high = pieces.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (pieces[middle].start <= position) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

function cutOff(piece: Piece, position: number): ImageError {
  return new ImageError(
    "truncated",
    "disc",
    `the file of this part ends early: ${piece.size} bytes belong here, nothing ${at(position)}`,
  );
}
