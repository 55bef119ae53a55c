/** The WebAssembly functions of this thread, and its memory as arrays. */
import { Kernel } from "../wasm/kernel.js";
import type { Functions } from "../wasm/module.js";
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

export interface Bzip2Machine extends Functions<FunctionName> {
  bytes: Uint8Array;
  /** Of 16 bits. */
  halves: Uint16Array;
  /** Of 32 bits. */
  words: Int32Array;
}

let machine: Bzip2Machine | undefined;

/** Made for the first stream and kept. Throws `limit`. */
export function bzip2Machine(): Bzip2Machine {
  machine ??= start();
  return machine;
}

function start(): Bzip2Machine {
  const kernel = new Kernel<FunctionName>(
    () => ({
      readSymbols: readSymbols(),
      makeLinks: makeLinks(),
      walkLanes: walkLanes(),
      walkOne: walkOne(),
      expandRuns: expandRuns(),
      checksum: checksum(),
    }),
    (view) => {
      makeMasks(view);
      makeCrcTables(view);
    },
  );
  kernel.reserve(MEMORY_BYTES);
  const { bytes, functions } = kernel;
  const words = new Int32Array(bytes.buffer);
  return { ...functions, bytes, halves: new Uint16Array(bytes.buffer), words };
}

function makeMasks(view: DataView): void {
  for (let place = 0; place < 16; place++) {
    for (let byte = 0; byte <= place; byte++) view.setUint8(MASKS + 16 * place + byte, 0xff);
  }
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
