/**
 * What programs want of each stored sector, one after the other: the 2048 user bytes, or the 2352
 * bytes of audio without the subchannel behind them.
 *
 * A run of stored sectors is read at once into scratch memory and compacted from there. Policy of
 * the scratch memory: one buffer of 256 KiB for all sources of a disc, taken on first use. No
 * thread safety.
 */
import { at, ImageError } from "../../errors.js";
import type { ByteSource } from "../../source/byte-source.js";
import { SliceSource } from "../../source/slice-source.js";
import { hasSync, headerMode, RAW_BYTES, type SectorLayout, USER_BYTES } from "./sector.js";

const SCRATCH_BYTES = 256 * 1024;

/** One disc's working memory: never shared between discs, for one may lie inside the other. */
export class Scratch {
  private memory: Uint8Array | undefined;
  /** Views of the payload of each sector slot, by where it begins: compacting allocates nothing. */
  private readonly slots = new Map<number, Uint8Array[]>();

  get bytes(): Uint8Array {
    this.memory ??= new Uint8Array(SCRATCH_BYTES);
    return this.memory;
  }

  /** The views of `length` bytes at `offset` of each sector. At most a dozen such lists exist. */
  views(stride: number, offset: number, length: number): Uint8Array[] {
    const key = (stride * 4096 + offset) * 4096 + length;
    let views = this.slots.get(key);
    if (views === undefined) {
      views = [];
      for (let start = 0; start + stride <= SCRATCH_BYTES; start += stride) {
        views.push(this.bytes.subarray(start + offset, start + offset + length));
      }
      this.slots.set(key, views);
    }
    return views;
  }
}

/** The user data of `sectors` sectors that lie from `position` on. */
export function userData(
  file: ByteSource,
  position: number,
  sectors: number,
  layout: SectorLayout,
  scratch: Scratch,
): ByteSource {
  if (layout.stride === USER_BYTES) return new SliceSource(file, position, sectors * USER_BYTES);
  return new SectorSource(file, position, sectors, layout.stride, USER_BYTES, scratch, layout);
}

/** The audio of `sectors` sectors that lie from `position` on, `stride` bytes each, as stored. */
export function audioData(
  file: ByteSource,
  position: number,
  sectors: number,
  stride: number,
  scratch: Scratch,
): ByteSource {
  if (stride === RAW_BYTES) return new SliceSource(file, position, sectors * RAW_BYTES);
  return new SectorSource(file, position, sectors, stride, RAW_BYTES, scratch);
}

class SectorSource implements ByteSource {
  readonly size: number;
  /** Sectors that the scratch memory holds. */
  private readonly run: number;
  private readonly raw: boolean;
  private readonly userOffset: number;
  /** The scratch memory's views for the offset met last: a disc has hardly more than one. */
  private views: readonly Uint8Array[] = [];
  private viewedOffset = -1;

  constructor(
    private readonly file: ByteSource,
    private readonly position: number,
    private readonly sectors: number,
    private readonly stride: number,
    /** Bytes that each sector gives. */
    private readonly payload: number,
    private readonly scratch: Scratch,
    layout?: SectorLayout,
  ) {
    this.size = sectors * payload;
    this.run = Math.floor(SCRATCH_BYTES / stride);
    this.raw = layout !== undefined && layout.stored === RAW_BYTES;
    this.userOffset = layout === undefined ? 0 : layout.userOffset;
  }

  read(position: number, target: Uint8Array, offset: number, length: number): number {
    if (position >= this.size) return 0;
    const total = Math.min(length, this.size - position);
    const { payload, stride } = this;
    const bytes = this.scratch.bytes;
    let sector = Math.floor(position / payload);
    let skip = position - sector * payload;
    let left = total;
    while (left > 0) {
      const count = Math.min(this.run, Math.ceil((skip + left) / payload));
      this.fill(sector, count);
      for (let i = 0; i < count; i++) {
        const from = this.raw ? this.payloadOffset(bytes, i * stride) : this.userOffset;
        const wanted = Math.min(payload - skip, left);
        if (from < 0) target.fill(0, offset, offset + wanted);
        else if (wanted === payload) {
          if (from !== this.viewedOffset) this.view(from);
          target.set(this.views[i], offset);
        } else {
          const first = i * stride + from + skip;
          for (let k = 0; k < wanted; k++) target[offset + k] = bytes[first + k];
        }
        offset += wanted;
        left -= wanted;
        skip = 0;
      }
      sector += count;
    }
    return total;
  }

  private view(offset: number): void {
    this.views = this.scratch.views(this.stride, offset, this.payload);
    this.viewedOffset = offset;
  }

  private fill(sector: number, count: number): void {
    const position = this.position + sector * this.stride;
    const wanted = count * this.stride;
    const got = this.file.read(position, this.scratch.bytes, 0, wanted);
    if (got < wanted) {
      throw new ImageError(
        "truncated",
        "disc",
        `sector ${sector} of ${this.sectors} ${at(position)}: got ${got} of ${wanted} bytes, the file ends ${at(this.file.size)}`,
      );
    }
  }

  /** Sectors of both modes and forms are mixed on real discs: each one's header decides. */
  private payloadOffset(bytes: Uint8Array, start: number): number {
    if (!hasSync(bytes, start)) return this.userOffset;
    switch (headerMode(bytes, start)) {
      case 1:
        return 16;
      case 2:
        return 24;
      default:
        // Mode 0: a sector without data.
        return -1;
    }
  }
}
