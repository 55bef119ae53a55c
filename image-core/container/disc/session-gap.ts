/**
 * What lies between two sessions of a CD, in sectors (Orange Book part II; MMC-3 4.2.3): the
 * lead-out of one, the lead-in and the pregap of the next. 11400 after the first session in all.
 */
import { MSF_OFFSET } from "./msf.js";

const FIRST_LEAD_OUT = 6750;
const LATER_LEAD_OUT = 2250;
const LEAD_IN = 4500;

/** `session`: the one that ends. `leadIn` and `pregap`: where the sheet states them. */
export function sessionGap(session: number, leadIn = LEAD_IN, pregap = MSF_OFFSET): number {
  return (session === 1 ? FIRST_LEAD_OUT : LATER_LEAD_OUT) + leadIn + pregap;
}
