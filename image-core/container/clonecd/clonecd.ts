/** Opens a CloneCD image by its control file. The subchannel file (`.sub`) is not needed. */
import { unsupported } from "../../errors.js";
import type { Medium, OpenContext } from "../../format.js";
import type { ByteSource } from "../../source/byte-source.js";
import { applyCdText, decodeCdText } from "../disc/cd-text.js";
import { type DiscPlan, discMedium } from "../disc/disc.js";
import { openNamedOr, withExtension } from "../disc/named-file.js";
import { readSheet } from "../disc/sheet.js";
import { layOut } from "./layout.js";
import { numberOf, parseSections, type Section } from "./parse.js";

const ID = "clonecd";
const PACK_BYTES = 18;
/** A pack without its CRC. */
const ENTRY_BYTES = 16;

export function open(source: ByteSource, context: OpenContext): Medium {
  const sections = parseSections(readSheet(source, context, ID));
  const disc = sections.find((section) => section.name === "disc");
  if (disc !== undefined && (numberOf(disc, "datatracksscrambled") ?? 0) !== 0) {
    throw unsupported(ID, "data tracks stored scrambled (DataTracksScrambled=1)");
  }
  const warnings: string[] = [];
  const image = openNamedOr(
    context,
    ID,
    withExtension(context.name, ".img"),
    [withExtension(context.name, ".bin")],
    warnings,
  );
  const plan: DiscPlan = { format: ID, tracks: layOut(sections, image), details: {}, warnings };
  const catalog = disc?.values.get("catalog");
  if (catalog !== undefined && catalog !== "") plan.details.catalog = catalog;
  const text = sections.find((section) => section.name === "cdtext");
  if (text !== undefined) applyCdText(decodeCdText(packs(text)), plan, plan.tracks);
  return discMedium(plan);
}

/** `Entry 0=80 00 01 00 41 ...`, 16 bytes each, without the CRC. */
function packs(text: Section): Uint8Array {
  const entries: number[][] = [];
  for (const [key, value] of text.values) {
    if (!key.startsWith("entry ")) continue;
    const bytes = value.split(/\s+/).map((byte) => Number.parseInt(byte, 16) & 0xff);
    if (bytes.length >= ENTRY_BYTES) entries.push(bytes.slice(0, ENTRY_BYTES));
  }
  const all = new Uint8Array(entries.length * PACK_BYTES);
  entries.forEach((bytes, index) => {
    all.set(bytes, index * PACK_BYTES);
  });
  return all;
}
