/** What lies where in the memory of the LZMA decoder, and what its function returns. */

const STATES = 12;
const MAX_POSITION_STATES = 16;
/** lc + lp is at most 4 in LZMA2. */
export const MAX_LITERAL_BITS = 4;

// 32-bit words that live from call to call.
export const LITERAL_CONTEXT_BITS = 0;
/** Of the position times 256 and the last byte: the bits that choose a literal's context. */
export const LITERAL_MASK = 4;
export const POSITION_MASK = 8;
export const STATE = 12;
export const REP_0 = 16;
export const REP_1 = 20;
export const REP_2 = 24;
export const REP_3 = 28;
// Words that the function leaves behind: the last match's length, and how far it came.
export const LENGTH = 32;
export const STOPPED_FROM = 36;
export const STOPPED_TO = 40;
/** 64 bits. */
export const RANGE_CODE = 48;

// Where each set of probabilities begins, 2 bytes each; this one is the first.
export const IS_MATCH = 64;
export const IS_REP_0_LONG = IS_MATCH + STATES * MAX_POSITION_STATES * 2;
export const IS_REP = IS_REP_0_LONG + STATES * MAX_POSITION_STATES * 2;
export const IS_REP_0 = IS_REP + STATES * 2;
export const IS_REP_1 = IS_REP_0 + STATES * 2;
export const IS_REP_2 = IS_REP_1 + STATES * 2;
export const DISTANCE_SLOT = IS_REP_2 + STATES * 2;
export const DISTANCE_SPECIAL = DISTANCE_SLOT + 4 * 64 * 2;
export const DISTANCE_ALIGN = DISTANCE_SPECIAL + 128 * 2;
export const MATCH_LENGTH = DISTANCE_ALIGN + 16 * 2;
/** A length coder: choice, second choice, 16 low trees of 8, 16 middle trees of 8, a high one of 256. */
export const LENGTH_LOW = 2 * 2;
export const LENGTH_MIDDLE = LENGTH_LOW + MAX_POSITION_STATES * 8 * 2;
export const LENGTH_HIGH = LENGTH_MIDDLE + MAX_POSITION_STATES * 8 * 2;
export const REP_LENGTH = MATCH_LENGTH + LENGTH_HIGH + 256 * 2;
export const LITERAL = REP_LENGTH + LENGTH_HIGH + 256 * 2;
export const PROBABILITIES_END = LITERAL + (0x300 << MAX_LITERAL_BITS) * 2;

export const DONE = 0;
export const INPUT_ENDS = 1;
export const FAR_MATCH = 2;
export const LONG_MATCH = 3;

/**
 * A symbol is at most 48 decisions, each of which shifts in one byte of input at most; the input's end
 * is looked for between symbols. Copies by words write up to 7 bytes too much.
 */
export const SLACK = 64;
