/**
 * Information Control Blocks: the file entry that counts of those recorded for a file (ECMA-167
 * 4/8.10, 4/A; UDF 2.3.5.1).
 *
 * Strategy 4 has one entry. Strategy 4096, for write-once media, records each new entry in a new
 * place, which the one before points at: the last of the chain counts.
 */
import { corrupt, ImageError } from "../../errors.js";
import { decodeLongAd } from "./allocation-descriptor.js";
import type { BlockAddress, BlockSpace } from "./block-space.js";
import { TagIdentifier, tagIdentifier, u16 } from "./descriptor-tag.js";
import { decodeFileEntry, type FileEntry } from "./file-entry.js";
import type { FileStatus } from "./file-status.js";

const STRATEGY_4096 = 4096;

/** A file rewritten more often than this is no file of a real disc. */
const MAX_REWRITES = 10_000;

const FILE_ENTRIES: readonly number[] = [TagIdentifier.FileEntry, TagIdentifier.ExtendedFileEntry];
const ANY_ENTRY: readonly number[] = [
  ...FILE_ENTRIES,
  TagIdentifier.IndirectEntry,
  TagIdentifier.TerminalEntry,
];

/** The entry of the file whose ICB begins at `icb`. */
export function readFileEntry(space: BlockSpace, icb: BlockAddress): FileEntry {
  let entry = directEntry(space, icb);
  if (entry.strategyType !== STRATEGY_4096) return entry;
  let address: BlockAddress | undefined = icb;
  const followed = new Set<string>();
  while (address !== undefined) {
    const place: string = `${address.partition}:${address.block}`;
    if (followed.has(place) || followed.size === MAX_REWRITES) {
      throw corrupt(
        "udf",
        "ICB of strategy 4096",
        entry.position,
        `a chain of ${followed.size} entries has no end`,
      );
    }
    followed.add(place);
    [entry, address] = lastOfIcb(space, entry, address);
  }
  return entry;
}

/** As `readFileEntry`, of what stat(2) shows; makes no object unless the strategy is 4096. */
export function readFileStatus(
  space: BlockSpace,
  partition: number,
  block: number,
  status: FileStatus,
): void {
  directStatus(space, partition, block, status);
  if (status.strategyType !== STRATEGY_4096) return;
  const last = readFileEntry(space, { partition, block });
  directStatus(space, last.partition, last.block, status);
}

/**
 * The last file entry within one ICB, whose first is `first`, and the ICB that replaces it if any.
 * Behind the entries a block may be unrecorded: what is no entry ends the ICB.
 */
function lastOfIcb(
  space: BlockSpace,
  first: FileEntry,
  icb: BlockAddress,
): [FileEntry, BlockAddress | undefined] {
  let entry = first;
  const { bytes } = space.descriptor(icb, FILE_ENTRIES, "file entry");
  const maximumNumberOfEntries = Math.max(2, Math.min(u16(bytes, 16 + 8), 256));
  for (let i = 1; i < maximumNumberOfEntries; i++) {
    const address = { partition: icb.partition, block: icb.block + i };
    const identifier = entryIdentifier(space, address);
    if (identifier === TagIdentifier.IndirectEntry) {
      const next = decodeLongAd(
        space.descriptor(address, [identifier], "indirect entry").bytes,
        36,
      );
      if (next.length === 0) break;
      if (next.block === icb.block && next.partition === icb.partition) {
        throw corrupt(
          "udf",
          "indirect entry",
          address.block * space.blockSize,
          "names its own ICB",
        );
      }
      if (!FILE_ENTRIES.includes(entryIdentifier(space, next) ?? 0)) break;
      return [directEntry(space, next), next];
    }
    if (!FILE_ENTRIES.includes(identifier ?? 0)) break;
    entry = directEntry(space, address);
  }
  return [entry, undefined];
}

/** Undefined where no entry is recorded. */
function entryIdentifier(space: BlockSpace, address: BlockAddress): number | undefined {
  try {
    return tagIdentifier(space.descriptor(address, ANY_ENTRY, "ICB entry").bytes, 0);
  } catch (error) {
    if (error instanceof ImageError && error.kind !== "host-io") return undefined;
    throw error;
  }
}

function directStatus(
  space: BlockSpace,
  partition: number,
  block: number,
  status: FileStatus,
): void {
  const { view, at, position } = space.find(partition, block, FILE_ENTRIES, "file entry");
  status.decode(view, at, at + space.blockSize, position, space.localOffset);
}

function directEntry(space: BlockSpace, address: BlockAddress): FileEntry {
  const { partition, block } = address;
  const { bytes, position } = space.descriptor(address, FILE_ENTRIES, "file entry");
  return decodeFileEntry(bytes, { partition, block, position });
}
