/** Opens a Nero image. */
import { ImageError } from "../../errors.js";
import type { Medium } from "../../format.js";
import type { ByteSource } from "../../source/byte-source.js";
import { readExactly } from "../../source/read-exactly.js";
import { applyCdText, decodeCdText } from "../disc/cd-text.js";
import { type DiscPlan, discMedium } from "../disc/disc.js";
import { type Chunk, chunks } from "./chunks.js";
import { DAO_HEADER_BYTES, decodeDaoHeader, decodeFooter } from "./structs.js";
import { type SessionChunks, sessionTracks } from "./tracks.js";

const ID = "nero";
const TAIL_BYTES = 12;

export function open(source: ByteSource): Medium {
  const tailBytes = Math.min(TAIL_BYTES, source.size);
  const tail = readExactly(source, source.size - tailBytes, tailBytes, ID, "footer");
  const footer = decodeFooter(tail, source.size);
  if (footer === undefined) throw new ImageError("corrupt", ID, "no footer that points at chunks");
  const { version } = footer;
  const plan: DiscPlan = { format: ID, tracks: [], details: { version }, warnings: [] };
  let session: SessionChunks = { number: 1 };
  let text: Chunk | undefined;
  const finishSession = () => {
    const tracks = sessionTracks(session, plan.tracks, version, source);
    plan.tracks.push(...tracks);
    if (tracks.length > 0) session = { number: session.number + 1 };
  };
  for (const chunk of chunks(source, footer)) {
    switch (chunk.id) {
      case "CUES":
      case "CUEX":
        session.cue = chunk;
        break;
      case "DAOI":
      case "DAOX":
        session.dao = chunk;
        addCatalog(plan, chunk);
        break;
      case "ETNF":
      case "ETN2":
        session.etn = chunk;
        break;
      case "SINF":
        finishSession();
        break;
      case "MTYP":
        if (chunk.data.byteLength >= 4) plan.details.mediaType = chunk.data.getUint32(0);
        break;
      case "CDTX":
        text ??= chunk;
        break;
    }
  }
  // Some writers leave the last SINF out.
  finishSession();
  if (plan.tracks.length === 0) {
    throw new ImageError("corrupt", ID, "no chunk describes a track (DAOI, DAOX, ETNF or ETN2)");
  }
  if (text !== undefined) {
    applyCdText(decodeCdText(new Uint8Array(text.data.buffer)), plan, plan.tracks);
  }
  return discMedium(plan);
}

function addCatalog(plan: DiscPlan, dao: Chunk): void {
  if (dao.data.byteLength < DAO_HEADER_BYTES) return;
  const { upc } = decodeDaoHeader(dao.data);
  if (/^\d{13}$/.test(upc)) plan.details.catalog = upc;
}
