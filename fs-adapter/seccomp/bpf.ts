/**
 * Classic BPF programs for seccomp(2), which look at one system call and return an action.
 *
 * Source: the kernel's include/uapi/linux/{bpf_common,filter,seccomp}.h. All fields are
 * little-endian, as every machine that Node runs Linux on is.
 */

/** struct sock_filter. Jumps count the instructions that are passed over. */
export interface Instruction {
  code: number;
  /** Where to go on if the comparison holds, and if it does not. */
  jt: number;
  jf: number;
  k: number;
}

const Code = {
  /** A 32-bit word of struct seccomp_data, at `k`. */
  LD_W_ABS: 0x20,
  AND_K: 0x54,
  JMP_JA: 0x05,
  JMP_JEQ_K: 0x15,
  RET_K: 0x06,
} as const;

/** Offsets in struct seccomp_data. */
const DataOffset = { nr: 0, arch: 4, args: 16 } as const;

export const Action = {
  KILL_PROCESS: 0x80000000,
  ERRNO: 0x00050000,
  ALLOW: 0x7fff0000,
} as const;

const MAX_JUMP = 255;

function load(offset: number): Instruction {
  return { code: Code.LD_W_ABS, jt: 0, jf: 0, k: offset };
}

function equal(k: number, jt: number, jf: number): Instruction {
  if (jt > MAX_JUMP || jf > MAX_JUMP) throw new Error("a jump of more than 255 instructions");
  return { code: Code.JMP_JEQ_K, jt, jf, k };
}

export function end(action: number): Instruction {
  return { code: Code.RET_K, jt: 0, jf: 0, k: action };
}

/** Ends with `foreign` unless the call comes by `arch`; then the call's number is loaded. */
export function callOf(arch: number, foreign: number): Instruction[] {
  return [load(DataOffset.arch), equal(arch, 1, 0), end(foreign), load(DataOffset.nr)];
}

/** Ends with `action` if the number that is loaded is any of these. */
export function anyOf(numbers: readonly number[], action: number): Instruction[] {
  const tests = numbers.map((number, i) => equal(number, numbers.length - i, 0));
  return [...tests, { code: Code.JMP_JA, jt: 0, jf: 0, k: 1 }, end(action)];
}

export interface ArgumentTest {
  /** From 0. Its lower 32 bits are looked at: the kernel takes no more of those that are tested. */
  argument: number;
  mask: number;
  /** The call is allowed if the masked argument is any of these. */
  allowed: readonly number[];
  otherwise: number;
}

/** Ends by the argument if that is the number that is loaded. */
export function ifCalled(number: number, test: ArgumentTest): Instruction[] {
  const { argument, mask, allowed, otherwise } = test;
  const body = [
    load(DataOffset.args + 8 * argument),
    { code: Code.AND_K, jt: 0, jf: 0, k: mask },
    ...allowed.map((value, i) => equal(value, allowed.length - i, 0)),
    end(otherwise),
    end(Action.ALLOW),
  ];
  return [equal(number, 0, body.length), ...body];
}

/** As the kernel takes it: struct sock_filter by struct sock_filter. */
export function assemble(program: readonly Instruction[]): Buffer {
  const bytes = Buffer.alloc(program.length * 8);
  program.forEach(({ code, jt, jf, k }, i) => {
    bytes.writeUInt16LE(code, i * 8);
    bytes.writeUInt8(jt, i * 8 + 2);
    bytes.writeUInt8(jf, i * 8 + 3);
    bytes.writeUInt32LE(k >>> 0, i * 8 + 4);
  });
  return bytes;
}
