/** Decides which volume, or which several as folders, a medium is shown as. */
import { ImageError } from "../errors.js";
import { AudioVolume } from "../filesystem/audio/audio-volume.js";
import { CompositeVolume } from "../filesystem/composite.js";
import { ROOT_NODE, S_IFDIR, type Volume, type VolumeDescription } from "../filesystem/volume.js";
import type { DiscLayout, Medium, OpenContext } from "../format.js";
import type { Candidate } from "../probe.js";
import type { ByteSource } from "../source/byte-source.js";
import { plainText, safeName } from "../text/escape.js";
import { type FoundPartition, flatten, type Layout } from "./layout.js";

export interface Chosen {
  volume: Volume;
  /** Set where several volumes are shown as folders. */
  members?: { folder: string; volume: VolumeDescription }[];
  warnings: string[];
}

interface Member {
  name: string;
  volume: Volume;
}

export async function chooseVolume(
  medium: Medium,
  layout: Layout,
  context: OpenContext,
): Promise<Chosen> {
  const { partition, view = "auto" } = context.options;
  const disc = medium.disc?.sessions.some((session) => session.tracks.length > 0)
    ? medium.disc
    : undefined;
  if (partition !== undefined) return onePartition(partition, layout, context);
  if (disc !== undefined && hasAudio(disc)) {
    return withAudio(medium, disc, layout, context);
  }
  if (layout.filesystems.length > 0) {
    const hybrid = macintoshSides(layout, context);
    return view === "all"
      ? allTrees(medium.source, layout.filesystems, context, hybrid)
      : wholeMedium(medium.source, layout.filesystems, context, hybrid);
  }
  return severalPartitions(layout, context);
}

/** A filesystem that lies elsewhere on the medium, yet belongs to the same disc. */
interface Side {
  candidate: Candidate<Volume>;
  source: ByteSource;
  context: OpenContext;
}

/** The HFS or HFS+ partitions of a hybrid disc, whose files the whole disc's filesystem may lack. */
function macintoshSides(layout: Layout, context: OpenContext): Side[] {
  return layout.partitions.flatMap(({ filesystems, source }) =>
    filesystems
      .filter(({ format }) => format.id === "hfs" || format.id === "hfsplus")
      .slice(0, 1)
      .map((candidate) => ({ candidate, source, context })),
  );
}

function hasAudio(disc: DiscLayout): boolean {
  return disc.sessions.some((session) => session.tracks.some((track) => track.kind === "audio"));
}

function unreadData(disc: DiscLayout): string[] {
  return disc.sessions
    .flatMap((session) => session.tracks)
    .filter((track) => track.kind !== "audio")
    .map((track) => `data track ${track.number}: no filesystem that isomount knows`);
}

/** An audio disc is its tracks; a mixed one shows data and audio side by side. */
async function withAudio(
  medium: Medium,
  disc: DiscLayout,
  layout: Layout,
  context: OpenContext,
): Promise<Chosen> {
  const audio = new AudioVolume(disc, context.owner);
  const { view = "auto" } = context.options;
  if (view === "audio") return { volume: audio, warnings: [] };
  if (layout.filesystems.length === 0) return { volume: audio, warnings: unreadData(disc) };
  let data: Chosen;
  try {
    data =
      view === "all"
        ? await allTrees(medium.source, layout.filesystems, context)
        : await wholeMedium(medium.source, layout.filesystems, context);
  } catch (error) {
    // What cannot be read, as a console's own filesystem, does not hide the audio beside it.
    const hidden = error instanceof ImageError && error.kind !== "host-io";
    if (view !== "auto" || !hidden || error.kind === "option") throw error;
    return { volume: audio, warnings: [error.message] };
  }
  if (view !== "auto" && view !== "all") return data;
  const members = [
    { name: "audio", volume: audio },
    { name: "data", volume: data.volume },
  ];
  return asFolders(members, "Disc with data and audio", context, data.warnings);
}

/** Opens the surest filesystem that opens; a damaged one does not hide a whole one beside it. */
async function wholeMedium(
  source: ByteSource,
  filesystems: readonly Candidate<Volume>[],
  context: OpenContext,
  sides: readonly Side[] = [],
): Promise<Chosen> {
  const { view = "auto" } = context.options;
  const whole = filesystems.map((candidate) => ({ candidate, source, context }));
  const named = [...whole, ...sides].find(({ candidate }) => candidate.format.id === view);
  if (named !== undefined && named.candidate.format.id !== "iso9660") {
    // The view is a whole filesystem: within it, nothing is left to choose.
    const plain = withView(context, undefined);
    const volume = await openFilesystem(named.candidate, named.source, plain);
    return { volume, warnings: [] };
  }
  const { opened, failures } = await openAll(view === "auto" ? [...whole, ...sides] : whole);
  if (opened.length === 0) throw failures[0];
  const volume = view === "auto" ? richest(opened) : opened[0];
  return { volume, warnings: failures.map((error) => error.message) };
}

