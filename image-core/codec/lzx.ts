/**
 * LZX as Windows Imaging and CompactOS use it: a window of 32 KiB, every chunk by itself, x86 calls
 * always translated.
 *
 * [MS-PATCH] (LZX DELTA) describes the bit stream; the WIM variant has no header before the first
 * block, block sizes of 1 or 17 bits, and a fixed translation size of 12,000,000.
 */
import { ImageError } from "../errors.js";
import { PrefixCode } from "./prefix-code.js";
import { WordBits } from "./word-bits.js";

const WINDOW_SIZE = 32768;
const POSITION_SLOTS = 30;
const MAIN_SYMBOLS = 256 + 8 * POSITION_SLOTS;
const LENGTH_SYMBOLS = 249;
const ALIGNED_SYMBOLS = 8;
const PRETREE_SYMBOLS = 20;
const MIN_MATCH = 2;
const TRANSLATION_SIZE = 12_000_000;

const BlockType = { verbatim: 1, aligned: 2, uncompressed: 3 } as const;

/** Bits that follow each position slot, and the first formatted offset it stands for. */
const footerBits = Array.from({ length: POSITION_SLOTS }, (_, slot) =>
  slot < 4 ? 0 : (slot >> 1) - 1,
);
const slotBase: number[] = [];
for (let slot = 0, base = 0; slot < POSITION_SLOTS; slot++) {
  slotBase.push(base);
  base += 1 << footerBits[slot];
}

/** Fills all of `output` (at most 32 KiB), and returns its length. Throws `corrupt`. */
export function decodeLzx(input: Uint8Array, output: Uint8Array): number {
  if (output.length > WINDOW_SIZE) throw wrong(`${output.length} bytes are more than the window`);
  new Decoder(input, output).run();
  return output.length;
}

class Decoder {
  private readonly bits: WordBits;
  private to = 0;
  /** The three offsets used last. */
  private readonly recent = [1, 1, 1];
  /** Kept from block to block: the next one stores differences. */
  private readonly mainLengths = new Uint8Array(MAIN_SYMBOLS);
  private readonly lengthLengths = new Uint8Array(LENGTH_SYMBOLS);
  private readonly main = new PrefixCode(MAIN_SYMBOLS);
  private readonly length = new PrefixCode(LENGTH_SYMBOLS);
  private readonly aligned = new PrefixCode(ALIGNED_SYMBOLS);
  private readonly pretree = new PrefixCode(PRETREE_SYMBOLS);

  constructor(
    input: Uint8Array,
    private readonly output: Uint8Array,
  ) {
    this.bits = new WordBits(input);
  }

  run(): void {
    while (this.to < this.output.length) {
      const type = this.bits.read(3);
      const size = this.bits.read(1) === 1 ? WINDOW_SIZE : this.bits.read(16);
      if (size === 0 || this.bits.overrun) throw wrong(`block of ${size} bytes at byte ${this.to}`);
      const end = Math.min(this.output.length, this.to + size);
      if (type === BlockType.uncompressed) this.copyBlock(size, end);
      else if (type === BlockType.verbatim || type === BlockType.aligned) {
        this.readCodes(type === BlockType.aligned);
        this.decodeBlock(end, type === BlockType.aligned);
      } else throw wrong(`block type ${type} at byte ${this.to}`);
    }
    undoCallTranslation(this.output);
  }

  private copyBlock(size: number, end: number): void {
    const { bits } = this;
    const { input } = bits;
    bits.align();
    if (bits.position + 12 + (end - this.to) > input.length) throw wrong("stored block is cut off");
    const view = new DataView(input.buffer, input.byteOffset, input.length);
    for (let i = 0; i < 3; i++) {
      this.recent[i] = view.getUint32(bits.position, true);
      bits.position += 4;
    }
    this.output.set(input.subarray(bits.position, bits.position + end - this.to), this.to);
    // Padded to whole words.
    bits.position += size + (size & 1);
    this.to = end;
  }

