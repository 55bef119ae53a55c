/**
 * LZMA's range decoder (LZMA SDK, "LZMA specification", "The Decoding of bits") as WebAssembly:
 * pieces of code over the locals of the function that is being written.
 *
 * Bits that are hard to foretell (of literals, lengths, distances) are decoded without branches: a
 * mask that is -1 for a 0 bit and 0 for a 1 bit takes their place, because a branch that is foretold
 * wrongly costs more than the bit itself. `range` and `code` are 64-bit locals, so that the sign of a
 * difference is that mask.
 *
 * Probabilities are 16-bit words. A tree's node n is its n-th word; `node` holds 2 n, its offset.
 */
import {
  add,
  and,
  type Code,
  constant,
  decrease,
  type Expression,
  type FunctionBuilder,
  I32,
  I64,
  increase,
  type Local,
  load8To64,
  load16To64,
  ltU,
  mul,
  or,
  set,
  shl,
  shrS,
  shrU,
  store16Of64,
  sub,
  when,
  wrap,
  xor,
} from "../wasm/assembler.js";

const TOP = 1 << 24;
const MODEL_TOTAL_BITS = 11;
const MODEL_TOTAL = 1 << MODEL_TOTAL_BITS;
const MOVE_BITS = 5;
const ROUND_UP = (1 << MOVE_BITS) - 1;

export class RangeDecoder {
  readonly range: Local;
  readonly code: Local;
  /** -1 after a 0 bit, 0 after a 1 bit, of those that are decoded without branches. */
  readonly mask: Local;
  /** Twice the number of the tree's node that is decoded next. */
  readonly node: Local;
  private readonly bound: Local;
  private readonly probability: Local;
  private readonly ifZero: Local;
  private readonly ifOne: Local;
  private readonly at: Local;
  // Of `matchedTree`.
  private readonly choice: Local;
  private readonly otherBit: Local;
  private readonly byZero: Local;
  private readonly byOne: Local;

  /** `from`: the local with the input's position. */
  constructor(
    builder: FunctionBuilder,
    private readonly from: Local,
  ) {
    this.range = builder.local(I64);
    this.code = builder.local(I64);
    this.mask = builder.local(I64);
    this.node = builder.local(I32);
    this.bound = builder.local(I64);
    this.probability = builder.local(I64);
    this.ifZero = builder.local(I64);
    this.ifOne = builder.local(I64);
    this.at = builder.local(I32);
    this.choice = builder.local(I32);
    this.otherBit = builder.local(I32);
    this.byZero = builder.local(I32);
    this.byOne = builder.local(I32);
  }

  normalize(): Code {
    const { range, code, from } = this;
    return when(ltU(range, TOP), [
      set(range, shl(range, 8)),
      set(code, or(shl(code, 8), load8To64(from))),
      increase(from, 1),
    ]);
  }

  /** A bit that decides what comes next. The probability is at `address` + `offset`. */
  bit(address: Expression, offset: number, zero: Code, one: Code): Code {
    const { range, code, bound, probability, at } = this;
    return [
      set(at, address),
      set(probability, load16To64(at, offset)),
      set(bound, mul(shrU(range, MODEL_TOTAL_BITS), probability)),
      when(
        ltU(code, bound),
        [
          set(range, bound),
          store16Of64(
            at,
            add(probability, shrU(sub(constant(I64, MODEL_TOTAL), probability), MOVE_BITS)),
            offset,
          ),
          this.normalize(),
          zero,
        ],
        [
          decrease(range, bound),
          decrease(code, bound),
          store16Of64(at, sub(probability, shrU(probability, MOVE_BITS)), offset),
          this.normalize(),
          one,
        ],
      ),
    ];
  }

