/** What `info` tells about an ISO 9660 volume. */
import { ImageError } from "../../errors.js";
import { charsetById } from "../../text/charset.js";
import type { VolumeDescription } from "../volume.js";
import { be16 } from "./both-endian.js";
import { recordHalvesAgree } from "./directory-record.js";
import type { BootCatalog } from "./el-torito.js";
import type { IsoImage } from "./iso-image.js";
import { label, type Spelling } from "./names.js";
import { RecordCursor } from "./record-cursor.js";
import type { Session } from "./sessions.js";
import { jolietLevel, TREE_TITLES, type Tree } from "./trees.js";
import type { VolumeDescriptor } from "./volume-descriptor.js";

/** Records of the root directory looked at for halves that differ. */
const MAX_CHECKED = 64;

export interface Described {
  image: IsoImage;
  session: Session;
  /** How many there are. */
  sessions: number;
  trees: Tree[];
  /** The one shown; undefined for the boot images. */
  tree: Tree | undefined;
  available: string[];
  reason: string;
  catalog: BootCatalog | undefined;
  /** Of the shown tree. */
  spelling: Spelling | undefined;
  warnings: string[];
}

export function describe(about: Described): VolumeDescription {
  const { image, session, trees, tree, spelling } = about;
  const main = trees.find(({ kind }) => kind === "iso9660") ?? trees[0];
  const { descriptor } = main;
  const base = image.highSierra ? "High Sierra" : "ISO 9660";
  const shown = tree === undefined ? "boot images" : TREE_TITLES[tree.kind];
  return {
    format: "iso9660",
    title: tree?.kind === "iso9660" ? base : `${base} with ${shown}`,
    label: volumeLabel(trees, main, spelling),
    uuid: dateUuid(descriptor),
    created: descriptor.creation?.seconds,
    blockSize: image.blockSize,
    view: { shown: tree?.kind ?? "boot", available: about.available, reason: about.reason },
    features: features(about, base),
    boot: bootWays(about),
    warnings: [...about.warnings, ...findOddities(image, session, main)],
  };
}

/** Joliet's where it is the same but longer, as it may hold 16 characters of any script. */
function volumeLabel(trees: Tree[], main: Tree, spelling: Spelling | undefined): string {
  const plain: Spelling =
    spelling?.kind === "plain"
      ? spelling
      : { kind: "plain", charset: charsetById("utf-8"), littleEndian: false };
  const text = label(main.descriptor.volumeIdentifier, plain);
  const joliet = trees.find(({ kind }) => kind === "joliet");
  if (joliet === undefined) return text;
  const ucs2: Spelling =
    spelling?.kind === "joliet" ? spelling : { ...plain, kind: "joliet", littleEndian: false };
  const other = label(joliet.descriptor.volumeIdentifier, ucs2);
  return other !== "" && (spelling?.kind === "joliet" || text === "") ? other : text;
}

/** As blkid forms it: the modification date, or else the creation date, digits in pairs. */
function dateUuid(descriptor: VolumeDescriptor): string | undefined {
  for (const digits of [descriptor.modificationDigits, descriptor.creationDigits]) {
    const text = Buffer.from(digits).toString("latin1");
    if (!/^\d{16}$/.test(text) || /^0{16}$/.test(text)) continue;
    return `${text.slice(0, 4)}-${(text.slice(4).match(/../g) ?? []).join("-")}`;
  }
  return undefined;
}

function features({ trees, sessions, session, spelling }: Described, base: string): string[] {
  const found = [base];
  for (const { kind, descriptor, susp } of trees) {
    if (kind === "rockridge") {
      found.push(susp?.version ? `Rock Ridge ${susp.version}` : "Rock Ridge");
      found.push(...(susp?.extensions ?? []));
    } else if (kind === "joliet") found.push(`Joliet level ${jolietLevel(descriptor)}`);
    else if (kind === "enhanced") found.push("ISO 9660:1999");
  }
  if (sessions > 1) found.push(`session ${session.number} of ${sessions}`);
  if (spelling !== undefined && spelling.kind !== "joliet" && spelling.charset.id !== "utf-8") {
    found.push(`names in ${spelling.charset.id}`);
  }
  if (spelling?.littleEndian) found.push("Joliet names in little-endian");
  return found;
}

function bootWays({ image, catalog }: Described): string[] | undefined {
  const ways = (catalog?.images ?? []).map(
    ({ platform, mediaTitle, bootable }) =>
      `El Torito ${platform}, ${mediaTitle}${bootable ? "" : ", not bootable"}`,
  );
  const head = bootSectors(image);
  const gpt = Buffer.from(head.subarray(512, 520)).toString("latin1") === "EFI PART";
  if (gpt) ways.push("isohybrid GPT");
  if (be16(head, 510) === 0x55aa && head[446 + 4] !== 0) ways.push("isohybrid MBR");
  return ways.length > 0 ? ways : undefined;
}

/** Zeros where they are unreadable, as where the session that begins the disc is missing. */
function bootSectors(image: IsoImage): Uint8Array {
  const head = new Uint8Array(1024);
  try {
    image.source.read(0, head, 0, head.length);
  } catch (error) {
    if (!(error instanceof ImageError) || error.kind === "host-io") throw error;
  }
  return head;
}

/** What is wrong but was got over. */
function findOddities(image: IsoImage, session: Session, main: Tree): string[] {
  const warnings: string[] = [];
  const { descriptor } = main;
  if (session.set.primary === undefined) warnings.push("no primary volume descriptor");
  if (!session.set.terminated) warnings.push("the volume descriptors have no terminator");
  for (const field of descriptor.disagreeing) {
    warnings.push(`volume descriptor: the halves of the ${field} differ`);
  }
  if (![512, 1024, 2048].includes(descriptor.logicalBlockSize)) {
    warnings.push(
      `volume descriptor: logical blocks of ${descriptor.logicalBlockSize} bytes, taken for 2048`,
    );
  }
  const end = descriptor.volumeSpaceSize * image.blockSize;
  if (end > image.source.size && session.startSector === 0) {
    warnings.push(`the volume has ${end} bytes, the image ends after ${image.source.size}`);
  }
  const different = countDifferent(image, main.rootStart);
  if (different > 0) {
    warnings.push(
      `root directory: ${different} records whose little- and big-endian numbers differ`,
    );
  }
  return warnings;
}

function countDifferent(image: IsoImage, rootStart: number): number {
  const cursor = new RecordCursor(image);
  cursor.open(rootStart, Math.min(rootStart + 2048, image.source.size));
  let different = 0;
  for (let i = 0; i < MAX_CHECKED && cursor.step(); i++) {
    if (!recordHalvesAgree(cursor.bytes, cursor.at)) different++;
  }
  return different;
}
