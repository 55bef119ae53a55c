/** Checks every checksum that the containers of an image carry, and tells how far it is. */
import type { Medium } from "../../image-core/format.js";
import type { VerifyProgress } from "../rpc/protocol.js";

/** Between two words: often enough for a progress bar, seldom enough to cost nothing. */
const TELL_MILLISECONDS = 100;
/** A disc that is bad all over is bad: nobody reads more of it. */
const MAX_FINDINGS = 1000;

export interface CheckedLayer {
  /** Format id of the container. */
  format: string;
  medium: Medium;
}

export function verify(
  layers: readonly CheckedLayer[],
  tell: (progress: VerifyProgress) => void,
): void {
  const checked = layers.filter(({ medium }) => medium.verify !== undefined);
  const formats = checked.map(({ format }) => format);
  let findings: string[] = [];
  let told = Number.NEGATIVE_INFINITY;
  let count = 0;
  checked.forEach(({ medium }, index) => {
    const progress = (done: number, total: number) => {
      if (performance.now() - told < TELL_MILLISECONDS) return;
      told = performance.now();
      // Each layer is one part of the whole, however large: they are decoded into each other.
      const share = (index + done / Math.max(total, 1)) / checked.length;
      tell({ formats, share, findings, finished: false });
      findings = [];
    };
    for (const { message } of medium.verify?.(progress) ?? []) {
      if (++count <= MAX_FINDINGS) findings.push(message);
      else break;
    }
  });
  if (count > MAX_FINDINGS)
    findings.push(`more than ${MAX_FINDINGS} bad ranges; the rest was not looked at`);
  tell({ formats, share: 1, findings, finished: true });
}
