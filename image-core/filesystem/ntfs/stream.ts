/** The value of one attribute as readable bytes: resident, plain, sparse or LZNT1-compressed. */
import { decodeLznt1 } from "../../codec/lznt1.js";
import { corrupt, ImageError, unsupported } from "../../errors.js";
import type { ByteSource, HostRange } from "../../source/byte-source.js";
import type { Attribute } from "./attribute.js";
import { type BootSector, FORMAT } from "./boot-sector.js";
import { HOLE, RunList } from "./run-list.js";

/** Windows makes units of 16 clusters; more memory than this is not taken for one. */
const MAX_UNIT = 2 * 1024 * 1024;

export interface Disk {
  source: ByteSource;
  boot: BootSector;
  /** Decoded compression units of all streams together: by stream and unit. */
  units: UnitCache;
}

export class Stream {
  readonly size: number;
  /** Bytes taken on disk. */
  readonly allocatedSize: number;
  private readonly runs: RunList | undefined;
  private readonly resident: Uint8Array | undefined;
  private readonly initializedSize: number;
  /** In bytes; 0 for what is not compressed. */
  private readonly unitSize: number;
  private readonly encrypted: boolean;
  /** The run found last. */
  private run = 0;

  /** `pieces`: of one attribute in order of their clusters. `structure` names it in errors. */
  constructor(
    private readonly disk: Disk,
    pieces: readonly Attribute[],
    private readonly structure: string,
  ) {
    const [first] = pieces;
    this.encrypted = first.encrypted;
    this.size = first.dataSize;
    if (first.value !== undefined) {
      this.resident = first.value;
      this.initializedSize = this.size;
      this.allocatedSize = 0;
      this.unitSize = 0;
      return;
    }
    const { clusterSize, clusters } = disk.boot;
    if (!Number.isSafeInteger(first.dataSize)) {
      throw new ImageError("corrupt", FORMAT, `${structure}: size ${first.dataSize}`);
    }
    this.initializedSize = Math.min(first.initializedSize, first.dataSize);
    this.allocatedSize = Math.min(first.compressedSize, clusters * clusterSize);
    const unit = first.compressed && first.compressionUnit !== 0;
    this.unitSize = unit ? clusterSize * 2 ** Math.min(first.compressionUnit, 31) : 0;
    if (this.unitSize > MAX_UNIT) {
      throw unsupported(FORMAT, `${structure}: compression unit of ${this.unitSize} bytes`);
    }
    this.runs = new RunList();
    for (const piece of pieces) {
      this.runs.append(piece.mappingPairs, piece.lowestVcn, clusters, structure);
    }
  }

  get isResident(): boolean {
    return this.resident !== undefined;
  }

  get isEncrypted(): boolean {
    return this.encrypted;
  }

  /** Adds the next piece of what is not resident: how $MFT is found, piece by piece, through itself. */
  extend(piece: Attribute): void {
    const { clusters } = this.disk.boot;
    this.runs?.append(piece.mappingPairs, piece.lowestVcn, clusters, this.structure);
  }

  /** What it weighs in a cache, in bytes. */
  get weight(): number {
    return 256 + 16 * (this.runs?.length ?? 0);
  }

  /** As `ByteSource.read`. */
  read(position: number, target: Uint8Array, offset: number, length: number): number {
    if (position >= this.size) return 0;
    if (this.encrypted) throw unsupported(FORMAT, `${this.structure} is encrypted (EFS)`);
    const end = Math.min(this.size, position + length);
    if (this.resident !== undefined) {
      for (let i = position; i < end; i++) target[offset + i - position] = this.resident[i];
      return end - position;
    }
    const stored = Math.max(position, Math.min(end, this.initializedSize));
    if (this.unitSize > 0) this.readCompressed(position, stored, target, offset);
    else this.readRuns(position, stored, target, offset);
    target.fill(0, offset + stored - position, offset + end - position);
    return end - position;
  }

  /** As `ByteSource.locate`. */
  locate(position: number, length: number, range: HostRange): boolean {
    const { runs, unitSize } = this;
    if (runs === undefined || unitSize > 0 || this.encrypted) return false;
    const { clusterSize } = this.disk.boot;
    const vcn = Math.floor(position / clusterSize);
    if (position >= this.initializedSize || vcn >= runs.end) return false;
    const run = runs.find(vcn);
    const cluster = runs.cluster(run);
    if (cluster === HOLE) return false;
    const inside = position - runs.start(run) * clusterSize;
    const end = Math.min(this.initializedSize, runs.endOf(run) * clusterSize, position + length);
    const { source } = this.disk;
    return source.locate?.(cluster * clusterSize + inside, end - position, range) ?? false;
  }

  /** The whole value, for small structures; throws `limit` where it is larger than `most` bytes. */
  readAll(most: number): Uint8Array {
    if (this.size > most) {
      throw new ImageError(
        "limit",
        FORMAT,
        `${this.structure}: ${this.size} bytes, at most ${most} are read`,
      );
    }
    const bytes = new Uint8Array(this.size);
    this.read(0, bytes, 0, bytes.length);
    return bytes;
  }

