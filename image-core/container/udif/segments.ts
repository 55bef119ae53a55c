/**
 * The data fork of an image, in one file or in several (`hdiutil segment`: `disk.dmg`,
 * `disk.002.dmgpart`, ...), each with a trailer of its own.
 */
import { at, corrupt, ImageError } from "../../errors.js";
import type { OpenContext } from "../../format.js";
import type { ByteSource, HostRange } from "../../source/byte-source.js";
import { readExactly } from "../../source/read-exactly.js";
import { SliceSource } from "../../source/slice-source.js";
import { decodeKoly, findKoly, KOLY_BYTES, type Koly } from "./koly.js";

/** Far above what anyone cuts an image into. */
const MAX_SEGMENTS = 10_000;
/** As much of either end as probes see. */
const SEARCH_BYTES = 64 * 1024;

export interface Segment {
  /** For messages. */
  name: string;
  source: ByteSource;
  koly: Koly;
}

/** The trailer of a file, or undefined. */
export function readKoly(source: ByteSource): Koly | undefined {
  const bytes = Math.min(source.size, SEARCH_BYTES);
  const head = readExactly(source, 0, Math.min(source.size, KOLY_BYTES), "udif", "header");
  const tail = readExactly(source, source.size - bytes, bytes, "udif", "trailer");
  const position = findKoly(head, tail, source.size);
  if (position < 0) return undefined;
  return decodeKoly(readExactly(source, position, KOLY_BYTES, "udif", "trailer"), 0);
}

/** All segments of the image that `first` belongs to, in order. Throws `missing-neighbour`. */
export function openSegments(first: Segment, context: OpenContext): Segment[] {
  const { koly } = first;
  if (koly.segmentCount <= 1) return [first];
  if (koly.segmentCount > MAX_SEGMENTS) {
    throw new ImageError("limit", "udif", `the trailer claims ${koly.segmentCount} segments`);
  }
  const segments = new Map([[koly.segmentNumber, first]]);
  for (const name of candidates(context)) {
    if (segments.size === koly.segmentCount) break;
    const source = context.neighbour(name);
    const other = readKoly(source);
    if (other === undefined || other.segmentId !== koly.segmentId) continue;
    if (other.segmentCount !== koly.segmentCount) {
      throw new ImageError(
        "corrupt",
        "udif",
        `${name} counts ${other.segmentCount} segments, ${first.name} ${koly.segmentCount}`,
      );
    }
    if (!segments.has(other.segmentNumber)) {
      segments.set(other.segmentNumber, { name, source, koly: other });
    }
  }
  const ordered: Segment[] = [];
  for (let number = 1; number <= koly.segmentCount; number++) {
    const segment = segments.get(number);
    if (segment === undefined) {
      throw new ImageError(
        "missing-neighbour",
        "udif",
        `segment ${number} of ${koly.segmentCount} is not beside ${first.name}`,
      );
    }
    ordered.push(segment);
  }
  return ordered;
}

/** Names of the folder that may be segments, those that begin like the image's own name first. */
function candidates(context: OpenContext): string[] {
  const stem = context.name.replace(/\.[^.]*$/, "").replace(/\.[0-9]+$/, "");
  return context
    .neighbourNames()
    .filter((name) => /\.dmg(?:part)?$/i.test(name) && name !== context.name)
    .sort((a, b) => Number(b.startsWith(stem)) - Number(a.startsWith(stem)) || (a < b ? -1 : 1));
}

/** The data fork of one file. */
export function dataFork({ source, koly }: Segment): ByteSource {
  const start = koly.dataForkOffset;
  // Some writers leave the length out; a single file's chunks may then lie anywhere behind.
  const length = koly.dataForkLength || source.size - start;
  return new SliceSource(source, start, length);
}

/** The data forks of several segments, one behind the other. */
export class SegmentedFork implements ByteSource {
  readonly size: number;
  private readonly starts: number[] = [];
  private readonly forks: ByteSource[] = [];

  constructor(segments: readonly Segment[]) {
    let size = 0;
    for (const segment of segments) {
      const { runningDataForkOffset, dataForkLength } = segment.koly;
      if (runningDataForkOffset !== size) {
        throw corrupt(
          "udif",
          `${segment.name}'s data fork`,
          runningDataForkOffset,
          `the segments before it end ${at(size)}`,
        );
      }
      const fork = dataFork(segment);
      if (fork.size < dataForkLength) {
        throw new ImageError(
          "truncated",
          "udif",
          `${segment.name} holds ${fork.size} of ${dataForkLength} bytes of data`,
        );
      }
      this.starts.push(size);
      this.forks.push(fork);
      size += fork.size;
    }
    this.size = size;
  }

  read(position: number, target: Uint8Array, offset: number, length: number): number {
    if (position >= this.size) return 0;
    const end = Math.min(this.size, position + length);
    let done = position;
    for (let i = this.find(position); done < end; i++) {
      const got = this.forks[i].read(
        done - this.starts[i],
        target,
        offset + done - position,
        end - done,
      );
      done += got;
    }
    return end - position;
  }

  locate(position: number, length: number, range: HostRange): boolean {
    if (position >= this.size) return false;
    const i = this.find(position);
    return this.forks[i].locate?.(position - this.starts[i], length, range) ?? false;
  }

  private find(position: number): number {
    let i = this.starts.length - 1;
    while (i > 0 && this.starts[i] > position) i--;
    return i;
  }
}
