/**
 * What a format is: something that recognises bytes, and something that opens them.
 *
 * Data flows one way: source > container > partition > filesystem. Each layer hands the next a
 * plain interface, so every chain composes. `probe` functions are small and always loaded; the
 * code that opens is loaded when it is needed (`load`).
 */
import type { MakeChunkStore } from "./cache/chunk-cache.js";
import type { Volume } from "./filesystem/volume.js";
import type { ByteSource } from "./source/byte-source.js";

/** The bytes that probes look at, read once. */
export interface ProbeWindow {
  /** The first 128 KiB, or all of a smaller source. */
  readonly head: Uint8Array;
  /** The last 64 KiB, or all of a smaller source. */
  readonly tail: Uint8Array;
  /** Of the whole source. */
  readonly size: number;
  /** File name without folders; empty for a partition. A hint for formats without a signature. */
  readonly name: string;
  /** For the rare signature elsewhere (UDF anchors). Costs a read: only after the window gave a reason. */
  readonly source: ByteSource;
}

/** How sure a probe is: the highest wins, ties go to the registry's order. */
export const Confidence = {
  /** Nothing but a name or a plausible shape (a floppy's boot sector without signature). */
  guess: 1,
  /** A short or weak signature, confirmed by plausible fields. */
  likely: 2,
  /** A long signature with a consistent structure behind it. */
  certain: 3,
} as const;
export type Confidence = (typeof Confidence)[keyof typeof Confidence];

export interface Match {
  confidence: Confidence;
  /** Version, label and the like, as far as the probe saw them: `NTFS 3.1 "Windows"`. */
  title: string;
}

export interface Format<T> {
  readonly id: string;
  /** For people: `Apple UDIF disk image`. */
  readonly title: string;
  /** Never throws on any bytes, never reads outside the window it was given. */
  probe(window: ProbeWindow): Match | undefined;
  /** Loads the code that opens. Absent: recognised, so that the message can name it, but not read. */
  load?(): Promise<{ open(source: ByteSource, context: OpenContext): T }>;
}

export type ContainerFormat = Format<Medium>;
export type PartitionFormat = Format<Partition[]>;
export type FilesystemFormat = Format<Volume>;

/** What a container holds. */
export interface Medium {
  /**
   * The disk's bytes; for a disc the 2048 user bytes of each sector by absolute LBA, zeros where
   * a sector holds no data (audio, pregaps).
   */
  source: ByteSource;
  /** Logical sector size: 512 unless the container says otherwise; 2048 for discs. */
  sectorSize: number;
  /** Only for discs. */
  disc?: DiscLayout;
  /** For `info`: `{ compression: "zlib", chunks: 120 }`. */
  details: Record<string, string | number | boolean>;
  warnings: string[];
  /**
   * Checks every checksum that the container carries. `progress` is called with bytes done of bytes in all.
   * Yields one finding for each range that is bad.
   */
  verify?(progress: (done: number, total: number) => void): Iterable<VerifyFinding>;
}

export interface VerifyFinding {
  /** Names the structure and the range: `chunk 12 at 0x4a00: CRC32 0x1 instead of 0x2`. */
  message: string;
}

export interface DiscLayout {
  sessions: DiscSession[];
  /** CD-Text of the disc. */
  title?: string;
  performer?: string;
}

export interface DiscSession {
  /** From 1. */
  number: number;
  tracks: DiscTrack[];
}

export interface DiscTrack {
  /** From 1 over the whole disc. */
  number: number;
  kind: "audio" | "mode1" | "mode2";
  /** Absolute LBA of INDEX 01. */
  startLba: number;
  /** In sectors. */
  length: number;
  /** Audio: 2352 bytes a sector, 16 bit little-endian stereo at 44100 Hz. Data: 2048 bytes a sector. */
  source: ByteSource;
  title?: string;
  performer?: string;
  isrc?: string;
}

export interface Partition {
  /** As the scheme counts them, from 1; what `partition=N` takes. */
  number: number;
  scheme: string;
  /** The scheme's own type: `0x83`, a GUID, `Apple_HFS`. */
  type: string;
  /** For people: `Linux filesystem`. */
  typeTitle?: string;
  label?: string;
  uuid?: string;
  bootable: boolean;
  /** Bytes within the medium. */
  start: number;
  size: number;
  source: ByteSource;
}

/** What the person asked for that concerns reading the image. Each format ignores what is not its own. */
export interface OpenOptions {
  view?: string;
  charset?: string;
  session?: number;
  partition?: string;
  /** In bytes: where in the file the medium begins, and how much of it counts. */
  offset?: number;
  sizelimit?: number;
}

/** What a format may ask of its surroundings while it opens. */
export interface OpenContext {
  readonly options: OpenOptions;
  /** Name of the image file without folders. */
  readonly name: string;
  /** Owner shown for formats that store none. */
  readonly owner: { uid: number; gid: number };
  /** Logical sector size of the medium that the source lies on. */
  readonly sectorSize: number;
  /** Where the disc's sessions and tracks begin, if the source is a disc. */
  readonly disc?: DiscLayout;
  /** Seconds east of UTC of a local time stored without zone, as FAT's: the host's rule. */
  localOffset(secondsSince1970: number): number;
  /**
   * Another file in the image's folder, by a relative path that the image names (any case, `/` or
   * `\`): opened with the caller's rights, beneath that folder, symlinks not followed. Throws
   * `missing-neighbour`. Allowed only while opening.
   */
  neighbour(path: string): ByteSource;
  /** Names in the image's folder, or in a folder beneath it. Allowed only while opening. */
  neighbourNames(folder?: string): string[];
  /** The passphrase; throws `encrypted` where none was given. Wipe the array after use. */
  passphrase(): Uint8Array;
  /**
   * Where a source keeps decoded chunks if several threads open the same image: each thread must
   * make the same stores in the same order, so only while opening. Absent: a cache of its own.
   */
  readonly chunkStore?: MakeChunkStore;
}
