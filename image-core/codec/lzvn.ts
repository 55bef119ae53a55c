/**
 * LZVN: Apple's byte-oriented LZ77, raw (HFS+ and APFS compression) and inside LZFSE streams.
 *
 * Opcodes carry up to 3 literals (L), a match length (M) and a distance (D):
 *   LLMMMDDD DDDDDDDD            small distance, D's high bits 0 to 5
 *   LLMMM110                     previous distance (with LL = 0: end of stream, no-op, undefined)
 *   LLMMM111 DDDDDDDD DDDDDDDD   large distance, little-endian
 *   101LLMMM DDDDDDMM DDDDDDDD   medium distance
 *   1110LLLL, 11100000 LLLLLLLL  literals only (1 to 15; 16 and more)
 *   1111MMMM, 11110000 MMMMMMMM  match only, previous distance
 *   0111xxxx, 1101xxxx           undefined
 */
import { corrupt } from "../errors.js";
import { decodeInKernel, kernel } from "./lzfse/kernel.js";
import * as layout from "./lzfse/memory.js";

/** Decodes one raw LZVN stream, up to its end mark or a full `output`. Returns the bytes produced. */
export function decodeLzvn(input: Uint8Array, output: Uint8Array): number {
  return decodeInKernel(input, output, (address) =>
    decodeLzvnBlock(address, 0, input.length, 0, output.length),
  );
}

/**
 * Decodes the input's bytes from `from` to `inputEnd` to the output's from `to` to `outputEnd`, both
 * in the kernel's memory; matches may reach back to the output's start. Returns the position in the
 * output behind the last byte written. Throws `corrupt`.
 */
export function decodeLzvnBlock(
  inputAddress: number,
  from: number,
  inputEnd: number,
  to: number,
  outputEnd: number,
): number {
  const { functions, view } = kernel;
  const status = functions.lzvn(
    inputAddress + from,
    inputAddress + inputEnd,
    layout.OUTPUT + to,
    layout.OUTPUT + outputEnd,
  );
  const end = view.getUint32(layout.STOPPED_TO, true) - layout.OUTPUT;
  if (status === layout.DONE) return end;
  const start = view.getUint32(layout.STOPPED, true) - inputAddress;
  const [structure, problem] = describe(status, inputAddress + inputEnd, outputEnd - end, end);
  throw corrupt("lzvn", structure, start, problem);
}

/** The structure that is at fault, and how. `room`: bytes of output that were left. */
function describe(
  status: number,
  inputEnd: number,
  room: number,
  produced: number,
): [structure: string, problem: string] {
  const word = (address: number) => kernel.view.getUint32(address, true);
  switch (status) {
    case layout.NO_END_MARK:
      return ["opcode", "the input ends without end mark"];
    case layout.CUT_OPCODE:
      return ["opcode", "the input ends in it"];
    case layout.UNDEFINED_OPCODE: {
      const opcode = kernel.bytes[word(layout.STOPPED)];
      return ["opcode", `0x${opcode.toString(16)} is undefined`];
    }
    case layout.FEW_BYTES: {
      const left = inputEnd - word(layout.STOPPED_FROM);
      return ["literals", `${word(layout.LITERAL_COUNT)} where ${left} bytes are left`];
    }
    case layout.LITTLE_ROOM:
      return ["literals", `${word(layout.LITERAL_COUNT)}, room for ${room}`];
    case layout.FAR_MATCH: {
      const distance = word(layout.DISTANCE);
      return ["match", `reaches ${distance} bytes back, ${produced} are there`];
    }
    case layout.LONG_MATCH:
      return ["match", `${word(layout.MATCH_LENGTH)} bytes, room for ${room}`];
    default:
      throw new RangeError(`the decoder ended with status ${status}`);
  }
}
