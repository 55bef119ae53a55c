/** What one file record is to a reader: its type, size, times, contents and named streams. */
import { corrupt, unsupported } from "../../errors.js";
import type { HostRange } from "../../source/byte-source.js";
import { S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFLNK, S_IFREG, S_IFSOCK } from "../volume.js";
import { type Attribute, AttributeType } from "./attribute.js";
import { FORMAT } from "./boot-sector.js";
import { decodeFileName, decodeTime, type FileName, type Time } from "./file-name.js";
import { interixFile } from "./interix.js";
import { le16, le32 } from "./little-endian.js";
import { type FileRecord, openStream } from "./mft.js";
import { decodeReparsePoint, type ReparsePoint } from "./reparse-point.js";
import type { Disk, Stream } from "./stream.js";
import { WofContent } from "./wof-content.js";

/** [MS-FSCC] 2.1.2: 16 KiB of data and the header. */
const MAX_REPARSE_POINT = 16384 + 8;
const MAX_EAS = 65536;
const WOF_STREAM = "WofCompressedData";
const FILE_ATTRIBUTE_REPARSE_POINT = 0x400;

/** Contents as `Volume` reads them. */
export interface Content {
  readonly size: number;
  read(position: number, target: Uint8Array, offset: number, length: number): number;
  locate?(position: number, length: number, range: HostRange): boolean;
}

export interface NamedStream {
  name: string;
  stream: Stream;
}

type Link =
  | { kind: "windows"; target: string; relative: boolean }
  | { kind: "linux"; target: string | Uint8Array };

export interface NtfsFile {
  record: FileRecord;
  /** S_IF* bits. */
  type: number;
  size: number;
  /** Bytes taken in the image, as far as 512-byte blocks count them. */
  allocatedSize: number;
  rdevMajor: number;
  rdevMinor: number;
  /** Names that are no DOS aliases. */
  names: FileName[];
  created: Time;
  modified: Time;
  changed: Time;
  accessed: Time;
  content: Content;
  link: Link | undefined;
  streams: NamedStream[];
  weight: number;
}

const NO_TIME: Time = { seconds: 0, nanoseconds: 0 };

/** Throws `corrupt` and `unsupported` for attributes that make no sense. */
export function openNtfsFile(disk: Disk, record: FileRecord): NtfsFile {
  const structure = `file record ${record.number}`;
  const { attributes } = record;
  const names: FileName[] = [];
  let standard: Uint8Array | undefined;
  for (const { type, value } of attributes) {
    if (value === undefined) continue;
    if (type === AttributeType.standardInformation && value.length >= 36) standard ??= value;
    if (type === AttributeType.fileName) {
      const name = decodeFileName(value, 0, value.length);
      if (name !== undefined) names.push(name);
    }
  }
  const time = (offset: number) => (standard ? decodeTime(standard, offset) : NO_TIME);
  const file: NtfsFile = {
    record,
    type: record.isDirectory ? S_IFDIR : S_IFREG,
    size: 0,
    allocatedSize: 0,
    rdevMajor: 0,
    rdevMinor: 0,
    names,
    created: time(0),
    modified: time(8),
    changed: time(16),
    accessed: time(24),
    content: EMPTY,
    link: undefined,
    streams: namedStreams(disk, record, structure),
    weight: record.weight + 512,
  };
  for (const { stream } of file.streams) file.weight += stream.weight;
  if (record.isDirectory) {
    const blocks = openStream(disk, attributes, AttributeType.indexAllocation, "$I30", structure);
    file.size = blocks?.size ?? 0;
    file.allocatedSize = blocks?.allocatedSize ?? 0;
  } else {
    const data = openStream(disk, attributes, AttributeType.data, "", structure);
    if (data !== undefined) setContent(file, data);
    const flags = standard === undefined ? 0 : le32(standard, 32);
    if (data !== undefined) Object.assign(file, interixFile(data, flags));
  }
  const reparse = readReparsePoint(disk, record, standard, structure);
  if (reparse !== undefined) applyReparsePoint(disk, file, reparse, structure);
  return file;
}

const EMPTY: Content = { size: 0, read: () => 0 };

function setContent(file: NtfsFile, stream: Stream): void {
  file.content = stream;
  file.size = stream.size;
  // What lies in the record takes no cluster, but 0 would say that it is a hole.
  file.allocatedSize = stream.allocatedSize || (stream.isResident ? stream.size : 0);
  file.weight += stream.weight;
}