async function openAll(
  sides: readonly Side[],
): Promise<{ opened: Volume[]; failures: ImageError[] }> {
  const opened: Volume[] = [];
  const failures: ImageError[] = [];
  for (const { candidate, source, context } of sides) {
    try {
      opened.push(await openFilesystem(candidate, source, context));
    } catch (error) {
      if (!(error instanceof ImageError)) throw error;
      // A wrong option is the person's to mend, whatever else would open.
      if (error.kind === "option" && sides.length === 1) throw error;
      failures.push(error);
    }
  }
  return { opened, failures };
}

/** How many objects of a tree are counted to compare it with another. */
const COUNT_LIMIT = 2000;

/**
 * A bridge or hybrid disc holds its files under several filesystems, not always all of them under
 * each: Windows' installers have a README in ISO 9660 and all else in UDF, hybrid discs keep the
 * Macintosh's files in HFS alone. Whichever shows most wins; between equals ISO 9660 if it has long
 * names of its own, else the next.
 */
function richest(volumes: readonly Volume[]): Volume {
  if (volumes.length === 1) return volumes[0];
  const ranked = volumes
    .map((volume) => ({ volume, count: countObjects(volume) }))
    .sort((a, b) => b.count - a.count || preference(a.volume) - preference(b.volume));
  const [{ volume: chosen, count }, { volume: next, count: nextCount }] = ranked;
  const reason =
    count === nextCount
      ? `${next.description.title} on the same disc holds no more`
      : `${chosen.description.title} shows more than ${next.description.title} on the same disc`;
  const inner = chosen.description.view;
  const views = ({ description }: Volume) => description.view?.available ?? [description.format];
  chosen.description.view = {
    shown: inner?.shown ?? chosen.description.format,
    available: [...new Set(volumes.flatMap(views))],
    reason: inner === undefined ? reason : `${inner.reason}; ${reason}`,
  };
  return chosen;
}

/** Lower is better: names as their makers wrote them come first, then the order of the registry. */
function preference({ description }: Volume): number {
  return description.format === "iso9660" && description.view?.shown === "iso9660" ? 1 : 0;
}

function countObjects(volume: Volume): number {
  const pending = [ROOT_NODE];
  let count = 0;
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    try {
      volume.readDirectory(next, 0, (_name, node, type) => {
        if (type === S_IFDIR) pending.push(node);
        return ++count < COUNT_LIMIT;
      });
    } catch (error) {
      // A damaged folder counts for what it shows.
      if (!(error instanceof ImageError)) throw error;
    }
    if (count >= COUNT_LIMIT) break;
  }
  return count;
}

/** Every tree of every filesystem, each in a folder named after it. */
async function allTrees(
  source: ByteSource,
  filesystems: readonly Candidate<Volume>[],
  context: OpenContext,
  sides: readonly Side[] = [],
): Promise<Chosen> {
  const members: Member[] = [];
  const warnings: string[] = [];
  const whole = filesystems.map((candidate) => ({ candidate, source, context }));
  for (const { candidate, source } of [...whole, ...sides]) {
    try {
      const first = await openFilesystem(candidate, source, withView(context, undefined));
      const views = first.description.view?.available ?? [];
      if (views.length < 2) {
        members.push({ name: views[0] ?? candidate.format.id, volume: first });
        continue;
      }
      for (const view of views) {
        const volume = await openFilesystem(candidate, source, withView(context, view));
        members.push({ name: view, volume });
      }
    } catch (error) {
      if (!(error instanceof ImageError)) throw error;
      warnings.push(error.message);
    }
  }
  if (members.length === 0) throw new ImageError("corrupt", "image", warnings.join("; "));
  members.push(...(await earlierSessions(source, filesystems, context)));
  return asFolders(members, "All trees of the disc", context, warnings);
}

/** A disc has 99 tracks at most, and each session one. */
const MAX_SESSIONS = 99;

/** The sessions before the last, which the other folders show, each as its richest tree. */
async function earlierSessions(
  source: ByteSource,
  filesystems: readonly Candidate<Volume>[],
  context: OpenContext,
): Promise<Member[]> {
  const iso = filesystems.find(({ format }) => format.id === "iso9660");
  if (iso === undefined) return [];
  const sessions: Member[] = [];
  for (let session = 1; session <= MAX_SESSIONS; session++) {
    const options = { ...context.options, view: undefined, session };
    try {
      const volume = await openFilesystem(iso, source, { ...context, options });
      sessions.push({ name: `session-${session}`, volume });
    } catch (error) {
      if (!(error instanceof ImageError)) throw error;
      // There is no such session: the one before was the last. A damaged one is left out.
      if (error.kind === "option") break;
    }
  }
  return sessions.slice(0, -1);
}

async function onePartition(wanted: string, layout: Layout, context: OpenContext): Promise<Chosen> {
  const all = flatten(layout.partitions);
  const same = (text: string | undefined) => text?.toLowerCase() === wanted.toLowerCase();
  const partition =
    all.find((p) => p.path === wanted) ??
    all.find((p) => same(p.uuid)) ??
    all.find((p) => same(p.label));
  if (partition === undefined) return partitionByVolume(wanted, all, same, context);
  const readable = partition.filesystems.filter((f) => f.format.load !== undefined);
  if (readable.length === 0) {
    throw new ImageError(
      "unsupported",
      "image",
      `partition ${partition.path} ${contents(partition)}`,
    );
  }
  return wholeMedium(partition.source, readable, context);
}