  /** Sets `mask`, given `probability`; stores it anew at `address` + `offset`. */
  private branchless(address: Expression, offset: number): Code {
    const { range, code, bound, probability, mask } = this;
    return [
      set(bound, mul(shrU(range, MODEL_TOTAL_BITS), probability)),
      decrease(code, bound),
      set(mask, shrS(code, 63)),
      // Towards MODEL_TOTAL by a 0, towards 0 by a 1: (2048 - p) >> 5 or -(p >> 5).
      store16Of64(
        address,
        add(
          probability,
          shrS(sub(add(and(mask, MODEL_TOTAL - ROUND_UP), ROUND_UP), probability), MOVE_BITS),
        ),
        offset,
      ),
      decrease(range, bound),
      set(range, add(range, and(sub(bound, range), mask))),
      set(code, add(code, and(bound, mask))),
    ];
  }

  /**
   * `bits` bits of a tree, the highest first, written out. Leaves twice the (2^bits + value) in
   * `node`. Both probabilities that can be next are read before the bit is known.
   */
  tree(address: Expression, offset: number, bits: number): Code {
    const { node, probability, ifZero, ifOne, mask, at } = this;
    const body: Code[] = [set(probability, load16To64(address, offset + 2)), set(node, 2)];
    for (let i = 0; i < bits; i++) {
      const isLast = i === bits - 1;
      body.push(
        set(at, add(address, node)),
        set(node, shl(node, 1)),
        isLast
          ? []
          : [
              set(ifZero, load16To64(add(address, node), offset)),
              set(ifOne, load16To64(add(address, node), offset + 2)),
            ],
        this.branchless(at, offset),
        set(node, add(add(node, 2), shl(wrap(mask), 1))),
        isLast ? [] : set(probability, xor(ifOne, and(xor(ifZero, ifOne), mask))),
        this.normalize(),
      );
    }
    return body;
  }

  /**
   * As `tree` with 8 bits, but of three trees: which is used depends on the bits of another byte, as
   * long as those decoded are the same. `other`: twice that byte; it is changed.
   */
  matchedTree(address: Expression, offset: number, other: Local): Code {
    const { node, probability, ifZero, ifOne, mask, at, choice, otherBit, byZero, byOne } = this;
    const next = (choiceNext: Expression, follower: Expression): Expression =>
      load16To64(add(address, add(add(choiceNext, and(other, choiceNext)), follower)), offset);
    const body: Code[] = [
      set(node, 2),
      set(choice, 0x200),
      set(other, shl(other, 1)),
      set(otherBit, and(other, choice)),
      set(at, add(address, add(add(choice, otherBit), node))),
      set(probability, load16To64(at, offset)),
    ];
    for (let i = 0; i < 8; i++) {
      const isLast = i === 7;
      body.push(
        set(node, shl(node, 1)),
        isLast
          ? []
          : [
              set(other, shl(other, 1)),
              set(byZero, and(choice, xor(otherBit, -1))),
              set(byOne, and(choice, otherBit)),
              set(ifZero, next(byZero, node)),
              set(ifOne, next(byOne, add(node, 2))),
            ],
        this.branchless(at, offset),
        set(node, add(add(node, 2), shl(wrap(mask), 1))),
        isLast
          ? []
          : [
              set(probability, xor(ifOne, and(xor(ifZero, ifOne), mask))),
              set(choice, and(choice, xor(otherBit, wrap(mask)))),
              set(otherBit, and(other, choice)),
              set(at, add(address, add(add(choice, otherBit), node))),
            ],
        this.normalize(),
      );
    }
    return body;
  }

  /** One bit, of a probability wherever it lies. */
  freeBit(address: Expression, offset: number): Code {
    return [
      set(this.at, address),
      set(this.probability, load16To64(this.at, offset)),
      this.branchless(this.at, offset),
      this.normalize(),
    ];
  }

  /** A bit without probability: both values are as likely. */
  directBit(): Code {
    const { range, code, mask } = this;
    return [
      set(range, shrU(range, 1)),
      decrease(code, range),
      set(mask, shrS(code, 63)),
      set(code, add(code, and(range, mask))),
      this.normalize(),
    ];
  }

  /** 1 after a 1 bit. */
  bitValue(): Expression {
    return add(wrap(this.mask), 1);
  }

  /** The node that follows: for trees whose bits are not written out. */
  descend(): Code {
    return set(this.node, add(add(shl(this.node, 1), 2), shl(wrap(this.mask), 1)));
  }
}
