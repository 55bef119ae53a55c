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
import { kolyForks } from "./wrapped-koly.js";

/** Far above what anyone cuts an image into. */
const MAX_SEGMENTS = 10_000;
/** As much of either end as probes see. */
const SEARCH_BYTES = 64 * 1024;
/** As much as tells of a wrapper. */
const HEAD_BYTES = 4096;

export interface Segment {
  /** For messages. */
  name: string;
  source: ByteSource;
  koly: Koly;
  /** The file's own resource fork, where it came with one: Disk Copy 6.5 kept the tables in it. */
  resourceFork?: ByteSource;
}

/** A file with a trailer, in MacBinary or AppleSingle if it is; undefined for one without. */
export function readSegment(name: string, file: ByteSource): Segment | undefined {
  const head = readExactly(file, 0, Math.min(file.size, HEAD_BYTES), "udif", "header");
  const forks = kolyForks(head, file);
  if (forks === undefined) return readPlainSegment(name, file);
  const segment = readPlainSegment(name, forks.data);
  return segment && { ...segment, resourceFork: forks.resource };
}

function readPlainSegment(name: string, file: ByteSource): Segment | undefined {
  const bytes = Math.min(file.size, SEARCH_BYTES);
  const head = readExactly(file, 0, Math.min(file.size, KOLY_BYTES), "udif", "header");
  const tail = readExactly(file, file.size - bytes, bytes, "udif", "trailer");
  const position = findKoly(head, tail, file.size);
  if (position < 0) return undefined;
  const koly = decodeKoly(readExactly(file, position, KOLY_BYTES, "udif", "trailer"), 0);
  const start = imageStart(file, koly, position);
  const source = start === 0 ? file : new SliceSource(file, start, file.size - start);
  return { name, source, koly };
}

/**
 * Where the image begins that the trailer at `position` counts from. Something may lie before it,
 * the header of a MacBinary file for one: the last of its parts ends where the trailer begins.
 */
function imageStart(file: ByteSource, koly: Koly, position: number): number {
  const { xmlOffset, xmlLength, rsrcForkOffset, rsrcForkLength } = koly;
  const end = Math.max(
    koly.dataForkOffset + koly.dataForkLength,
    xmlOffset + xmlLength,
    rsrcForkOffset + rsrcForkLength,
  );
  const start = position - end;
  if (start <= 0) return 0;
  const isIndexAt =
    xmlLength > 0
      ? (from: number) => isPropertyList(file, from + xmlOffset)
      : (from: number) => rsrcForkLength > 0 && isResourceFork(file, from + rsrcForkOffset);
  return !isIndexAt(0) && isIndexAt(start) ? start : 0;
}

function isPropertyList(file: ByteSource, position: number): boolean {
  const bytes = Buffer.alloc(8);
  const got = file.read(position, bytes, 0, bytes.length);
  return /^(?:\xef\xbb\xbf)?<[?!p]/.test(bytes.toString("latin1", 0, got));
}

/** Mac OS puts a resource fork's data behind 256 bytes of header. */
function isResourceFork(file: ByteSource, position: number): boolean {
  const bytes = Buffer.alloc(4);
  return file.read(position, bytes, 0, 4) === 4 && bytes.readUInt32BE() === 256;
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
    const segment = readSegment(name, context.neighbour(name));
    if (segment === undefined || segment.koly.segmentId !== koly.segmentId) continue;
    const other = segment.koly;
    if (other.segmentCount !== koly.segmentCount) {
      throw new ImageError(
        "corrupt",
        "udif",
        `${name} counts ${other.segmentCount} segments, ${first.name} ${koly.segmentCount}`,
      );
    }
    if (!segments.has(other.segmentNumber)) {
      segments.set(other.segmentNumber, segment);
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
  // Some writers leave the length out.
  const length = koly.dataForkLength || source.size - start;
  return new SliceSource(source, start, length);
}

/** What the chunks of a single file count from; its data fork may be stated too short for them. */
export function chunkData({ source, koly }: Segment): ByteSource {
  const start = koly.dataForkOffset;
  return new SliceSource(source, start, source.size - start);
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