  private readRuns(position: number, end: number, target: Uint8Array, offset: number): void {
    const runs = this.runs as RunList;
    const { clusterSize } = this.disk.boot;
    for (let from = position; from < end; ) {
      const vcn = Math.floor(from / clusterSize);
      if (vcn >= runs.end) throw this.short(from);
      const run = this.findRun(vcn);
      const count = Math.min(end, runs.endOf(run) * clusterSize) - from;
      const cluster = runs.cluster(run);
      if (cluster === HOLE) target.fill(0, offset, offset + count);
      else {
        const start = cluster * clusterSize + (from - runs.start(run) * clusterSize);
        this.readDisk(start, target, offset, count);
      }
      from += count;
      offset += count;
    }
  }

  private readCompressed(position: number, end: number, target: Uint8Array, offset: number): void {
    for (let from = position; from < end; ) {
      const unit = Math.floor(from / this.unitSize);
      const start = unit * this.unitSize;
      const count = Math.min(end, start + this.unitSize) - from;
      const bytes = this.disk.units.get(this, unit) ?? this.decodeUnit(unit);
      target.set(bytes.subarray(from - start, from - start + count), offset);
      from += count;
      offset += count;
    }
  }

  /** A unit with all its clusters is plain, with none a hole, with fewer compressed. */
  private decodeUnit(unit: number): Uint8Array {
    const runs = this.runs as RunList;
    const { clusterSize } = this.disk.boot;
    const first = (unit * this.unitSize) / clusterSize;
    const behind = first + this.unitSize / clusterSize;
    const packed = new Uint8Array(this.unitSize);
    let stored = 0;
    for (let vcn = first; vcn < behind; ) {
      if (vcn >= runs.end) {
        // The last unit may end where the file does.
        if (vcn === first) throw this.short(unit * this.unitSize);
        break;
      }
      const run = this.findRun(vcn);
      const count = Math.min(behind, runs.endOf(run)) - vcn;
      const cluster = runs.cluster(run);
      if (cluster !== HOLE) {
        const start = (cluster + vcn - runs.start(run)) * clusterSize;
        this.readDisk(start, packed, stored, count * clusterSize);
        stored += count * clusterSize;
      }
      vcn += count;
    }
    const needed = Math.min(this.unitSize, this.size - unit * this.unitSize);
    if (stored === 0 || stored === this.unitSize) return this.disk.units.add(this, unit, packed);
    const allocated = Math.min(behind, runs.end) - first;
    // No hole within the file's last, shorter unit: stored as it is.
    if (stored === allocated * clusterSize && stored >= needed) {
      return this.disk.units.add(this, unit, packed);
    }
    const bytes = new Uint8Array(this.unitSize);
    try {
      decodeLznt1(packed.subarray(0, stored), bytes);
    } catch (error) {
      if (!(error instanceof ImageError)) throw error;
      throw new ImageError("corrupt", FORMAT, `${this.structure}: unit ${unit}: ${error.message}`, {
        cause: error,
      });
    }
    return this.disk.units.add(this, unit, bytes);
  }

  private readDisk(position: number, target: Uint8Array, offset: number, count: number): void {
    const { source } = this.disk;
    const got = source.read(position, target, offset, count);
    if (got < count) {
      throw new ImageError(
        "truncated",
        FORMAT,
        `${this.structure}: 0x${(position + got).toString(16)} lies behind the image's end (${source.size} bytes)`,
      );
    }
  }

  private findRun(vcn: number): number {
    const runs = this.runs as RunList;
    if (this.run >= runs.length || vcn < runs.start(this.run) || vcn >= runs.endOf(this.run)) {
      this.run = runs.find(vcn);
    }
    return this.run;
  }

  private short(position: number): ImageError {
    const end = (this.runs as RunList).end * this.disk.boot.clusterSize;
    return corrupt(FORMAT, this.structure, position, `${this.size} bytes, but runs for ${end}`);
  }
}

/** The compression units decoded last: 4 MiB or a single unit, oldest out first. */
const UNIT_CACHE_BYTES = 4 * 1024 * 1024;

export class UnitCache {
  private readonly entries: { stream: object; unit: number; bytes: Uint8Array }[] = [];
  private total = 0;

  get(stream: object, unit: number): Uint8Array | undefined {
    for (const entry of this.entries) {
      if (entry.stream === stream && entry.unit === unit) return entry.bytes;
    }
    return undefined;
  }

  add(stream: object, unit: number, bytes: Uint8Array): Uint8Array {
    this.entries.push({ stream, unit, bytes });
    this.total += bytes.length;
    while (this.total > UNIT_CACHE_BYTES && this.entries.length > 1) {
      this.total -= this.entries.shift()?.bytes.length ?? 0;
    }
    return bytes;
  }
}
