/**
 * Opens ASIF images: a directory of tables, tables of groups of chunks, a bitmap for each group.
 *
 * A group has four chunks for each byte of a sector, so that its bitmap of two bits a sector fills
 * one chunk; as many groups as fit make a table, which fills a chunk too.
 */
import { at, corrupt, ImageError, unsupported } from "../../errors.js";
import type { Medium } from "../../format.js";
import type { ByteSource } from "../../source/byte-source.js";
import { ChunkKind, ChunkTableBuilder, FIRST_CODEC } from "../../source/chunk-table.js";
import { ChunkedSource } from "../../source/chunked-source.js";
import { readExactly } from "../../source/read-exactly.js";
import {
  type AsifHeader,
  ChunkStatus,
  decodeEntry,
  decodeHeader,
  FORMAT,
  HEADER_BYTES,
  uint64,
} from "./structs.js";

const ENTRY_BYTES = 8;
/** What nobody has seen yet: an error where it is read. */
const KIND_UNKNOWN = FIRST_CODEC;
/** Runs of sectors, some 60 bytes of memory each; 4 TiB written chunk by chunk have as many. */
const MAX_RUNS = 4 * 1024 * 1024;
/** A table of the usual chunks of 1 MiB stands for 126 GiB. */
const MAX_TABLES = 65_536;
/** Entries that are looked at, whether in use or not: a sparse file may hold any number of empty ones. */
const MAX_ENTRIES = 64 * 1024 * 1024;

/** States of a sector, two bits in a bitmap, the first sector's the lowest. */
const SECTOR_UNWRITTEN = 0;
const SECTOR_WRITTEN = 1;

export function open(source: ByteSource): Medium {
  const header = decodeHeader(readExactly(source, 0, HEADER_BYTES, FORMAT, "header"));
  const map = new ChunkMap(source, header);
  map.addDirectory();
  const table = map.builder.build(header.sectorCount * header.sectorSize);
  return {
    source: new ChunkedSource(FORMAT, table, source, () => {
      throw unsupported(FORMAT, "a chunk in a state that nobody has described");
    }),
    sectorSize: header.sectorSize,
    details: { chunkSize: header.chunkSize, chunksUsed: map.used },
    warnings:
      map.unknown === 0 ? [] : [`${map.unknown} chunks are in an unknown state and cannot be read`],
  };
}

class ChunkMap {
  readonly builder = new ChunkTableBuilder(FORMAT);
  used = 0;
  unknown = 0;
  private runs = 0;
  private entries = 0;
  private readonly size: number;
  private readonly chunksInGroup: number;
  private readonly groupBytes: number;
  private readonly groupsInTable: number;

  constructor(
    private readonly source: ByteSource,
    private readonly header: AsifHeader,
  ) {
    this.size = header.sectorCount * header.sectorSize;
    this.chunksInGroup = 4 * header.sectorSize;
    this.groupBytes = ENTRY_BYTES * (this.chunksInGroup + 1);
    this.groupsInTable = Math.floor(header.chunkSize / this.groupBytes);
    if (this.groupsInTable === 0) {
      throw corrupt(FORMAT, "header", 0x40, `chunks of ${header.chunkSize} bytes hold no table`);
    }
  }

  /** Tables that lie behind the end of the disk hold metadata, and are left alone. */
  addDirectory(): void {
    const { chunkSize } = this.header;
    const tableSize = this.groupsInTable * this.chunksInGroup * chunkSize;
    const tables = Math.ceil(this.size / tableSize);
    if (tables > MAX_TABLES) {
      const problem = `a disk of ${this.size} bytes takes ${tables} tables; at most ${MAX_TABLES} are read`;
      throw new ImageError("limit", FORMAT, problem);
    }
    const directory = this.activeDirectory(tables);
    // Each in a place of its own, or a small image could claim to have terabytes of tables.
    const places = new Set<number>();
    for (let i = 0; i < tables; i++) {
      const chunk = uint64(directory, ENTRY_BYTES * (i + 1));
      if (chunk === 0) continue;
      if (places.has(chunk)) {
        throw corrupt(FORMAT, "directory", ENTRY_BYTES * (i + 1), `table ${i} is another's, too`);
      }
      places.add(chunk);
      this.addTable(chunk * chunkSize, i * tableSize);
    }
  }

