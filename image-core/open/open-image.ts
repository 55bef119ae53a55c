/** From an open file to a volume that can be served: the whole chain in one call. */
import type { ImageDescription, TrackDescription } from "../description.js";
import type { Volume } from "../filesystem/volume.js";
import type { DiscLayout, Medium, OpenContext } from "../format.js";
import type { ByteSource } from "../source/byte-source.js";
import { chooseVolume } from "./choose-volume.js";
import { displacement } from "./displaced.js";
import { describePartition, findLayout } from "./layout.js";
import { openMedium } from "./medium.js";

export interface OpenedImage {
  volume: Volume;
  description: ImageDescription;
  /** The containers on the way, from the outside in: `verify` asks each for its checksums. */
  layers: Medium[];
}

/** Throws ImageError; whatever it is, nothing is left open that was not open before. */
export async function openImage(file: ByteSource, context: OpenContext): Promise<OpenedImage> {
  const { medium, containers, layers } = await openMedium(file, context);
  const inner = { ...context, sectorSize: medium.sectorSize, disc: medium.disc };
  const layout = await findLayout(medium.source, inner);
  const nothing = layout.filesystems.length === 0 && layout.partitions.length === 0;
  if (nothing && layers.length === 0 && context.options.offset === undefined) {
    const offset = displacement(medium.source);
    if (offset > 0) return openDisplaced(file, context, offset);
  }
  const { volume, members, warnings } = await chooseVolume(medium, layout, inner);
  const volumes = members?.map((member) => member.volume) ?? [volume.description];
  const description: ImageDescription = {
    name: context.name,
    size: file.size,
    containers,
    sectorSize: medium.sectorSize,
    tracks: medium.disc && describeTracks(medium.disc),
    partitions: layout.partitions.length > 0 ? layout.partitions.map(describePartition) : undefined,
    volume: volume.description,
    volumes: members,
    boot: [
      ...new Set([
        ...volumes.flatMap((each) => each.boot ?? []),
        ...layout.partitions
          .filter((partition) => partition.bootable)
          .map((partition) => `${partition.scheme.toUpperCase()} partition ${partition.path}`),
      ]),
    ],
    warnings: [...medium.warnings, ...warnings, ...volumes.flatMap((each) => each.warnings)],
  };
  return { volume, description, layers };
}

async function openDisplaced(
  file: ByteSource,
  context: OpenContext,
  offset: number,
): Promise<OpenedImage> {
  const opened = await openImage(file, { ...context, options: { ...context.options, offset } });
  opened.description.warnings.unshift(`the disc begins ${offset} bytes into the image`);
  return opened;
}

function describeTracks(disc: DiscLayout): TrackDescription[] {
  return disc.sessions.flatMap((session) =>
    session.tracks.map((track) => ({
      number: track.number,
      session: session.number,
      kind: track.kind,
      startLba: track.startLba,
      sectors: track.length,
      title: track.title,
    })),
  );
}
