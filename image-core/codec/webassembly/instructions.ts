/**
 * WebAssembly instructions as nested expressions (WebAssembly Core Specification 2.0, section 5.4):
 * `i32.add(i32.load(at), 1)` is the code that leaves that sum on the stack.
 *
 * Only what the decoders use. Everything is from version 1.0 of WebAssembly (2017): no processor
 * lacks it.
 */

/**
 * Bytes of instructions, in order. Nested, so that putting code together copies nothing. Branches
 * name the block that they leave or the loop that they repeat.
 */
export type Code = readonly (number | Code | Block | Branch)[];

interface Block {
  /** 0x02 block, 0x03 loop, 0x04 if. */
  opcode: number;
  /** An `if` has none: nothing branches to it. */
  label?: string;
  body: Code;
}

interface Branch {
  /** 0x0c always, 0x0d where the value on the stack is not 0. */
  branch: number;
  label: string;
}

export type ValueType = "i32" | "i64";

/** A parameter or a variable of a function. */
export class Local {
  constructor(
    readonly index: number,
    readonly type: ValueType,
  ) {}

  get get(): Code {
    return [0x20, unsigned(this.index)];
  }

  set(value: Operand): Code {
    return [operand(value, this.type), 0x21, unsigned(this.index)];
  }

  /** Sets it, and leaves the value on the stack. */
  tee(value: Operand): Code {
    return [operand(value, this.type), 0x22, unsigned(this.index)];
  }
}

/** A plain number is a constant. */
export type Operand = Code | Local | number | bigint;

function operand(value: Operand, type: ValueType): Code {
  if (value instanceof Local) return value.get;
  if (typeof value === "number" || typeof value === "bigint") {
    if (type === "i32") return [0x41, signed(Number(value) | 0)];
    return [0x42, signed(value)];
  }
  return value;
}

const unary =
  (opcode: number, type: ValueType) =>
  (value: Operand): Code => [operand(value, type), opcode];

const binary =
  (opcode: number, type: ValueType) =>
  (left: Operand, right: Operand): Code => [operand(left, type), operand(right, type), opcode];

/** `offset` is added to the address, without wrapping. No alignment is promised. */
const load =
  (opcode: number) =>
  (address: Operand, offset = 0): Code => [operand(address, "i32"), opcode, 0, unsigned(offset)];

const store =
  (opcode: number, type: ValueType) =>
  (address: Operand, value: Operand, offset = 0): Code => [
    operand(address, "i32"),
    operand(value, type),
    opcode,
    0,
    unsigned(offset),
  ];

/** One of two values, without a branch: both are computed. */
const select =
  (type: ValueType) =>
  (condition: Operand, then: Operand, otherwise: Operand): Code => [
    operand(then, type),
    operand(otherwise, type),
    operand(condition, "i32"),
    0x1b,
  ];

export const i32 = {
  load: load(0x28),
  load8: load(0x2d),
  load16: load(0x2f),
  store: store(0x36, "i32"),
  store8: store(0x3a, "i32"),
  equal: binary(0x46, "i32"),
  lessSigned: binary(0x48, "i32"),
  less: binary(0x49, "i32"),
  greaterSigned: binary(0x4a, "i32"),
  greater: binary(0x4b, "i32"),
  atLeastSigned: binary(0x4e, "i32"),
  atLeast: binary(0x4f, "i32"),
  add: binary(0x6a, "i32"),
  subtract: binary(0x6b, "i32"),
  multiply: binary(0x6c, "i32"),
  and: binary(0x71, "i32"),
  or: binary(0x72, "i32"),
  xor: binary(0x73, "i32"),
  shiftLeft: binary(0x74, "i32"),
  shiftRight: binary(0x76, "i32"),
  /** The low half of an i64. */
  of: unary(0xa7, "i64"),
  select: select("i32"),
};

export const i64 = {
  load: load(0x29),
  store: store(0x37, "i64"),
  notEqual: binary(0x52, "i64"),
  trailingZeros: unary(0x7a, "i64"),
  subtract: binary(0x7d, "i64"),
  multiply: binary(0x7e, "i64"),
  and: binary(0x83, "i64"),
  or: binary(0x84, "i64"),
  xor: binary(0x85, "i64"),
  shiftLeft: binary(0x86, "i64"),
  shiftRight: binary(0x88, "i64"),
  /** An i32, with zeros above it. */
  of: unary(0xad, "i32"),
  select: select("i64"),
};

export function sequence(...parts: Code[]): Code {
  return parts;
}

/** `leave(label)` and `leaveIf(label)` within it go on behind it. */
export function block(label: string, ...body: Code[]): Code {
  return [{ opcode: 0x02, label, body }];
}

/** Runs once, and again from its start at `repeat(label)` and `repeatIf(label)` within it. */
export function loop(label: string, ...body: Code[]): Code {
  return [{ opcode: 0x03, label, body }];
}

export function when(condition: Operand, ...body: Code[]): Code {
  return [operand(condition, "i32"), { opcode: 0x04, body }];
}

export function leave(label: string): Code {
  return [{ branch: 0x0c, label }];
}

export function leaveIf(label: string, condition: Operand): Code {
  return [operand(condition, "i32"), { branch: 0x0d, label }];
}

export function repeat(label: string): Code {
  return leave(label);
}

export function repeatIf(label: string, condition: Operand): Code {
  return leaveIf(label, condition);
}

/** Ends the function with this result. */
export function finish(result: Operand): Code {
  return [operand(result, "i32"), 0x0f];
}

/** LEB128 (section 5.2.2). */
export function unsigned(value: number): number[] {
  const bytes: number[] = [];
  for (; value > 0x7f; value = Math.floor(value / 128)) bytes.push((value & 0x7f) | 0x80);
  return [...bytes, value];
}

/** Of 64 bits at most. */
function signed(value: number | bigint): number[] {
  const bytes: number[] = [];
  if (typeof value === "number" && (value | 0) === value) {
    for (; value < -64 || value > 63; value >>= 7) bytes.push((value & 0x7f) | 0x80);
    return [...bytes, value & 0x7f];
  }
  let rest = BigInt.asIntN(64, BigInt(value));
  for (; rest < -64n || rest > 63n; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  return [...bytes, Number(rest & 0x7fn)];
}
