/**
 * Runs a seccomp program as the kernel does (its Documentation/networking/filter.rst): over struct
 * seccomp_data, with an accumulator, as far as such programs go.
 */

export interface SystemCall {
  arch: number;
  nr: number;
  args?: readonly bigint[];
}

/** The program's answer. Throws where the kernel would not have taken it. */
export function runFilter(program: Buffer, { arch, nr, args = [] }: SystemCall): number {
  const data = Buffer.alloc(64);
  data.writeUInt32LE(nr >>> 0, 0);
  data.writeUInt32LE(arch >>> 0, 4);
  args.forEach((value, i) => {
    data.writeBigUInt64LE(BigInt.asUintN(64, value), 16 + 8 * i);
  });
  const count = program.length / 8;
  if (!Number.isInteger(count) || count > 4096) throw new Error(`${program.length} bytes`);
  let accumulator = 0;
  for (let at = 0; at < count; at++) {
    const code = program.readUInt16LE(at * 8);
    const k = program.readUInt32LE(at * 8 + 4);
    switch (code) {
      case 0x20: // LD|W|ABS
        if (k % 4 !== 0 || k >= data.length) throw new Error(`loads at ${k}`);
        accumulator = data.readUInt32LE(k);
        break;
      case 0x54: // ALU|AND|K
        accumulator = (accumulator & k) >>> 0;
        break;
      case 0x05: // JMP|JA
        at += k;
        break;
      case 0x15: // JMP|JEQ|K
        at += program[at * 8 + (accumulator === k ? 2 : 3)];
        break;
      case 0x06: // RET|K
        return k;
      default:
        throw new Error(`instruction ${at} has code ${code}`);
    }
  }
  throw new Error("the program runs over its end");
}
