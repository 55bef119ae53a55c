/** What one look at the machine has found. */

/**
 * `ok`: as it should be, or not needed here. `warning`: something works less well. `failure`:
 * nothing can be mounted like this.
 */
export type Verdict = "ok" | "warning" | "failure";

export interface Finding {
  /** What was looked at: `/dev/fuse`. */
  subject: string;
  verdict: Verdict;
  /** What was found, in words. */
  found: string;
  /** What does not work, or works less well, because of it. */
  cost?: string;
  /** The command that mends it; where there is none, what to do. */
  remedy?: string;
}

export function fine(subject: string, found: string): Finding {
  return { subject, verdict: "ok", found };
}

export function lack(
  verdict: "warning" | "failure",
  subject: string,
  found: string,
  cost: string,
  remedy: string,
): Finding {
  return { subject, verdict, found, cost, remedy };
}