  private activeDirectory(tables: number): DataView {
    const directories = this.header.directoryOffsets
      .filter((offset) => offset !== 0)
      .map((offset) => this.view(offset, ENTRY_BYTES * (tables + 1), "directory"));
    if (directories.length === 0) throw corrupt(FORMAT, "header", 0x10, "no directory");
    return directories.reduce((a, b) => (uint64(b, 0) > uint64(a, 0) ? b : a));
  }

  /** `start`: of the table's range on the disk. */
  private addTable(position: number, start: number): void {
    const { chunkSize } = this.header;
    for (let group = 0; group < this.groupsInTable; group++) {
      const groupStart = start + group * this.chunksInGroup * chunkSize;
      if (groupStart >= this.size) return;
      this.addGroup(position + group * this.groupBytes, groupStart);
    }
  }

  private addGroup(position: number, start: number): void {
    const { chunkSize } = this.header;
    this.entries += this.chunksInGroup;
    if (this.entries > MAX_ENTRIES) {
      throw new ImageError("limit", FORMAT, `more than ${MAX_ENTRIES} chunk entries`);
    }
    const view = this.view(position, this.groupBytes, "chunk group");
    const bitmapChunk = decodeEntry(view, ENTRY_BYTES * this.chunksInGroup).index;
    for (let i = 0; i < this.chunksInGroup; i++) {
      const from = start + i * chunkSize;
      if (from >= this.size) return;
      const { status, index } = decodeEntry(view, ENTRY_BYTES * i);
      if (status === ChunkStatus.none && index === 0) continue;
      this.used++;
      const length = Math.min(chunkSize, this.size - from);
      const stored = index * chunkSize;
      if (status === ChunkStatus.whole) this.add(from, length, ChunkKind.raw, stored);
      else if (status === ChunkStatus.partial && bitmapChunk !== 0) {
        // Two bits for each sector of the group.
        const bitmapBytes = chunkSize / this.chunksInGroup;
        const bitmap = readExactly(
          this.source,
          bitmapChunk * chunkSize + i * bitmapBytes,
          Math.ceil(bitmapBytes),
          FORMAT,
          "bitmap",
        );
        this.addPartial(bitmap, from, length, stored);
      } else this.addUnknown(from, length);
    }
  }

  private addPartial(bitmap: Uint8Array, start: number, length: number, stored: number): void {
    const { sectorSize } = this.header;
    const sectors = length / sectorSize;
    const stateOf = (sector: number) => (bitmap[sector >> 2] >> ((sector & 3) * 2)) & 3;
    for (let first = 0; first < sectors; ) {
      const state = stateOf(first);
      let next = first + 1;
      while (next < sectors && stateOf(next) === state) next++;
      const from = start + first * sectorSize;
      const bytes = (next - first) * sectorSize;
      if (state === SECTOR_WRITTEN) {
        this.add(from, bytes, ChunkKind.raw, stored + first * sectorSize);
      } else if (state === SECTOR_UNWRITTEN) this.add(from, bytes, ChunkKind.zero, 0);
      else this.addUnknown(from, bytes);
      first = next;
    }
  }

  private addUnknown(start: number, length: number): void {
    this.unknown++;
    this.add(start, length, KIND_UNKNOWN, 0);
  }

  private add(start: number, length: number, kind: number, position: number): void {
    if (++this.runs > MAX_RUNS) {
      throw new ImageError("limit", FORMAT, `more than ${MAX_RUNS} runs of sectors`);
    }
    if (!Number.isSafeInteger(position + length)) {
      throw corrupt(FORMAT, "chunk", start, `lies ${at(position)}, beyond 2^53`);
    }
    this.builder.add(start, length, kind, position, kind === ChunkKind.raw ? length : 0);
  }

  private view(position: number, length: number, structure: string): DataView {
    const bytes = readExactly(this.source, position, length, FORMAT, structure);
    return new DataView(bytes.buffer);
  }
}
