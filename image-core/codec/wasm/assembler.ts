/**
 * Writes WebAssembly functions (WebAssembly Core Specification 1.0, chapter 5, "Binary Format") from
 * expressions and statements, for decoders that need what JavaScript lacks: 64-bit integers, exact
 * unsigned 32-bit ones and memory that is not checked access by access.
 *
 * An operand that is a plain number or bigint becomes a constant of the other operand's type.
 * Everything is from version 1.0 of WebAssembly (2017): no processor lacks it.
 */
import { signedLeb, unsignedLeb } from "./leb128.js";

export const I32 = 0x7f;
export const I64 = 0x7e;
export type Type = typeof I32 | typeof I64;

/** What a branch leaves (a block) or begins anew (a loop): told from others by identity. */
class Label {
  readonly kind = "label";
}

interface Block {
  readonly opcode: number;
  readonly label: Label;
  readonly body: Code;
}
interface Branch {
  readonly opcode: number;
  readonly target: Label;
}
/** Bytes, and what can only be written where the labels around it are known. */
export type Code = readonly (number | Code | Block | Branch)[];

export interface Expression {
  readonly type: Type;
  readonly code: Code;
}
export interface Local extends Expression {
  readonly index: number;
}
/** A bigint for what a number does not hold exactly. */
export type Operand = Expression | number | bigint;

export const constant = (type: Type, value: number | bigint): Expression => ({
  type,
  code: type === I32 ? [0x41, ...signedLeb(Number(value) | 0)] : [0x42, ...signedLeb(value)],
});
const codeOf = (operand: Operand, type: Type): Code =>
  typeof operand === "object" ? operand.code : constant(type, operand).code;

const arithmetic =
  (opcode32: number, opcode64: number) =>
  (a: Operand, b: Operand): Expression => {
    const type = typeOf(a, b);
    const opcode = type === I32 ? opcode32 : opcode64;
    return { type, code: [codeOf(a, type), codeOf(b, type), opcode] };
  };
const comparison = (opcode32: number, opcode64: number) => {
  const compare = arithmetic(opcode32, opcode64);
  return (a: Operand, b: Operand): Expression => ({ type: I32, code: compare(a, b).code });
};
/** Two constants are of type i32. */
function typeOf(a: Operand, b: Operand): Type {
  if (typeof a === "object") return a.type;
  return typeof b === "object" ? b.type : I32;
}

export const add = arithmetic(0x6a, 0x7c);
export const sub = arithmetic(0x6b, 0x7d);
export const mul = arithmetic(0x6c, 0x7e);
export const and = arithmetic(0x71, 0x83);
export const or = arithmetic(0x72, 0x84);
export const xor = arithmetic(0x73, 0x85);
export const shl = arithmetic(0x74, 0x86);
export const shrS = arithmetic(0x75, 0x87);
export const shrU = arithmetic(0x76, 0x88);
export const eq = comparison(0x46, 0x51);
export const ne = comparison(0x47, 0x52);
export const ltS = comparison(0x48, 0x53);
export const ltU = comparison(0x49, 0x54);
export const gtS = comparison(0x4a, 0x55);
export const gtU = comparison(0x4b, 0x56);
export const geS = comparison(0x4e, 0x59);
export const geU = comparison(0x4f, 0x5a);

export const wrap = (a: Expression): Expression => ({ type: I32, code: [a.code, 0xa7] });
/** Unsigned. */
export const extend = (a: Expression): Expression => ({ type: I64, code: [a.code, 0xad] });
/** The number of zero bits below the lowest one that is set. */
export const ctz = (a: Expression): Expression => ({
  type: a.type,
  code: [a.code, a.type === I32 ? 0x68 : 0x7a],
});
/** `a` if `condition`, an i32, is not 0; both are computed. */
export const select = (condition: Expression, a: Operand, b: Operand): Expression => {
  const type = typeOf(a, b);
  return { type, code: [codeOf(a, type), codeOf(b, type), condition.code, 0x1b] };
};

