/**
 * Checks the error codes of every data sector stored with them. Sectors without sync in an image
 * whose tracks nobody declared are audio and have none.
 */
import type { VerifyFinding } from "../../format.js";
import type { ByteSource } from "../../source/byte-source.js";
import { checkEcc } from "./ecc.js";
import { edc, storedEdc } from "./edc.js";
import { sectorName } from "./msf.js";
import { hasSync, headerMode, RAW_BYTES, type SectorLayout, SUBMODE_FORM2 } from "./sector.js";

/** Data sectors as they lie in a file. */
export interface StoredSectors {
  file: ByteSource;
  position: number;
  /** LBA of the first. */
  lba: number;
  sectors: number;
  layout: SectorLayout;
}

const RUN_SECTORS = 64;
const MODE2_BYTES = 2336;

export function* verifySectors(
  runs: readonly StoredSectors[],
  progress: (done: number, total: number) => void,
): Generator<VerifyFinding> {
  const total = runs.reduce((sum, run) => sum + run.sectors * run.layout.stride, 0);
  const sector = new Uint8Array(RAW_BYTES);
  let done = 0;
  for (const run of runs) {
    const { stride, stored } = run.layout;
    if (stored !== RAW_BYTES && stored !== MODE2_BYTES) {
      done += run.sectors * stride;
      continue;
    }
    const bytes = new Uint8Array(RUN_SECTORS * stride);
    const bad = new BadRange();
    for (let first = 0; first < run.sectors; first += RUN_SECTORS) {
      const count = Math.min(RUN_SECTORS, run.sectors - first);
      const got = run.file.read(run.position + first * stride, bytes, 0, count * stride);
      for (let i = 0; i < count; i++) {
        const lba = run.lba + first + i;
        const whole = (i + 1) * stride <= got;
        const problem = whole
          ? sectorProblem(bytes, i * stride, run.layout, sector)
          : { kind: "cut off", values: "the file ends before it" };
        const finding = bad.next(lba, problem);
        if (finding !== undefined) yield finding;
      }
      done += count * stride;
      progress(done, total);
    }
    const finding = bad.next(run.lba + run.sectors, undefined);
    if (finding !== undefined) yield finding;
  }
  progress(total, total);
}

interface Problem {
  /** Neighbours of the same kind make one finding. */
  kind: string;
  values: string;
}

/** Gathers consecutive bad sectors of one kind. */
class BadRange {
  private problem: Problem | undefined;
  private first = 0;

  /** The finding that ends before `lba`, if one does. */
  next(lba: number, problem: Problem | undefined): VerifyFinding | undefined {
    const before = this.problem;
    if (before !== undefined && problem?.kind === before.kind) return undefined;
    const first = this.first;
    this.problem = problem;
    this.first = lba;
    if (before === undefined) return undefined;
    if (first === lba - 1) return { message: `sector ${sectorName(first)}: ${before.values}` };
    return {
      message: `sectors ${sectorName(first)} to ${sectorName(lba - 1)}: ${before.values} in the first`,
    };
  }
}

/** `sector` is scratch memory for one whole sector. */
function sectorProblem(
  bytes: Uint8Array,
  start: number,
  layout: SectorLayout,
  sector: Uint8Array,
): Problem | undefined {
  sector.fill(0, 0, 16);
  if (layout.stored === MODE2_BYTES) {
    sector.set(bytes.subarray(start, start + MODE2_BYTES), 16);
    return mode2Problem(sector);
  }
  if (!hasSync(bytes, start)) {
    if (layout.userOffset < 0) return undefined;
    return { kind: "sync", values: "no sync pattern" };
  }
  const mode = headerMode(bytes, start);
  if (mode === 0) return undefined;
  if (mode === 1) {
    sector.set(bytes.subarray(start, start + RAW_BYTES));
    return edcProblem(sector, 0, 2064) ?? eccProblem(sector);
  }
  if (mode === 2) {
    // The header is not covered in mode 2, so that sectors can be moved: zeros stand for it.
    sector.set(bytes.subarray(start + 16, start + RAW_BYTES), 16);
    return mode2Problem(sector);
  }
  return { kind: "mode", values: `mode ${mode} is none of 0, 1 and 2` };
}

function mode2Problem(sector: Uint8Array): Problem | undefined {
  if (!isXa(sector)) return undefined;
  if ((sector[18] & SUBMODE_FORM2) !== 0) {
    // The standard makes the EDC of form 2 optional: zeros where there is none.
    return storedEdc(sector, 2348) === 0 ? undefined : edcProblem(sector, 16, 2332);
  }
  return edcProblem(sector, 16, 2056) ?? eccProblem(sector);
}

/** Formless mode 2 sectors carry no code; those of CD-ROM XA say their subheader twice. */
function isXa(sector: Uint8Array): boolean {
  for (let i = 16; i < 20; i++) if (sector[i] !== sector[i + 4]) return false;
  return true;
}

function edcProblem(sector: Uint8Array, start: number, length: number): Problem | undefined {
  const computed = edc(sector, start, length);
  const stored = storedEdc(sector, start + length);
  if (computed === stored) return undefined;
  return {
    kind: "edc",
    values: `EDC 0x${stored.toString(16)} instead of 0x${computed.toString(16)}`,
  };
}

function eccProblem(sector: Uint8Array): Problem | undefined {
  const { badP, badQ } = checkEcc(sector, 0);
  if (badP === 0 && badQ === 0) return undefined;
  return {
    kind: "ecc",
    values: `ECC: ${badP} of 86 P and ${badQ} of 52 Q vectors do not check (the EDC does)`,
  };
}
