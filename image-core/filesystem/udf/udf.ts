/** Opens UDF 1.02 to 2.60 (ISO/IEC 13346, ECMA-167 third edition, as OSTA restricts it). */
import { ImageError } from "../../errors.js";
import type { OpenContext } from "../../format.js";
import type { ByteSource } from "../../source/byte-source.js";
import type { Volume, VolumeDescription } from "../volume.js";
import { type Anchor, findAnchors } from "./anchor.js";
import { viewOf } from "./descriptor-tag.js";
import { type LogicalVolume, openLogicalVolume } from "./logical-volume.js";
import { timestampSeconds } from "./timestamp.js";
import { UdfVolume } from "./udf-volume.js";
import { volumeUuid } from "./volume-uuid.js";

export function open(source: ByteSource, context: OpenContext): Volume {
  const sessions = sessionsToTry(context);
  const anchors = findAnchors(
    source,
    sessions.map((session) => session.start),
  );
  if (anchors.length === 0) {
    throw new ImageError(
      "corrupt",
      "udf",
      "no anchor volume descriptor pointer in sector 256 or at the end, for any sector size",
    );
  }
  let failure: ImageError | undefined;
  for (const anchor of anchors) {
    try {
      return openFrom(source, anchor, sessions, context);
    } catch (error) {
      if (!(error instanceof ImageError) || error.kind === "host-io") throw error;
      failure ??= error;
    }
  }
  throw failure;
}

interface Session {
  /** In sectors of 2048 bytes. */
  start: number;
  end: number;
}

/** The newest first: it shows the whole disc. Or the one asked for, alone. */
function sessionsToTry(context: OpenContext): Session[] {
  const sessions: Session[] = [];
  for (const { number, tracks } of context.disc?.sessions ?? []) {
    if (context.options.session !== undefined && context.options.session !== number) continue;
    const data = tracks.filter((track) => track.kind !== "audio");
    const last = data[data.length - 1];
    if (last === undefined) continue;
    sessions.unshift({ start: data[0].startLba, end: last.startLba + last.length });
  }
  return sessions;
}

function openFrom(
  source: ByteSource,
  anchor: Anchor,
  sessions: readonly Session[],
  context: OpenContext,
): Volume {
  // Where the anchor's session ends; on anything but a disc, where the image does.
  const session = sessions.find(({ start, end }) => anchor.sector >= start && anchor.sector < end);
  const end = Math.min(source.size, (session?.end ?? Number.POSITIVE_INFINITY) * 2048);
  const localOffset = context.localOffset.bind(context);
  const volume = openLogicalVolume(source, anchor, end, localOffset);
  return new UdfVolume(volume, describe(volume, localOffset), context.owner);
}

function describe(
  volume: LogicalVolume,
  localOffset: (secondsSince1970: number) => number,
): VolumeDescription {
  const { descriptor, primaryVolume, space, features, warnings } = volume;
  const revision = descriptor.udfRevision;
  const minor = (revision & 0xff).toString(16).padStart(2, "0");
  const description: VolumeDescription = {
    format: "udf",
    title: `UDF ${(revision >> 8).toString(16)}.${minor}`,
    label: descriptor.logicalVolumeIdentifier || (primaryVolume?.volumeIdentifier ?? ""),
    blockSize: space.blockSize,
    view: { shown: "udf", available: ["udf"], reason: "the volume has no other" },
    features,
    warnings,
  };
  if (primaryVolume !== undefined) {
    description.uuid = volumeUuid(primaryVolume.volumeSetIdentifier);
    description.created = timestampSeconds(
      viewOf(primaryVolume.recordingDateAndTime),
      0,
      localOffset,
    );
  }
  return description;
}