  private readCodes(aligned: boolean): void {
    if (aligned) {
      const lengths = new Uint8Array(ALIGNED_SYMBOLS);
      for (let i = 0; i < ALIGNED_SYMBOLS; i++) lengths[i] = this.bits.read(3);
      if (!this.aligned.build(lengths)) throw wrong("aligned offset code is none");
    }
    this.readLengths(this.mainLengths, 0, 256);
    this.readLengths(this.mainLengths, 256, MAIN_SYMBOLS);
    if (!this.main.build(this.mainLengths)) throw wrong("main code is none");
    this.readLengths(this.lengthLengths, 0, LENGTH_SYMBOLS);
    if (!this.length.build(this.lengthLengths)) throw wrong("length code is none");
  }

  /** Code lengths as differences to the last block's, themselves in a prefix code. */
  private readLengths(lengths: Uint8Array, from: number, end: number): void {
    const { bits, pretree } = this;
    const own = new Uint8Array(PRETREE_SYMBOLS);
    for (let i = 0; i < PRETREE_SYMBOLS; i++) own[i] = bits.read(4);
    if (!pretree.build(own)) throw wrong("code of code lengths is none");
    for (let i = from; i < end; ) {
      const symbol = pretree.decode(bits);
      if (symbol < 0 || bits.overrun) throw wrong("code lengths are cut off");
      if (symbol < 17) {
        lengths[i] = (lengths[i] + 17 - symbol) % 17;
        i++;
        continue;
      }
      let run: number;
      let value = 0;
      if (symbol === 17) run = 4 + bits.read(4);
      else if (symbol === 18) run = 20 + bits.read(5);
      else {
        run = 4 + bits.read(1);
        const next = pretree.decode(bits);
        if (next < 0 || next > 16) throw wrong("code lengths repeat nothing");
        value = (lengths[i] + 17 - next) % 17;
      }
      for (const stop = Math.min(end, i + run); i < stop; i++) lengths[i] = value;
    }
  }

  private decodeBlock(end: number, alignedOffsets: boolean): void {
    const { bits, output, main } = this;
    let to = this.to;
    while (to < end) {
      const symbol = main.decode(bits);
      if (symbol < 0 || bits.overrun) throw wrong(`no symbol for byte ${to} of ${output.length}`);
      if (symbol < 256) {
        output[to++] = symbol;
        continue;
      }
      let length = symbol & 7;
      if (length === 7) {
        const more = this.length.decode(bits);
        if (more < 0) throw wrong(`no length at byte ${to}`);
        length += more;
      }
      const back = this.offset((symbol - 256) >>> 3, alignedOffsets);
      if (back > to || back === 0) throw wrong(`reference ${back} bytes back from ${to}`);
      const stop = Math.min(end, to + length + MIN_MATCH);
      for (; to < stop; to++) output[to] = output[to - back];
    }
    this.to = to;
  }

  private offset(slot: number, alignedOffsets: boolean): number {
    const { recent, bits } = this;
    if (slot < 3) {
      const back = recent[slot];
      recent[slot] = recent[0];
      recent[0] = back;
      return back;
    }
    const extra = footerBits[slot];
    let formatted = slotBase[slot];
    if (alignedOffsets && extra >= 3) {
      formatted += bits.read(extra - 3) * 8;
      const low = this.aligned.decode(bits);
      if (low < 0) throw wrong("no aligned offset");
      formatted += low;
    } else formatted += bits.read(extra);
    recent[2] = recent[1];
    recent[1] = recent[0];
    recent[0] = formatted - 2;
    return recent[0];
  }
}

/** Targets of x86's CALL (E8) were made absolute before compression: makes them relative again. */
function undoCallTranslation(output: Uint8Array): void {
  const view = new DataView(output.buffer, output.byteOffset, output.length);
  for (let i = 0; i < output.length - 10; i++) {
    if (output[i] !== 0xe8) continue;
    const absolute = view.getInt32(i + 1, true);
    if (absolute >= -i && absolute < TRANSLATION_SIZE) {
      const relative = absolute >= 0 ? absolute - i : absolute + TRANSLATION_SIZE;
      view.setInt32(i + 1, relative, true);
    }
    i += 4;
  }
}

function wrong(problem: string): ImageError {
  return new ImageError("corrupt", "lzx", problem);
}
