/**
 * What the supervisor and the keeper say to each other: one JSON object a packet over a unix
 * seqpacket socket, descriptors as SCM_RIGHTS.
 */

export type ToKeeper =
  /** Descriptor: what to keep under this name. */
  | { type: "keep"; name: string }
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
