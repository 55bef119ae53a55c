/** The WebAssembly functions of this thread, and its memory as arrays. */
import { assemble } from "../webassembly/assembler.js";
import { makeLinks, walkLanes, walkOne } from "./links.js";
import { CRC_TABLES, MASKS, MEMORY_BYTES } from "./memory.js";
import { checksum, expandRuns } from "./runs.js";
import { readSymbols } from "./symbols.js";

type FunctionName =
  | "readSymbols"
  | "makeLinks"
  | "walkLanes"
  | "walkOne"
  | "expandRuns"
  | "checksum";

export interface Bzip2Machine extends Record<FunctionName, (...parameters: number[]) => number> {
  bytes: Uint8Array;
  /** Of 16 bits. */
  halves: Uint16Array;
  /** Of 32 bits. */
  words: Int32Array;
}

let machine: Bzip2Machine | undefined;

/** Made for the first stream and kept. */
export function bzip2Machine(): Bzip2Machine {
  machine ??= start();
  return machine;
}

function start(): Bzip2Machine {
  const { memory, functions } = assemble<FunctionName>(
    { readSymbols, makeLinks, walkLanes, walkOne, expandRuns, checksum },
    MEMORY_BYTES,
  );
  const bytes = new Uint8Array(memory);
  const words = new Int32Array(memory);
  for (let place = 0; place < 16; place++) {
    const mask = MASKS + 16 * place;
    bytes.fill(0xff, mask, mask + place + 1);
  }
  makeCrcTables(new DataView(memory));
  return { ...functions, bytes, halves: new Uint16Array(memory), words };
}

/** Polynomial 0x04c11db7; table n is for a byte that n others follow. */
function makeCrcTables(view: DataView): void {
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte << 24;
    for (let table = 0; table < 8; table++) {
      for (let bit = 0; bit < 8; bit++) crc = crc < 0 ? (crc << 1) ^ 0x04c11db7 : crc << 1;
      view.setInt32(CRC_TABLES + 1024 * table + 4 * byte, crc);
    }
  }
}
