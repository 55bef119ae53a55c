/**
 * LZMA symbols (LZMA SDK, "LZMA specification"): range-coded literals and matches, the core of the
 * LZMA2 chunks of xz.
 *
 * The output is the dictionary: a whole stream is decoded into one array, so nothing slides. All
 * range decoding is written out in one function, because a call or a field access for each bit
 * costs half the speed.
 */
import { corrupt } from "../errors.js";

const PROBABILITY_ONE_HALF = 1024;
const STATES = 12;
const LITERAL_STATES = 7;
const MAX_POSITION_STATES = 16;
const MIN_MATCH = 2;

// Where each set of probabilities begins in one array.
const IS_MATCH = 0;
const IS_REP = IS_MATCH + STATES * MAX_POSITION_STATES;
const IS_REP_0 = IS_REP + STATES;
const IS_REP_1 = IS_REP_0 + STATES;
const IS_REP_2 = IS_REP_1 + STATES;
const IS_REP_0_LONG = IS_REP_2 + STATES;
const DISTANCE_SLOT = IS_REP_0_LONG + STATES * MAX_POSITION_STATES;
const DISTANCE_SPECIAL = DISTANCE_SLOT + 4 * 64;
const DISTANCE_ALIGN = DISTANCE_SPECIAL + 128;
const MATCH_LENGTH = DISTANCE_ALIGN + 16;
/** A length coder: choice, second choice, 16 low trees of 8, 16 middle trees of 8, a high one of 256. */
const LENGTH_LOW = 2;
const LENGTH_MIDDLE = LENGTH_LOW + MAX_POSITION_STATES * 8;
const LENGTH_HIGH = LENGTH_MIDDLE + MAX_POSITION_STATES * 8;
const REP_LENGTH = MATCH_LENGTH + LENGTH_HIGH + 256;
const LITERAL = REP_LENGTH + LENGTH_HIGH + 256;
/** lc + lp is at most 4 in LZMA2. */
const MAX_LITERAL_BITS = 4;

export class LzmaDecoder {
  private readonly probabilities = new Uint16Array(LITERAL + (0x300 << MAX_LITERAL_BITS));
  private state = 0;
  private rep0 = 0;
  private rep1 = 0;
  private rep2 = 0;
  private rep3 = 0;
  private literalContextBits = 3;
  private literalPositionBits = 0;
  private positionBits = 2;

  /** `properties`: (pb * 5 + lp) * 9 + lc. Resets the state as well. */
  setProperties(properties: number, position: number): void {
    const lc = properties % 9;
    const lp = Math.floor(properties / 9) % 5;
    const pb = Math.floor(properties / 45);
    if (pb > 4 || lc + lp > MAX_LITERAL_BITS) {
      throw corrupt("lzma", "properties", position, `lc ${lc}, lp ${lp}, pb ${pb}`);
    }
    this.literalContextBits = lc;
    this.literalPositionBits = lp;
    this.positionBits = pb;
    this.resetState();
  }

  resetState(): void {
    this.probabilities.fill(PROBABILITY_ONE_HALF);
    this.state = 0;
    this.rep0 = this.rep1 = this.rep2 = this.rep3 = 0;
  }

