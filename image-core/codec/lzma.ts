/**
 * LZMA (LZMA SDK, "LZMA specification") as xz has it: the state that goes from chunk to chunk, and
 * the chunks, which a WebAssembly function decodes. In JavaScript that takes twice as long.
 *
 * The output is the dictionary: a whole stream is decoded into one memory, so nothing slides.
 */
import { corrupt } from "../errors.js";
import { CRC64_TABLES_BYTES, crc64Function, fillCrc64Tables } from "./lzma/crc64.js";
import * as layout from "./lzma/memory.js";
import { lzmaFunction } from "./lzma/symbols.js";
import { Kernel } from "./wasm/kernel.js";

const PROBABILITY_ONE_HALF = 1024;
/** Of LZMA2: a chunk's size less 1 has 16 bits. */
const MAX_CHUNK = 65536;

const CRC64 = layout.PROBABILITIES_END;
const CRC64_TABLES = CRC64 + 8;
const OUTPUT = CRC64_TABLES + CRC64_TABLES_BYTES;

/** Positions in the output count from its start. */
export class LzmaDecoder {
  private readonly kernel = new Kernel(
    () => ({ lzma: lzmaFunction(), crc64: crc64Function(CRC64_TABLES, CRC64) }),
    (view) => fillCrc64Tables(view, CRC64_TABLES),
  );
  /** Address of the chunk that is being decoded: behind the output. */
  private input = 0;

  /** Makes room for an output. What the one before has left is gone after `end`. */
  begin(outputBytes: number): void {
    this.input = OUTPUT + outputBytes + layout.SLACK;
    this.kernel.reserve(this.input + MAX_CHUNK + layout.SLACK);
  }

  end(): void {
    this.kernel.release();
  }

  /** `properties`: (pb * 5 + lp) * 9 + lc. Resets the state as well. */
  setProperties(properties: number, position: number): void {
    const lc = properties % 9;
    const lp = Math.floor(properties / 9) % 5;
    const pb = Math.floor(properties / 45);
    if (pb > 4 || lc + lp > layout.MAX_LITERAL_BITS) {
      throw corrupt("lzma", "properties", position, `lc ${lc}, lp ${lp}, pb ${pb}`);
    }
    const { view } = this.kernel;
    view.setUint32(layout.LITERAL_CONTEXT_BITS, lc, true);
    view.setUint32(layout.LITERAL_MASK, (0x100 << lp) - (0x100 >> lc), true);
    view.setUint32(layout.POSITION_MASK, (1 << pb) - 1, true);
    this.resetState();
  }

  resetState(): void {
    const { bytes, view } = this.kernel;
    const count = (layout.PROBABILITIES_END - layout.IS_MATCH) / 2;
    new Uint16Array(bytes.buffer, layout.IS_MATCH, count).fill(PROBABILITY_ONE_HALF);
    for (const word of [layout.STATE, layout.REP_0, layout.REP_1, layout.REP_2, layout.REP_3]) {
      view.setUint32(word, 0, true);
    }
  }

  /** Puts bytes that are not compressed at `to`. */
  store(bytes: Uint8Array, to: number): void {
    this.kernel.bytes.set(bytes, OUTPUT + to);
  }

  /**
   * Decodes exactly the output's bytes from `to` to `end` from exactly `input[from..inputEnd)`, at
   * most 64 KiB, which begins with the range coder's five bytes. `dictionaryStart`: how far back in
   * the output matches may reach.
   */
  decode(
    input: Uint8Array,
    from: number,
    inputEnd: number,
    to: number,
    end: number,
    dictionaryStart: number,
  ): void {
    if (inputEnd - from < 5 || input[from] !== 0) {
      throw corrupt("lzma", "range coder", from, "its first byte is not 0");
    }
    const { bytes, view, functions } = this.kernel;
    bytes.set(input.subarray(from, inputEnd), this.input);
    const addressEnd = this.input + inputEnd - from;
    const start = OUTPUT + dictionaryStart;
    const status = functions.lzma(this.input + 1, addressEnd, OUTPUT + to, OUTPUT + end, start);
    const stoppedAt = view.getUint32(layout.STOPPED_TO, true);
    switch (status) {
      case layout.INPUT_ENDS:
        throw corrupt("lzma", "chunk", from, "the input ends in it");
      case layout.FAR_MATCH: {
        const distance = view.getUint32(layout.REP_0, true) + 1;
        const problem = `a match ${distance} bytes back, ${stoppedAt - start} are there`;
        throw corrupt("lzma", "chunk", from, problem);
      }
      case layout.LONG_MATCH: {
        const room = OUTPUT + end - stoppedAt;
        const length = view.getUint32(layout.LENGTH, true);
        throw corrupt("lzma", "chunk", from, `a match of ${length}, room for ${room}`);
      }
    }
    const left = addressEnd - view.getUint32(layout.STOPPED_FROM, true);
    const rest =
      view.getInt32(layout.RANGE_CODE, true) | view.getInt32(layout.RANGE_CODE + 4, true);
    if (left !== 0 || rest !== 0) {
      throw corrupt("lzma", "chunk", from, `${left} bytes are left behind its output`);
    }
  }

  /** A view of the output from `from` to `end`, good until the next `begin` or `end`. */
  output(from: number, end: number): Uint8Array {
    return this.kernel.bytes.subarray(OUTPUT + from, OUTPUT + end);
  }

  /** The CRC-64 of the same, as 8 bytes, the lowest first: a view as well. */
  crc64(from: number, end: number): Uint8Array {
    this.kernel.functions.crc64(OUTPUT + from, OUTPUT + end);
    return this.kernel.bytes.subarray(CRC64, CRC64 + 8);
  }
}
