/** The modes that CUE sheets know, and what is stored of a sector in each. */
import { layoutOfSize, RAW_BYTES, type SectorLayout } from "../disc/sector.js";
import { sheetError } from "../disc/sheet.js";

/** With the subchannel: CD+G. */
const CDG_BYTES = 2448;

export type TrackMode =
  | { kind: "audio"; stride: number }
  | { kind: "mode1" | "mode2"; stride: number; layout: SectorLayout };

/** Throws `corrupt` for a mode that is none. */
export function trackMode(mode: string, line: number): TrackMode {
  if (mode === "AUDIO") return { kind: "audio", stride: RAW_BYTES };
  if (mode === "CDG") return { kind: "audio", stride: CDG_BYTES };
  const match = /^(MODE1|MODE2|CDI)\/(\d{4})$/.exec(mode);
  if (match !== null) {
    const number = match[1] === "MODE1" ? 1 : 2;
    const layout = layoutOfSize(number, Number(match[2]));
    if (layout !== undefined) {
      return { kind: number === 1 ? "mode1" : "mode2", stride: layout.stride, layout };
    }
  }
  throw sheetError("cue", line, `track mode ${JSON.stringify(mode)} is none`);
}
