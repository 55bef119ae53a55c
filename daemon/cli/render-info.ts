/** The tree that `isomount info` prints: container > partitions > filesystems > features. */
import type {
  ContainerDescription,
  ImageDescription,
  PartitionDescription,
  TrackDescription,
} from "../../image-core/description.js";
import type { VolumeDescription } from "../../image-core/filesystem/volume.js";
import { printable } from "./printable.js";

interface Branch {
  text: string;
  below: Branch[];
}

/** Lines with a newline at the end of each. */
export function renderInfo(image: ImageDescription): string {
  const { name, size, sectorSize, warnings } = image;
  const root = branch(`${name}, ${formatSize(size)}, sectors of ${sectorSize} bytes`);
  let innermost = root;
  for (const container of image.containers) {
    const below = containerBranch(container);
    innermost.below.push(below);
    innermost = below;
  }
  if (image.tracks !== undefined) innermost.below.push(...trackBranches(image.tracks));
  if (image.partitions !== undefined)
    innermost.below.push(...image.partitions.map(partitionBranch));
  innermost.below.push(...volumeBranches(image));
  root.below.push(bootBranch(image.boot));
  root.below.push(...warnings.map((warning) => branch(`warning: ${warning}`)));
  return renderTree(root);
}

function volumeBranches({ volume, volumes }: ImageDescription): Branch[] {
  if (volumes === undefined) return [volumeBranch(volume)];
  return volumes.map(({ folder, volume: inside }) => volumeBranch(inside, `${folder}/: `));
}

function branch(text: string, below: Branch[] = []): Branch {
  return { text, below };
}

function containerBranch({ title, details }: ContainerDescription): Branch {
  const entries = Object.entries(details).map(([key, value]) => branch(`${key}: ${value}`));
  return branch(title, entries);
}

function trackBranches(tracks: readonly TrackDescription[]): Branch[] {
  const sessions = new Map<number, Branch>();
  for (const track of tracks) {
    const session = sessions.get(track.session) ?? branch(`session ${track.session}`);
    sessions.set(track.session, session);
    const title = track.title === undefined ? "" : ` "${track.title}"`;
    session.below.push(
      branch(
        `track ${track.number}: ${track.kind}${title}, ${track.sectors} sectors from LBA ${track.startLba}`,
      ),
    );
  }
  return [...sessions.values()];
}

function partitionBranch(partition: PartitionDescription): Branch {
  const { number, scheme, type, typeTitle, label, uuid, bootable, start, size } = partition;
  const kind = typeTitle === undefined ? type : `${typeTitle} (${type})`;
  const name = label ? ` "${label}"` : "";
  const flag = bootable ? ", bootable" : "";
  const below: Branch[] = [];
  if (uuid !== undefined) below.push(branch(`UUID ${uuid}`));
  if (partition.filesystem !== undefined) {
    const { title, readable } = partition.filesystem;
    below.push(branch(readable ? title : `${title}: recognised, but not read`));
  }
  if (partition.partitions !== undefined) below.push(...partition.partitions.map(partitionBranch));
  return branch(
    `${scheme} partition ${number}: ${kind}${name}, ${formatSize(size)} at ${start}${flag}`,
    below,
  );
}

function volumeBranch(volume: VolumeDescription, prefix = ""): Branch {
  const { title, label, uuid, created, blockSize, view, features } = volume;
  const below: Branch[] = [];
  if (uuid !== undefined) below.push(branch(`UUID ${uuid}`));
  if (created !== undefined) below.push(branch(`created ${formatTime(created)}`));
  below.push(branch(`blocks of ${blockSize} bytes`));
  if (view !== undefined) {
    below.push(branch(`shows ${view.shown} of ${view.available.join(", ")}: ${view.reason}`));
  }
  below.push(...features.map((feature) => branch(feature)));
  below.push(...(volume.boot ?? []).map((way) => branch(`boots: ${way}`)));
  below.push(...volume.warnings.map((warning) => branch(`warning: ${warning}`)));
  return branch(`${prefix}${title}${label === "" ? "" : ` "${label}"`}`, below);
}

function bootBranch(ways: readonly string[]): Branch {
  return ways.length === 0
    ? branch("not bootable")
    : branch(
        "bootable",
        ways.map((way) => branch(way)),
      );
}

function renderTree(root: Branch): string {
  const lines = [printable(root.text)];
  const visit = (branches: readonly Branch[], indent: string) => {
    branches.forEach(({ text, below }, index) => {
      const last = index === branches.length - 1;
      lines.push(`${indent}${last ? "└─" : "├─"} ${printable(text)}`);
      visit(below, `${indent}${last ? "   " : "│  "}`);
    });
  };
  visit(root.below, "");
  return `${lines.join("\n")}\n`;
}

const units = ["bytes", "KiB", "MiB", "GiB", "TiB", "PiB"];

/** `1.5 MiB (1572864 bytes)`. */
export function formatSize(size: number): string {
  let value = size;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  if (unit === 0) return `${size} bytes`;
  return `${Number(value.toFixed(1))} ${units[unit]} (${size} bytes)`;
}

/** In UTC: without the date tables of the locale, and the same for everybody. */
function formatTime(secondsSince1970: number): string {
  const date = new Date(secondsSince1970 * 1000);
  // An image may name years that Date does not have.
  if (Number.isNaN(date.getTime())) return `${secondsSince1970} s since 1970`;
  return date
    .toISOString()
    .replace("T", " ")
    .replace(/\.\d+Z$/, " UTC");
}