function namedStreams(disk: Disk, record: FileRecord, structure: string): NamedStream[] {
  const pieces = new Map<string, Attribute[]>();
  for (const attribute of record.attributes) {
    if (attribute.type !== AttributeType.data || attribute.name === "") continue;
    const known = pieces.get(attribute.name);
    if (known === undefined) pieces.set(attribute.name, [attribute]);
    else known.push(attribute);
  }
  const streams: NamedStream[] = [];
  for (const [name, attributes] of pieces) {
    const where = `${structure}, stream ${name}`;
    const stream = openStream(disk, attributes, AttributeType.data, name, where);
    if (stream !== undefined) streams.push({ name, stream });
  }
  return streams;
}

function readReparsePoint(
  disk: Disk,
  record: FileRecord,
  standard: Uint8Array | undefined,
  structure: string,
): ReparsePoint | undefined {
  const { attributes } = record;
  const stream = openStream(disk, attributes, AttributeType.reparsePoint, "", structure);
  if (stream === undefined) return undefined;
  if (standard !== undefined && (le32(standard, 32) & FILE_ATTRIBUTE_REPARSE_POINT) === 0) {
    return undefined;
  }
  return decodeReparsePoint(stream.readAll(MAX_REPARSE_POINT), structure);
}

function applyReparsePoint(
  disk: Disk,
  file: NtfsFile,
  reparse: ReparsePoint,
  structure: string,
): void {
  switch (reparse.kind) {
    case "link":
      file.type = S_IFLNK;
      file.link = { kind: "windows", target: reparse.target, relative: reparse.relative };
      break;
    case "linux link":
      file.type = S_IFLNK;
      file.link = { kind: "linux", target: reparse.target.slice() };
      break;
    case "nfs link":
      file.type = S_IFLNK;
      file.link = { kind: "linux", target: reparse.target };
      break;
    case "device":
      file.type = reparse.block ? S_IFBLK : S_IFCHR;
      file.rdevMajor = reparse.major;
      file.rdevMinor = reparse.minor;
      break;
    case "socket":
      file.type = S_IFSOCK;
      break;
    case "fifo":
      file.type = S_IFIFO;
      break;
    case "character device":
    case "block device":
      file.type = reparse.kind === "block device" ? S_IFBLK : S_IFCHR;
      setLinuxDevice(disk, file, structure);
      break;
    case "wof":
      setWofContent(disk, file, reparse.algorithm, structure);
      return;
    case "elsewhere":
      file.content = unreadable(file.size, `${structure}: ${reparse.problem}`);
      return;
    case "recalled":
      // Zeros would be taken for the contents.
      if (file.size > 0 && file.allocatedSize === 0) {
        file.content = unreadable(file.size, `${structure}: ${reparse.problem}`);
      }
      return;
    case "other":
      return;
  }
  file.content = EMPTY;
  file.size = 0;
}

function unreadable(size: number, problem: string): Content {
  return {
    size,
    read() {
      throw unsupported(FORMAT, problem);
    },
  };
}

function setWofContent(disk: Disk, file: NtfsFile, algorithm: number, structure: string): void {
  const index = file.streams.findIndex(({ name }) => name === WOF_STREAM);
  if (index < 0) throw corrupt(FORMAT, structure, 0, `has no stream ${WOF_STREAM}`);
  const [{ stream }] = file.streams.splice(index, 1);
  file.content = new WofContent(file.size, algorithm, stream, disk.units, structure);
  file.allocatedSize = stream.allocatedSize || stream.size;
}

/** WSL keeps a device's numbers in the extended attribute $LXDEV: two 32-bit words. */
function setLinuxDevice(disk: Disk, file: NtfsFile, structure: string): void {
  const stream = openStream(disk, file.record.attributes, AttributeType.ea, "", structure);
  const bytes = stream?.readAll(MAX_EAS) ?? new Uint8Array(0);
  for (let at = 0; at + 8 <= bytes.length; ) {
    const next = le32(bytes, at);
    const nameLength = bytes[at + 5];
    const value = at + 8 + nameLength + 1;
    const name = String.fromCharCode(...bytes.subarray(at + 8, at + 8 + nameLength));
    if (name === "$LXDEV" && le16(bytes, at + 6) >= 8 && value + 8 <= bytes.length) {
      file.rdevMajor = le32(bytes, value);
      file.rdevMinor = le32(bytes, value + 4);
      return;
    }
    if (next < 8) return;
    at += next;
  }
}
