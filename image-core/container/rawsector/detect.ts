/**
 * Whether bytes are CD sectors stored with more than their user data, and in which layout.
 *
 * Whole sectors begin with the sync pattern. Without it, only what lies in the sectors tells: the
 * volume descriptors of sector 16 (ECMA-119 6.2.2, ECMA-167 2/8.3), or a Macintosh partition map.
 */
import { DESCRIPTOR_SECTOR, isDescriptor, matches } from "../disc/descriptor.js";
import {
  hasSync,
  headerMode,
  layoutOfSize,
  RAW_BYTES,
  type SectorLayout,
  sectorLayout,
} from "../disc/sector.js";

/** 2352 and the subchannels: 96 bytes of P to W, 16 bytes of Q. */
const RAW_STRIDES = [2352, 2448, 2368] as const;
/** Sectors looked at for a sync pattern; within the window of a probe. */
const SYNC_SECTORS = 16;

/** Layouts without sync, the likeliest first. */
const BARE_LAYOUTS: readonly SectorLayout[] = [
  sectorLayout(2, 2336),
  sectorLayout(2, 2056),
  sectorLayout(2, 2332),
  sectorLayout(1, 2340),
  sectorLayout(2, 2340),
  sectorLayout(2, 2336, 96),
  sectorLayout(1, 2048, 96),
  sectorLayout(1, 2048, 16),
  // Whole sectors whose sync somebody zeroed.
  sectorLayout(1, 2352),
  sectorLayout(2, 2352),
  sectorLayout(1, 2352, 96),
  sectorLayout(2, 2352, 96),
].filter((layout) => layout !== undefined);

export interface DetectedLayout {
  layout: SectorLayout;
  /** Of the sectors looked at, those with the sync pattern. */
  syncs: number;
}

/** `head`: the first bytes of the image, at least 40 KiB or all of it. */
export function detectLayout(head: Uint8Array): DetectedLayout | undefined {
  return detectSync(head) ?? detectBare(head);
}

function detectSync(head: Uint8Array): DetectedLayout | undefined {
  if (head.length < RAW_BYTES || !hasSync(head, 0)) return undefined;
  let best: { stride: number; syncs: number; looked: number } | undefined;
  for (const stride of RAW_STRIDES) {
    const looked = Math.min(SYNC_SECTORS, Math.floor(head.length / stride));
    let syncs = 0;
    for (let sector = 0; sector < looked; sector++) if (hasSync(head, sector * stride)) syncs++;
    if (best === undefined || syncs > best.syncs) best = { stride, syncs, looked };
  }
  // A damaged sector or two may lack it.
  if (best === undefined || best.syncs * 2 < best.looked) return undefined;
  const mode = modeOf(head, best.stride);
  const layout = mode === undefined ? undefined : layoutOfSize(mode, best.stride);
  if (layout === undefined) return undefined;
  // Nobody said which sectors are data: those without sync are audio.
  return { layout: { ...layout, userOffset: -1 }, syncs: best.syncs };
}

/** Of the descriptor sector, for pregaps may be of another mode or of none; else of the first. */
function modeOf(head: Uint8Array, stride: number): 1 | 2 | undefined {
  for (const sector of [DESCRIPTOR_SECTOR, 0]) {
    const at = sector * stride;
    if (at + RAW_BYTES > head.length || !hasSync(head, at)) continue;
    const mode = headerMode(head, at);
    if (mode === 1 || mode === 2) return mode;
    if (mode === 0) return 1;
  }
  return undefined;
}

function detectBare(head: Uint8Array): DetectedLayout | undefined {
  for (const layout of BARE_LAYOUTS) {
    const descriptor = DESCRIPTOR_SECTOR * layout.stride + layout.userOffset;
    const subheaders = layout.mode === 1 || subheadersFit(head, layout);
    if (subheaders && (isDescriptor(head, descriptor) || isMacintosh(head, layout))) {
      return { layout, syncs: 0 };
    }
  }
  return undefined;
}

/** CD-ROM XA says each subheader twice, and the first sectors are never damaged all. */
function subheadersFit(head: Uint8Array, layout: SectorLayout): boolean {
  const subheader = layout.userOffset - 8;
  let fitting = 0;
  let looked = 0;
  for (; looked < 4 && (looked + 1) * layout.stride <= head.length; looked++) {
    const at = looked * layout.stride + subheader;
    let same = true;
    for (let i = 0; i < 4; i++) same &&= head[at + i] === head[at + i + 4];
    if (same) fitting++;
  }
  return fitting * 2 >= looked;
}

/**
 * A driver descriptor map and a partition map behind it (Inside Macintosh: Devices, 3-12). Where the
 * first sector's user bytes come first, a plain disk looks the same.
 */
function isMacintosh(head: Uint8Array, layout: SectorLayout): boolean {
  const first = layout.userOffset;
  return first > 0 && matches(head, first, "ER") && matches(head, first + 512, "PM");
}
