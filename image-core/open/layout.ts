/** Finds what lies on a medium: filesystems on the whole of it, and partitions with theirs. */
import type { PartitionDescription } from "../description.js";
import type { Volume } from "../filesystem/volume.js";
import {
  Confidence,
  type DiscLayout,
  type OpenContext,
  type Partition,
  type ProbeWindow,
} from "../format.js";
import { type Candidate, candidates, probeWindow } from "../probe.js";
import { filesystemFormats, partitionFormats } from "../registry.js";
import type { ByteSource } from "../source/byte-source.js";
import { SliceSource } from "../source/slice-source.js";

/** Partition tables in partitions: a BSD label in an MBR slot is the usual case. */
const MAX_DEPTH = 3;
/** Bytes of user data that a disc's medium has a sector. */
const DISC_SECTOR = 2048;

export interface FoundPartition extends Partition {
  /** As the person names it: `2`, or `2.1` inside another. */
  path: string;
  filesystems: Candidate<Volume>[];
  inner: FoundPartition[];
}

export interface Layout {
  /** On the whole medium, the surest first. */
  filesystems: Candidate<Volume>[];
  partitions: FoundPartition[];
}

/** What an MBR counts in where its partitions hold nothing by sectors of 512 bytes. */
const LARGE_SECTOR = 4096;

/**
 * A filesystem on the whole medium wins over a partition table that is no surer: hybrid discs carry
 * tables only so that firmware boots them.
 */
export async function findLayout(source: ByteSource, context: OpenContext): Promise<Layout> {
  const window = probeWindow(source, "");
  let filesystems = likelyFilesystems(window);
  if (filesystems.length === 0 && context.disc !== undefined) {
    filesystems = laterFilesystems(source, context.disc);
  }
  const [table] = candidates(partitionFormats, window);
  if (table === undefined) return { filesystems, partitions: [] };
  const partitions = await tablePartitions(table, source, context);
  const whole =
    filesystems.length > 0 &&
    (partitions.length === 0 || !isBetter(table.confidence, partitions, filesystems[0]));
  // What only looks like a table in a filesystem's boot code is none.
  if (whole && table.confidence === Confidence.guess) return { filesystems, partitions: [] };
  return { filesystems: whole ? filesystems : [], partitions };
}

/** Surer, by itself or by what lies in its partitions; or the only one of both that can be read. */
function isBetter(
  table: Confidence,
  partitions: readonly FoundPartition[],
  filesystem: Candidate<Volume>,
): boolean {
  const sure = flatten(partitions)
    .map((partition) => partition.filesystems[0])
    .filter((inside) => inside?.confidence === Confidence.certain);
  if (table > filesystem.confidence) return true;
  if (filesystem.confidence < Confidence.certain) return sure.length > 0;
  // A dynamic disk keeps the entries of the volumes that it had as a basic one.
  return (
    filesystem.format.load === undefined && sure.some((inside) => inside.format.load !== undefined)
  );
}

/** An MBR does not say what it counts in: sectors of 4096 bytes if only these make sense. */
async function tablePartitions(
  table: Candidate<Partition[]>,
  source: ByteSource,
  context: OpenContext,
): Promise<FoundPartition[]> {
  const partitions = await openPartitions(table, source, context, "", MAX_DEPTH);
  const makeSense = (found: readonly FoundPartition[]) =>
    flatten(found).some((one) => one.filesystems.length > 0);
  if (table.format.id !== "mbr" || context.sectorSize !== 512 || makeSense(partitions)) {
    return partitions;
  }
  const large = { ...context, sectorSize: LARGE_SECTOR };
  const others = await openPartitions(table, source, large, "", MAX_DEPTH);
  return makeSense(others) ? others : partitions;
}

/** The surest first. A guess counts only where nothing better is known: most are left by what was there before. */
function likelyFilesystems(window: ProbeWindow): Candidate<Volume>[] {
  const found = candidates(filesystemFormats, window);
  const sure = found.filter(({ confidence }) => confidence > Confidence.guess);
  return sure.length > 0 ? sure : found;
}

/** Those that find their session by the disc's table of contents. */
const SESSION_FORMATS = filesystemFormats.filter(({ id }) => id === "iso9660" || id === "udf");

/** Of a disc that begins with audio: its newest data that holds a filesystem. */
function laterFilesystems(source: ByteSource, disc: DiscLayout): Candidate<Volume>[] {
  const tracks = disc.sessions.flatMap((session) => session.tracks);
  for (const { kind, startLba, length } of tracks.reverse()) {
    if (kind === "audio" || startLba === 0) continue;
    const data = new SliceSource(source, startLba * DISC_SECTOR, length * DISC_SECTOR);
    const found = candidates(SESSION_FORMATS, probeWindow(data, ""));
    if (found.length > 0) return found;
  }
  return [];
}

async function openPartitions(
  table: Candidate<Partition[]>,
  source: ByteSource,
  context: OpenContext,
  prefix: string,
  depth: number,
): Promise<FoundPartition[]> {
  if (table.format.load === undefined) return [];
  const { open } = await table.format.load();
  const found: FoundPartition[] = [];
  for (const partition of open(source, context)) {
    const path = prefix === "" ? `${partition.number}` : `${prefix}.${partition.number}`;
    const window = probeWindow(partition.source, "");
    const filesystems = likelyFilesystems(window);
    const [inner] =
      depth > 1 && filesystems.length === 0 ? candidates(partitionFormats, window) : [];
    found.push({
      ...partition,
      path,
      filesystems,
      inner:
        inner === undefined
          ? []
          : await openPartitions(inner, partition.source, context, path, depth - 1),
    });
  }
  return found;
}

/** All partitions, those inside others behind them. */
export function flatten(partitions: readonly FoundPartition[]): FoundPartition[] {
  return partitions.flatMap((partition) => [partition, ...flatten(partition.inner)]);
}

export function describePartition(partition: FoundPartition): PartitionDescription {
  const [filesystem] = partition.filesystems;
  return {
    number: partition.number,
    scheme: partition.scheme,
    type: partition.type,
    typeTitle: partition.typeTitle,
    label: partition.label,
    uuid: partition.uuid,
    bootable: partition.bootable,
    start: partition.start,
    size: partition.size,
    filesystem: filesystem && {
      format: filesystem.format.id,
      title: filesystem.title,
      readable: filesystem.format.load !== undefined,
    },
    partitions: partition.inner.length > 0 ? partition.inner.map(describePartition) : undefined,
  };
}