/** Where the table knows no such name, a filesystem may: those of an MBR have the only labels. */
async function partitionByVolume(
  wanted: string,
  all: readonly FoundPartition[],
  same: (text: string | undefined) => boolean,
  context: OpenContext,
): Promise<Chosen> {
  for (const { filesystems, source } of all) {
    const readable = filesystems.filter((f) => f.format.load !== undefined);
    if (readable.length === 0) continue;
    try {
      const chosen = await wholeMedium(source, readable, context);
      const { label, uuid } = chosen.volume.description;
      if (same(label) || same(uuid)) return chosen;
    } catch (error) {
      // What does not open is not the one that is meant.
      if (!(error instanceof ImageError)) throw error;
    }
  }
  const there = all.map((p) => p.path + (p.label ? ` (${p.label})` : "")).join(", ");
  throw new ImageError(
    "option",
    "image",
    all.length === 0
      ? `partition=${wanted}: the image has no partitions`
      : `partition=${wanted}: there is no such partition; the image has ${there}`,
  );
}

/** A table may lead to one volume thousands of times; each open one takes memory. */
const MAX_VOLUMES = 256;

async function severalPartitions(layout: Layout, context: OpenContext): Promise<Chosen> {
  const all = flatten(layout.partitions);
  const members: Member[] = [];
  const failures: ImageError[] = [];
  const unread: string[] = [];
  for (const partition of all) {
    const readable = partition.filesystems.filter((f) => f.format.load !== undefined);
    if (readable.length === 0) {
      if (partition.inner.length === 0 && partition.filesystems.length > 0) {
        unread.push(`partition ${partition.path} ${contents(partition)}`);
      }
      continue;
    }
    if (members.length === MAX_VOLUMES) {
      unread.push(`partition ${partition.path} and those behind it: only ${MAX_VOLUMES} are shown`);
      break;
    }
    try {
      const { volume, warnings } = await wholeMedium(partition.source, readable, context);
      unread.push(...warnings);
      const label = volume.description.label || partition.label;
      members.push({ name: label || `partition-${partition.path}`, volume });
    } catch (error) {
      if (!(error instanceof ImageError)) throw error;
      failures.push(error);
    }
  }
  const warnings = [...unread, ...failures.map((error) => error.message)];
  if (members.length === 0) throw nothingToMount(all, failures, unread);
  if (members.length === 1) return { volume: members[0].volume, warnings };
  return asFolders(members, `${members.length} volumes`, context, warnings);
}

function nothingToMount(
  all: readonly FoundPartition[],
  failures: readonly ImageError[],
  unread: readonly string[],
): ImageError {
  if (failures.length > 0) return failures[0];
  if (unread.length > 0) {
    return new ImageError("unsupported", "image", `nothing to mount: ${unread.join("; ")}`);
  }
  return new ImageError(
    "unknown-format",
    "image",
    all.length === 0
      ? "no filesystem or partition table that isomount knows: is this a disk image?"
      : `the ${all.length} partitions hold no filesystem that isomount knows`,
  );
}

function contents(partition: FoundPartition): string {
  const [filesystem] = partition.filesystems;
  return filesystem === undefined
    ? `(${partition.typeTitle ?? partition.type}) holds no filesystem that isomount knows`
    : `holds ${filesystem.title}, which isomount does not read yet`;
}

async function openFilesystem(
  candidate: Candidate<Volume>,
  source: ByteSource,
  context: OpenContext,
): Promise<Volume> {
  if (candidate.format.load === undefined) {
    throw new ImageError(
      "unsupported",
      candidate.format.id,
      `${candidate.title} is recognised, but isomount does not read it yet`,
    );
  }
  const { open } = await candidate.format.load();
  const volume = await open(source, context);
  const { description } = volume;
  description.label = plainText(description.label);
  return volume;
}

function withView(context: OpenContext, view: string | undefined): OpenContext {
  return { ...context, options: { ...context.options, view } };
}

function asFolders(
  members: readonly Member[],
  title: string,
  context: OpenContext,
  warnings: string[],
): Chosen {
  const named = uniqueNames(members);
  const description: VolumeDescription = {
    format: "composite",
    title,
    label: "",
    blockSize: 512,
    features: [],
    warnings: [],
  };
  return {
    volume: new CompositeVolume(description, named, context.owner),
    members: named.map(({ name, volume }) => ({ folder: name, volume: volume.description })),
    warnings,
  };
}

function uniqueNames(members: readonly Member[]): Member[] {
  const taken = new Set<string>();
  return members.map(({ name, volume }) => {
    const base = safeName(name);
    let unique = base;
    for (let i = 2; taken.has(unique); i++) unique = `${base} (${i})`;
    taken.add(unique);
    return { name: unique, volume };
  });
}
