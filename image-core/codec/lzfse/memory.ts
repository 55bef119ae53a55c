/** What lies where in the memory of the LZFSE and LZVN decoders, and what their functions return. */

export const L_STATES = 64;
export const M_STATES = 64;
export const D_STATES = 256;
export const LITERAL_STATES = 1024;
export const MAX_LITERALS = 40_000;

/** How far copies by words may read and write beyond their ends, and bits be read before theirs. */
export const SLACK = 32;

// Words that a function leaves behind: how far it came, and the distance of the last match.
export const STOPPED = 0;
export const STOPPED_TO = 4;
export const DISTANCE = 8;
// Of LZVN also: where in the input, behind what is known of the opcode, and the opcode's counts.
export const STOPPED_FROM = 12;
export const LITERAL_COUNT = 16;
export const MATCH_LENGTH = 20;
/** Of four bytes: bits to read, symbol, and what to add to them for the next state (16 bits). */
export const LITERAL_TABLE = 64;
/**
 * Of eight bytes: bits of the next state, extra bits of the value, what to add to the former (16
 * bits) and to the latter (32 bits).
 */
export const L_TABLE = LITERAL_TABLE + LITERAL_STATES * 4;
export const M_TABLE = L_TABLE + L_STATES * 8;
export const D_TABLE = M_TABLE + M_STATES * 8;
/** Of eight bytes, as `lzvn/opcodes.ts` says. */
export const LZVN_TABLE = D_TABLE + D_STATES * 8;
/** One block's. */
export const LITERALS = LZVN_TABLE + 256 * 8;
/** The output, and behind it the input. */
export const OUTPUT = LITERALS + MAX_LITERALS + SLACK;

export const DONE = 0;
export const STREAM_ENDS = 1;
export const FEW_LITERALS = 2;
export const LITTLE_ROOM = 3;
export const FAR_MATCH = 4;
export const FEW_BYTES = 5;
export const NO_END_MARK = 6;
export const CUT_OPCODE = 7;
export const UNDEFINED_OPCODE = 8;
export const LONG_MATCH = 9;