/** Alignment is only a hint; 1 is always right. */
const load =
  (type: Type, opcode: number) =>
  (address: Operand, offset = 0): Expression => ({
    type,
    code: [codeOf(address, I32), opcode, 0, ...unsignedLeb(offset)],
  });
const store =
  (type: Type, opcode: number) =>
  (address: Operand, value: Operand, offset = 0): Code => [
    codeOf(address, I32),
    codeOf(value, type),
    opcode,
    0,
    ...unsignedLeb(offset),
  ];

export const load32 = load(I32, 0x28);
export const load64 = load(I64, 0x29);
export const load8 = load(I32, 0x2d);
export const load16 = load(I32, 0x2f);
export const load8To64 = load(I64, 0x31);
export const load16To64 = load(I64, 0x33);
/** Signed. */
export const load32To64 = load(I64, 0x34);
export const store32 = store(I32, 0x36);
export const store64 = store(I64, 0x37);
export const store8 = store(I32, 0x3a);
export const store8Of64 = store(I64, 0x3c);
export const store16Of64 = store(I64, 0x3d);

export const set = (local: Local, value: Operand): Code => [
  codeOf(value, local.type),
  0x21,
  ...unsignedLeb(local.index),
];
export const increase = (local: Local, by: Operand): Code => set(local, add(local, by));
export const decrease = (local: Local, by: Operand): Code => set(local, sub(local, by));
export const finish = (result: Operand): Code => [codeOf(result, I32), 0x0f];

const IF = 0x04;
export const when = (condition: Expression, then: Code, otherwise?: Code): Code => [
  condition.code,
  {
    opcode: IF,
    label: new Label(),
    body: otherwise === undefined ? then : [then, 0x05, otherwise],
  },
];
/** `body` is given its own label: a branch to it leaves the block. */
export const block = (body: (end: Label) => Code): Code => labelled(0x02, body);
/** `body` is given its own label: a branch to it goes round again; the end of the body leaves. */
export const loop = (body: (again: Label) => Code): Code => labelled(0x03, body);
export const goTo = (target: Label): Code => [{ opcode: 0x0c, target }];
export const goToIf = (condition: Expression, target: Label): Code => [
  condition.code,
  { opcode: 0x0d, target },
];

function labelled(opcode: number, body: (label: Label) => Code): Code {
  const label = new Label();
  return [{ opcode, label, body: body(label) }];
}

/** One function that returns an i32: its parameters are all i32. */
export class FunctionBuilder {
  readonly parameters: Local[];
  readonly types: Type[] = [];
  private body: Code = [];

  constructor(parameterCount: number) {
    this.parameters = Array.from({ length: parameterCount }, (_, index) => local(I32, index));
  }

  /** Begins as 0. */
  local(type: Type): Local {
    this.types.push(type);
    return local(type, this.parameters.length + this.types.length - 1);
  }

  /** Every way through it has to `finish`. */
  define(body: Code): this {
    this.body = body;
    return this;
  }

  /** An entry of the code section (5.5.13). */
  encode(): number[] {
    const bytes = [...unsignedLeb(this.types.length)];
    for (const type of this.types) bytes.push(1, type);
    write(this.body, [], bytes);
    // `unreachable`: the validator need not see that every way has finished.
    bytes.push(0x00, 0x0b);
    return bytes;
  }
}

function local(type: Type, index: number): Local {
  return { type, index, code: [0x20, ...unsignedLeb(index)] };
}

function write(code: Code, labels: readonly Label[], bytes: number[]): void {
  for (const item of code) {
    if (typeof item === "number") bytes.push(item);
    else if ("target" in item) {
      // Counted from the innermost.
      const depth = labels.indexOf(item.target);
      if (depth < 0) throw new RangeError("a branch to a block that is not around it");
      bytes.push(item.opcode, ...unsignedLeb(depth));
    } else if ("body" in item) {
      bytes.push(item.opcode, 0x40);
      write(item.body, [item.label, ...labels], bytes);
      bytes.push(0x0b);
    } else write(item, labels, bytes);
  }
}