  /**
   * Decodes exactly `output[to..outputEnd)` from exactly `input[from..inputEnd)`, which begins with
   * the range coder's five bytes. `dictionaryStart`: how far back in `output` matches may reach.
   */
  decode(
    input: Uint8Array,
    from: number,
    inputEnd: number,
    output: Uint8Array,
    to: number,
    outputEnd: number,
    dictionaryStart: number,
  ): void {
    const start = from;
    if (inputEnd - from < 5 || input[from] !== 0) {
      throw corrupt("lzma", "range coder", start, "its first byte is not 0");
    }
    const probs = this.probabilities;
    const literalContextShift = 8 - this.literalContextBits;
    const literalContextBits = this.literalContextBits;
    const literalPositionMask = (1 << this.literalPositionBits) - 1;
    const positionMask = (1 << this.positionBits) - 1;
    let { state, rep0, rep1, rep2, rep3 } = this;
    // Both are unsigned 32-bit values kept as signed ones: compared by >>> 0.
    let range = -1;
    let code =
      (input[from + 1] << 24) | (input[from + 2] << 16) | (input[from + 3] << 8) | input[from + 4];
    from += 5;
    let index = 0;
    let probability = 0;
    let bound = 0;

    while (to < outputEnd) {
      // Reading past the end yields zeros, and is caught here before much comes of it.
      if (from > inputEnd) throw corrupt("lzma", "chunk", start, "the input ends in it");
      const positionState = (to - dictionaryStart) & positionMask;

      index = IS_MATCH + (state << 4) + positionState;
      probability = probs[index];
      bound = Math.imul(range >>> 11, probability);
      if (code >>> 0 < bound >>> 0) {
        range = bound;
        probs[index] = probability + ((2048 - probability) >> 5);
        if (range >>> 24 === 0) {
          range <<= 8;
          code = (code << 8) | input[from++];
        }
        const previous = to > dictionaryStart ? output[to - 1] : 0;
        const base =
          LITERAL +
          0x300 *
            ((((to - dictionaryStart) & literalPositionMask) << literalContextBits) +
              (previous >> literalContextShift));
        let symbol = 1;
        if (state >= LITERAL_STATES) {
          if (rep0 >= to - dictionaryStart) throw farMatch(start, rep0, to - dictionaryStart);
          let matched = output[to - rep0 - 1];
          let offset = 0x100;
          while (symbol < 0x100) {
            matched <<= 1;
            const bit = matched & offset;
            index = base + offset + bit + symbol;
            probability = probs[index];
            bound = Math.imul(range >>> 11, probability);
            if (code >>> 0 < bound >>> 0) {
              range = bound;
              probs[index] = probability + ((2048 - probability) >> 5);
              symbol <<= 1;
              offset ^= bit;
            } else {
              range = (range - bound) | 0;
              code = (code - bound) | 0;
              probs[index] = probability - (probability >> 5);
              symbol = (symbol << 1) | 1;
              offset = bit;
            }
            if (range >>> 24 === 0) {
              range <<= 8;
              code = (code << 8) | input[from++];
            }
          }
        } else {
          while (symbol < 0x100) {
            index = base + symbol;
            probability = probs[index];
            bound = Math.imul(range >>> 11, probability);
            if (code >>> 0 < bound >>> 0) {
              range = bound;
              probs[index] = probability + ((2048 - probability) >> 5);
              symbol <<= 1;
            } else {
              range = (range - bound) | 0;
              code = (code - bound) | 0;
              probs[index] = probability - (probability >> 5);
              symbol = (symbol << 1) | 1;
            }
            if (range >>> 24 === 0) {
              range <<= 8;
              code = (code << 8) | input[from++];
            }
          }
        }
        output[to++] = symbol;
        state = state < 4 ? 0 : state < 10 ? state - 3 : state - 6;
        continue;
      }
      range = (range - bound) | 0;
      code = (code - bound) | 0;
      probs[index] = probability - (probability >> 5);
      if (range >>> 24 === 0) {
        range <<= 8;
        code = (code << 8) | input[from++];
      }

      // A match: new, or one of the four distances before.
      let lengthCoder = MATCH_LENGTH;
      let isNew = false;
      index = IS_REP + state;
      probability = probs[index];
      bound = Math.imul(range >>> 11, probability);
      if (code >>> 0 < bound >>> 0) {
        range = bound;
        probs[index] = probability + ((2048 - probability) >> 5);
        if (range >>> 24 === 0) {
          range <<= 8;
          code = (code << 8) | input[from++];
        }
        isNew = true;
        rep3 = rep2;
        rep2 = rep1;
        rep1 = rep0;
      } else {
        range = (range - bound) | 0;
        code = (code - bound) | 0;
        probs[index] = probability - (probability >> 5);
        if (range >>> 24 === 0) {
          range <<= 8;
          code = (code << 8) | input[from++];
        }
        lengthCoder = REP_LENGTH;
        index = IS_REP_0 + state;
        probability = probs[index];
        bound = Math.imul(range >>> 11, probability);
        if (code >>> 0 < bound >>> 0) {
          range = bound;
          probs[index] = probability + ((2048 - probability) >> 5);
          if (range >>> 24 === 0) {
            range <<= 8;
            code = (code << 8) | input[from++];
          }
          index = IS_REP_0_LONG + (state << 4) + positionState;
          probability = probs[index];
          bound = Math.imul(range >>> 11, probability);
          if (code >>> 0 < bound >>> 0) {
            range = bound;
            probs[index] = probability + ((2048 - probability) >> 5);
            if (range >>> 24 === 0) {
              range <<= 8;
              code = (code << 8) | input[from++];
            }
            // One byte at the last distance.
            if (rep0 >= to - dictionaryStart) throw farMatch(start, rep0, to - dictionaryStart);
            output[to] = output[to - rep0 - 1];
            to++;
            state = state < LITERAL_STATES ? 9 : 11;
            continue;
          }
          range = (range - bound) | 0;
          code = (code - bound) | 0;
          probs[index] = probability - (probability >> 5);
          if (range >>> 24 === 0) {
            range <<= 8;
            code = (code << 8) | input[from++];
          }
        } else {
          range = (range - bound) | 0;
          code = (code - bound) | 0;
          probs[index] = probability - (probability >> 5);
          if (range >>> 24 === 0) {
            range <<= 8;
            code = (code << 8) | input[from++];
          }
          let distance: number;
          index = IS_REP_1 + state;
          probability = probs[index];
          bound = Math.imul(range >>> 11, probability);
          if (code >>> 0 < bound >>> 0) {
            range = bound;
            probs[index] = probability + ((2048 - probability) >> 5);
            distance = rep1;
          } else {
            range = (range - bound) | 0;
            code = (code - bound) | 0;
            probs[index] = probability - (probability >> 5);
            if (range >>> 24 === 0) {
              range <<= 8;
              code = (code << 8) | input[from++];
            }
            index = IS_REP_2 + state;
            probability = probs[index];
            bound = Math.imul(range >>> 11, probability);
            if (code >>> 0 < bound >>> 0) {
              range = bound;
              probs[index] = probability + ((2048 - probability) >> 5);
              distance = rep2;
            } else {
              range = (range - bound) | 0;
              code = (code - bound) | 0;
              probs[index] = probability - (probability >> 5);
              distance = rep3;
              rep3 = rep2;
            }
            rep2 = rep1;
          }
          if (range >>> 24 === 0) {
            range <<= 8;
            code = (code << 8) | input[from++];
          }
          rep1 = rep0;
          rep0 = distance;
        }
      }

      // The length: which of three trees, then its bits.
      let tree = lengthCoder + LENGTH_LOW + (positionState << 3);
      let treeBits = 3;
      let length = MIN_MATCH;
      index = lengthCoder;
      probability = probs[index];
      bound = Math.imul(range >>> 11, probability);
      if (code >>> 0 < bound >>> 0) {
        range = bound;
        probs[index] = probability + ((2048 - probability) >> 5);
      } else {
        range = (range - bound) | 0;
        code = (code - bound) | 0;
        probs[index] = probability - (probability >> 5);
        if (range >>> 24 === 0) {
          range <<= 8;
          code = (code << 8) | input[from++];
        }
        index = lengthCoder + 1;
        probability = probs[index];
        bound = Math.imul(range >>> 11, probability);
        if (code >>> 0 < bound >>> 0) {
          range = bound;
          probs[index] = probability + ((2048 - probability) >> 5);
          tree = lengthCoder + LENGTH_MIDDLE + (positionState << 3);
          length = MIN_MATCH + 8;
        } else {
          range = (range - bound) | 0;
          code = (code - bound) | 0;
          probs[index] = probability - (probability >> 5);
          tree = lengthCoder + LENGTH_HIGH;
          treeBits = 8;
          length = MIN_MATCH + 16;
        }
      }
      if (range >>> 24 === 0) {
        range <<= 8;
        code = (code << 8) | input[from++];
      }
      let symbol = 1;
      for (let i = treeBits; i > 0; i--) {
        index = tree + symbol;
        probability = probs[index];
        bound = Math.imul(range >>> 11, probability);
        if (code >>> 0 < bound >>> 0) {
          range = bound;
          probs[index] = probability + ((2048 - probability) >> 5);
          symbol <<= 1;
        } else {
          range = (range - bound) | 0;
          code = (code - bound) | 0;
          probs[index] = probability - (probability >> 5);
          symbol = (symbol << 1) | 1;
        }
        if (range >>> 24 === 0) {
          range <<= 8;
          code = (code << 8) | input[from++];
        }
      }
      length += symbol - (1 << treeBits);

      if (!isNew) state = state < LITERAL_STATES ? 8 : 11;
      else {
        // The distance: a slot, and for the larger ones tree bits or plain bits.
        state = state < LITERAL_STATES ? 7 : 10;
        tree = DISTANCE_SLOT + (Math.min(length - MIN_MATCH, 3) << 6);
        symbol = 1;
        while (symbol < 64) {
          index = tree + symbol;
          probability = probs[index];
          bound = Math.imul(range >>> 11, probability);
          if (code >>> 0 < bound >>> 0) {
            range = bound;
            probs[index] = probability + ((2048 - probability) >> 5);
            symbol <<= 1;
          } else {
            range = (range - bound) | 0;
            code = (code - bound) | 0;
            probs[index] = probability - (probability >> 5);
            symbol = (symbol << 1) | 1;
          }
          if (range >>> 24 === 0) {
            range <<= 8;
            code = (code << 8) | input[from++];
          }
        }
        const slot = symbol - 64;
        if (slot < 4) rep0 = slot;
        else {
          let footerBits = (slot >> 1) - 1;
          rep0 = (2 | (slot & 1)) << footerBits;
          if (slot < 14) {
            tree = DISTANCE_SPECIAL + rep0 - slot;
          } else {
            for (let i = footerBits - 4; i > 0; i--) {
              range >>>= 1;
              if (code >>> 0 >= range >>> 0) {
                code = (code - range) | 0;
                rep0 |= 1 << (i + 3);
              }
              if (range >>> 24 === 0) {
                range <<= 8;
                code = (code << 8) | input[from++];
              }
            }
            footerBits = 4;
            tree = DISTANCE_ALIGN;
          }
          symbol = 1;
          for (let i = 0; i < footerBits; i++) {
            index = tree + symbol;
            probability = probs[index];
            bound = Math.imul(range >>> 11, probability);
            if (code >>> 0 < bound >>> 0) {
              range = bound;
              probs[index] = probability + ((2048 - probability) >> 5);
              symbol <<= 1;
            } else {
              range = (range - bound) | 0;
              code = (code - bound) | 0;
              probs[index] = probability - (probability >> 5);
              symbol = (symbol << 1) | 1;
              rep0 |= 1 << i;
            }
            if (range >>> 24 === 0) {
              range <<= 8;
              code = (code << 8) | input[from++];
            }
          }
        }
      }

      // Signed on purpose: distances from 2^31 up, and the end mark, come out negative.
      if (rep0 < 0 || rep0 >= to - dictionaryStart) {
        throw farMatch(start, rep0 >>> 0, to - dictionaryStart);
      }
      if (length > outputEnd - to) {
        throw corrupt("lzma", "chunk", start, `a match of ${length}, room for ${outputEnd - to}`);
      }
      const distance = rep0 + 1;
      for (const end = to + length; to < end; to++) output[to] = output[to - distance];
    }
    if (from !== inputEnd || code !== 0) {
      throw corrupt("lzma", "chunk", start, `${inputEnd - from} bytes are left behind its output`);
    }
    this.state = state;
    this.rep0 = rep0;
    this.rep1 = rep1;
    this.rep2 = rep2;
    this.rep3 = rep3;
  }
}

function farMatch(chunk: number, distance: number, there: number): Error {
  return corrupt("lzma", "chunk", chunk, `a match ${distance + 1} bytes back, ${there} are there`);
}
