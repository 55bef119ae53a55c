/**
 * Opens ISO 9660 (ECMA-119, ISO 9660:1999), High Sierra, and what is laid over them: Joliet,
 * SUSP and Rock Ridge, El Torito.
 */
import { at, ImageError } from "../../errors.js";
import type { OpenContext } from "../../format.js";
import type { ByteSource } from "../../source/byte-source.js";
import { CompositeVolume } from "../composite.js";
import type { Volume, VolumeDescription } from "../volume.js";
import { BootVolume } from "./boot-volume.js";
import { describe } from "./describe.js";
import { LOGICAL_SECTOR } from "./directory-record.js";
import { type BootCatalog, readBootCatalog } from "./el-torito.js";
import { IsoImage } from "./iso-image.js";
import { placeSession } from "./session-place.js";
import { findSessions, type Session } from "./sessions.js";
import { findTrees, openTree, richestTree, type Tree } from "./trees.js";
import { SYSTEM_AREA_SECTORS } from "./volume-descriptor.js";

const BOOT = "boot";
const FIRST_DESCRIPTOR_END = (SYSTEM_AREA_SECTORS + 1) * LOGICAL_SECTOR;

/** Everything that one session offers. */
interface Offer {
  image: IsoImage;
  session: Session;
  sessions: number;
  trees: Tree[];
  catalog: BootCatalog | undefined;
  warnings: string[];
}

export function open(source: ByteSource, context: OpenContext): Volume {
  const sessions = findSessions(source, context.disc);
  if (sessions.length === 0) {
    if (source.size < FIRST_DESCRIPTOR_END) {
      const ends = `the image ends ${at(source.size)}, the first volume descriptor ${at(FIRST_DESCRIPTOR_END)}`;
      throw new ImageError("truncated", "iso9660", ends);
    }
    throw new ImageError("corrupt", "iso9660", "no volume descriptor at sector 16 (0x8000)");
  }
  const chosen = chooseSession(sessions, context.options.session);
  const { source: disc, session, warnings } = placeSession(source, chosen);
  const { set } = session;
  const image = new IsoImage(
    disc,
    set.primary ?? set.supplementary[0],
    set.highSierra,
    context.owner,
  );
  const trees = findTrees(image, set, warnings);
  const catalog = set.boot
    .map((sector) => readBootCatalog(disc, sector, warnings))
    .find((found) => found !== undefined);
  const offer = { image, session, sessions: sessions.length, trees, catalog, warnings };
  if (trees.length === 0) {
    throw new ImageError("corrupt", "iso9660", "no primary volume descriptor, and no Joliet tree");
  }
  return openView(offer, context);
}

function chooseSession(sessions: readonly Session[], wanted: number | undefined): Session {
  if (wanted === undefined) return sessions[sessions.length - 1];
  const session = sessions.find(({ number }) => number === wanted);
  if (session !== undefined) return session;
  const all = sessions.length === 1 ? "one session" : `sessions 1 to ${sessions.length}`;
  throw new ImageError("option", "iso9660", `session=${wanted}: the image has ${all}`);
}

function openView(offer: Offer, context: OpenContext): Volume {
  const { trees, catalog } = offer;
  const available: string[] = trees.map(({ kind }) => kind);
  if (catalog !== undefined) available.push(BOOT);
  const wanted = context.options.view ?? "auto";
  if (wanted === "all") return openAll(offer, available, context);
  if (wanted === BOOT && catalog !== undefined) {
    return openBoot(offer, catalog, description(offer, undefined, available, "asked for"));
  }
  const chosen =
    wanted === "auto"
      ? richestTree(trees)
      : { tree: trees.find(({ kind }) => kind === wanted), reason: "asked for" };
  if (chosen.tree === undefined) {
    throw new ImageError(
      "option",
      "iso9660",
      `view=${wanted}: the image offers auto, ${available.join(", ")} and all`,
    );
  }
  return openOne(offer, chosen.tree, chosen.reason, available, context);
}

function openAll(offer: Offer, available: string[], context: OpenContext): Volume {
  const members = offer.trees.map((tree) => ({
    name: tree.kind as string,
    volume: openOne(offer, tree, "all were asked for", available, context) as Volume,
  }));
  const whole = description(offer, undefined, available, "asked for");
  if (offer.catalog !== undefined) {
    members.push({ name: BOOT, volume: openBoot(offer, offer.catalog, whole) });
  }
  whole.view = { shown: "all", available, reason: "asked for" };
  return new CompositeVolume(whole, members, context.owner);
}

function openOne(
  offer: Offer,
  tree: Tree,
  reason: string,
  available: string[],
  context: OpenContext,
): Volume {
  const { image } = offer;
  return openTree(image, tree, context.options.charset, (spelling) =>
    describe({ ...offer, tree, available, reason, spelling }),
  );
}

function openBoot(offer: Offer, catalog: BootCatalog, whole: VolumeDescription): Volume {
  const tree = offer.trees.find(({ kind }) => kind === "iso9660") ?? offer.trees[0];
  return new BootVolume(whole, offer.image, catalog, tree.rootStart);
}

function description(
  offer: Offer,
  tree: Tree | undefined,
  available: string[],
  reason: string,
): VolumeDescription {
  return describe({ ...offer, tree, available, reason, spelling: undefined });
}
