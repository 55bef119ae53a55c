/**
 * What the supervisor and the keeper say to each other: one JSON object a packet over a unix
 * seqpacket socket, descriptors as SCM_RIGHTS.
 */

/** So many descriptors surely fit one packet. */
export const DESCRIPTORS_A_PACKET = 64;

export type ToKeeper =
  /** A descriptor for each name. */
  | { type: "keep"; names: string[] }
  | { type: "forget"; name: string }
  /** Asks for everything that is kept; it stays kept. */
  | { type: "give" };

/** Part of the answer to `give`: a descriptor for each name. */
export interface FromKeeper {
  type: "given";
  /** The keeper's own. */
  pid: number;
  names: string[];
  last: boolean;
}
