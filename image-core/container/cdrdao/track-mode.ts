/** The track modes of TOC files, and what is stored of a sector in each (cdrdao(1), TRACK). */
import { type SectorLayout, sectorLayout } from "../disc/sector.js";

const AUDIO_BYTES = 2352;
const SUBCHANNEL_BYTES = 96;

export type TrackMode =
  | { kind: "audio"; stride: number }
  | { kind: "mode1" | "mode2"; stride: number; layout: SectorLayout };

const DATA_MODES: Readonly<Record<string, { mode: 1 | 2; stored: number }>> = {
  MODE1: { mode: 1, stored: 2048 },
  MODE1_RAW: { mode: 1, stored: 2352 },
  MODE2: { mode: 2, stored: 2336 },
  MODE2_RAW: { mode: 2, stored: 2352 },
  MODE2_FORM1: { mode: 2, stored: 2048 },
  MODE2_FORM2: { mode: 2, stored: 2324 },
  MODE2_FORM_MIX: { mode: 2, stored: 2336 },
};

/** `subchannel`: 96 bytes of it lie behind each sector. Undefined for a mode that is none. */
export function trackMode(name: string, subchannel: boolean): TrackMode | undefined {
  const extra = subchannel ? SUBCHANNEL_BYTES : 0;
  if (name === "AUDIO") return { kind: "audio", stride: AUDIO_BYTES + extra };
  const found = Object.hasOwn(DATA_MODES, name) ? DATA_MODES[name] : undefined;
  const layout = found && sectorLayout(found.mode, found.stored, extra);
  if (layout === undefined) return undefined;
  return { kind: layout.mode === 1 ? "mode1" : "mode2", stride: layout.stride, layout };
}
