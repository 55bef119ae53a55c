/**
 * LZFSE streams (UDIF type 0x80000007, HFS+ and APFS compression): a sequence of blocks, each
 * entropy-coded (`bvx2`, `bvx1`), LZVN (`bvxn`) or stored (`bvx-`), ended by `bvx$`.
 *
 * Layout: Apple's reference implementation (lzfse_internal.h). Both bit streams of an entropy-coded
 * block are read from their ends towards their beginnings.
 */
import { corrupt } from "../errors.js";
import {
  buildStates,
  buildValueStates,
  D_BASE,
  D_EXTRA_BITS,
  D_STATES,
  D_SYMBOLS,
  FREQUENCIES,
  L_BASE,
  L_EXTRA_BITS,
  L_STATES,
  L_SYMBOLS,
  LITERAL_STATES,
  LITERAL_SYMBOLS,
  M_BASE,
  M_EXTRA_BITS,
  M_STATES,
  M_SYMBOLS,
  readFrequencies,
} from "./lzfse-tables.js";
import { decodeLzvnBlock } from "./lzvn.js";

const MAGIC_END = 0x24787662;
const MAGIC_STORED = 0x2d787662;
const MAGIC_V1 = 0x31787662;
const MAGIC_V2 = 0x32787662;
const MAGIC_LZVN = 0x6e787662;

const V1_FREQUENCIES = 50;
const V1_HEADER_BYTES = 772;
const V2_FREQUENCIES = 32;
const MAX_LITERALS = 40_000;
const MAX_MATCHES = 10_000;

/** How far copies by words may read and write beyond their ends. */
const WORD_SLACK = 4;

/** Bit positions stay within 31 bits. */
const MAX_INPUT = 2 ** 28 - 1;

/** An entropy-coded block's header, whichever version it came in. */
interface BlockHeader {
  headerBytes: number;
  literals: number;
  matches: number;
  literalPayloadBytes: number;
  lmdPayloadBytes: number;
  /** 0 to -7: bits of the stream's last byte that are not part of it. */
  literalBits: number;
  literalStates: [number, number, number, number];
  lmdBits: number;
  lState: number;
  mState: number;
  dState: number;
}

// Working memory of one block: 60 KiB, taken once a thread.
const frequencies = new Uint16Array(FREQUENCIES);
const literalTable = new Int32Array(LITERAL_STATES);
const lTable = new Int32Array(L_STATES);
const lValues = new Int32Array(L_STATES);
const mTable = new Int32Array(M_STATES);
const mValues = new Int32Array(M_STATES);
const dTable = new Int32Array(D_STATES);
const dValues = new Int32Array(D_STATES);
const literalBytes = new Uint8Array(MAX_LITERALS + WORD_SLACK);

/** Returns the bytes produced. Throws `corrupt` for a bad stream or one that needs more room. */
export function decodeLzfse(input: Uint8Array, output: Uint8Array): number {
  if (input.length > MAX_INPUT) {
    throw corrupt("lzfse", "stream", 0, `${input.length} bytes are too many`);
  }
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength);
  let from = 0;
  let to = 0;
  for (;;) {
    need(input, from, 4);
    const magic = view.getUint32(from, true);
    if (magic === MAGIC_END) return to;
    need(input, from, 12);
    const produced = view.getUint32(from + 4, true);
    if (produced > output.length - to) {
      throw corrupt("lzfse", "block", from, `${produced} bytes, room for ${output.length - to}`);
    }
    if (magic === MAGIC_STORED) {
      need(input, from + 8, produced);
      output.set(input.subarray(from + 8, from + 8 + produced), to);
      from += 8 + produced;
    } else if (magic === MAGIC_LZVN) {
      const payload = view.getUint32(from + 8, true);
      need(input, from + 12, payload);
      const end = decodeLzvnBlock(input, from + 12, from + 12 + payload, output, to, to + produced);
      if (end !== to + produced) {
        throw corrupt("lzfse", "LZVN block", from, `${end - to} of ${produced} bytes`);
      }
      from += 12 + payload;
    } else if (magic === MAGIC_V2 || magic === MAGIC_V1) {
      const header =
        magic === MAGIC_V2 ? decodeHeaderV2(input, view, from) : decodeHeaderV1(input, view, from);
      from = decodeBlock(input, view, from, header, output, to, to + produced);
    } else {
      throw corrupt("lzfse", "block", from, `magic 0x${magic.toString(16)}`);
    }
    to += produced;
  }
}

function need(input: Uint8Array, position: number, bytes: number): void {
  if (bytes > input.length - position) {
    throw corrupt("lzfse", "block", position, `needs ${bytes} of ${input.length - position} bytes`);
  }
}

function decodeHeaderV1(input: Uint8Array, view: DataView, start: number): BlockHeader {
  need(input, start, V1_HEADER_BYTES);
  for (let i = 0; i < FREQUENCIES; i++) {
    frequencies[i] = view.getUint16(start + V1_FREQUENCIES + i * 2, true);
  }
  return {
    headerBytes: V1_HEADER_BYTES,
    literals: view.getUint32(start + 12, true),
    matches: view.getUint32(start + 16, true),
    literalPayloadBytes: view.getUint32(start + 20, true),
    lmdPayloadBytes: view.getUint32(start + 24, true),
    literalBits: view.getInt32(start + 28, true),
    literalStates: [
      view.getUint16(start + 32, true),
      view.getUint16(start + 34, true),
      view.getUint16(start + 36, true),
      view.getUint16(start + 38, true),
    ],
    lmdBits: view.getInt32(start + 40, true),
    lState: view.getUint16(start + 44, true),
    mState: view.getUint16(start + 46, true),
    dState: view.getUint16(start + 48, true),
  };
}

/** Three packed 64-bit fields, each read as two halves. */
function decodeHeaderV2(input: Uint8Array, view: DataView, start: number): BlockHeader {
  need(input, start, V2_FREQUENCIES);
  const low0 = view.getUint32(start + 8, true);
  const high0 = view.getUint32(start + 12, true);
  const low1 = view.getUint32(start + 16, true);
  const high1 = view.getUint32(start + 20, true);
  const headerBytes = view.getUint32(start + 24, true);
  const high2 = view.getUint32(start + 28, true);
  if (headerBytes < V2_FREQUENCIES) {
    throw corrupt("lzfse", "block", start, `a header of ${headerBytes} bytes`);
  }
  need(input, start, headerBytes);
  readFrequencies(input, start + V2_FREQUENCIES, start + headerBytes, frequencies);
  return {
    headerBytes,
    literals: low0 & 0xfffff,
    literalPayloadBytes: (low0 >>> 20) | ((high0 & 0xff) << 12),
    matches: (high0 >>> 8) & 0xfffff,
    literalBits: ((high0 >>> 28) & 7) - 7,
    literalStates: [
      low1 & 0x3ff,
      (low1 >>> 10) & 0x3ff,
      (low1 >>> 20) & 0x3ff,
      (low1 >>> 30) | ((high1 & 0xff) << 2),
    ],
    lmdPayloadBytes: (high1 >>> 8) & 0xfffff,
    lmdBits: ((high1 >>> 28) & 7) - 7,
    lState: high2 & 0x3ff,
    mState: (high2 >>> 10) & 0x3ff,
    dState: (high2 >>> 20) & 0x3ff,
  };
}

/** Fills `output[to..outputEnd)`; returns the position behind the block. */
function decodeBlock(
  input: Uint8Array,
  view: DataView,
  start: number,
  header: BlockHeader,
  output: Uint8Array,
  to: number,
  outputEnd: number,
): number {
  const literalStart = start + header.headerBytes;
  // The magic of the next block follows, which lets the bit readers load four bytes anywhere.
  need(input, literalStart, header.literalPayloadBytes + header.lmdPayloadBytes + 4);
  if (
    header.literals > MAX_LITERALS ||
    (header.literals & 3) !== 0 ||
    header.matches > MAX_MATCHES ||
    header.literalBits > 0 ||
    header.literalBits < -7 ||
    header.lmdBits > 0 ||
    header.lmdBits < -7 ||
    header.lState >= L_STATES ||
    header.mState >= M_STATES ||
    header.dState >= D_STATES ||
    header.literalStates.some((state) => state >= LITERAL_STATES)
  ) {
    throw corrupt("lzfse", "block", start, "a header field is out of range");
  }
  const m = L_SYMBOLS;
  const d = m + M_SYMBOLS;
  const literal = d + D_SYMBOLS;
  buildValueStates(frequencies, 0, L_EXTRA_BITS, L_BASE, lTable, lValues, start);
  buildValueStates(frequencies, m, M_EXTRA_BITS, M_BASE, mTable, mValues, start);
  buildValueStates(frequencies, d, D_EXTRA_BITS, D_BASE, dTable, dValues, start);
  buildStates(frequencies, literal, LITERAL_SYMBOLS, literalTable, start);
  const lmdStart = literalStart + header.literalPayloadBytes;
  decodeLiterals(view, literalStart, header);
  const end = decodeMatches(view, lmdStart, header, output, to, outputEnd);
  if (end !== outputEnd) {
    throw corrupt("lzfse", "block", start, `${end - to} of ${outputEnd - to} bytes`);
  }
  return lmdStart + header.lmdPayloadBytes;
}

/** Four interleaved states over one bit stream. */
function decodeLiterals(view: DataView, payload: number, header: BlockHeader): void {
  const table = literalTable;
  const bytes = literalBytes;
  const count = header.literals;
  let [state0, state1, state2, state3] = header.literalStates;
  const first = payload * 8;
  let bit = (payload + header.literalPayloadBytes) * 8 + header.literalBits;
  for (let i = 0; i < count; i += 4) {
    const entry0 = table[state0];
    const entry1 = table[state1];
    const entry2 = table[state2];
    const entry3 = table[state3];
    // Two symbols take at most 20 bits: one load for both.
    const bits0 = entry0 & 0xff;
    const bits1 = entry1 & 0xff;
    bit -= bits0 + bits1;
    const word0 = view.getInt32(bit >> 3, true) >>> (bit & 7);
    const bits2 = entry2 & 0xff;
    const bits3 = entry3 & 0xff;
    bit -= bits2 + bits3;
    if (bit < first) throw corrupt("lzfse", "literals", payload, `they end at ${i} of ${count}`);
    const word1 = view.getInt32(bit >> 3, true) >>> (bit & 7);
    state0 = (entry0 >> 16) + ((word0 >>> bits1) & ((1 << bits0) - 1));
    state1 = (entry1 >> 16) + (word0 & ((1 << bits1) - 1));
    state2 = (entry2 >> 16) + ((word1 >>> bits3) & ((1 << bits2) - 1));
    state3 = (entry3 >> 16) + (word1 & ((1 << bits3) - 1));
    bytes[i] = entry0 >> 8;
    bytes[i + 1] = entry1 >> 8;
    bytes[i + 2] = entry2 >> 8;
    bytes[i + 3] = entry3 >> 8;
  }
}

/** Copies literals and matches; returns the position in `output` behind the last byte. */
function decodeMatches(
  view: DataView,
  payload: number,
  header: BlockHeader,
  output: Uint8Array,
  to: number,
  outputEnd: number,
): number {
  const literals = literalBytes;
  const literalView = new DataView(literals.buffer);
  const outputView = new DataView(output.buffer, output.byteOffset, output.byteLength);
  const [lEntries, lBases] = [lTable, lValues];
  const [mEntries, mBases] = [mTable, mValues];
  const [dEntries, dBases] = [dTable, dValues];
  const literalEnd = header.literals;
  const first = payload * 8;
  let { lState, mState, dState } = header;
  let bit = (payload + header.lmdPayloadBytes) * 8 + header.lmdBits;
  let literal = 0;
  let distance = 0;
  for (let left = header.matches; left > 0; left--) {
    const lEntry = lEntries[lState];
    bit -= lEntry & 0xff;
    let word = view.getInt32(bit >> 3, true) >>> (bit & 7);
    let extra = (lEntry >> 8) & 0xff;
    const literalCount = lBases[lState] + (word & ((1 << extra) - 1));
    lState = (lEntry >> 16) + ((word & ((1 << (lEntry & 0xff)) - 1)) >>> extra);

    const mEntry = mEntries[mState];
    bit -= mEntry & 0xff;
    word = view.getInt32(bit >> 3, true) >>> (bit & 7);
    extra = (mEntry >> 8) & 0xff;
    const match = mBases[mState] + (word & ((1 << extra) - 1));
    mState = (mEntry >> 16) + ((word & ((1 << (mEntry & 0xff)) - 1)) >>> extra);

    const dEntry = dEntries[dState];
    bit -= dEntry & 0xff;
    if (bit < first) throw corrupt("lzfse", "matches", payload, `they end ${left} early`);
    word = view.getInt32(bit >> 3, true) >>> (bit & 7);
    extra = (dEntry >> 8) & 0xff;
    const newDistance = dBases[dState] + (word & ((1 << extra) - 1));
    dState = (dEntry >> 16) + ((word & ((1 << (dEntry & 0xff)) - 1)) >>> extra);
    // 0 stands for the distance before.
    if (newDistance !== 0) distance = newDistance;

    if (literalCount > literalEnd - literal) {
      throw corrupt("lzfse", "matches", payload, "they use more literals than the block has");
    }
    if (literalCount + match > outputEnd - to) {
      throw corrupt("lzfse", "matches", payload, "they produce more than the block's size");
    }
    if (to + literalCount + match + WORD_SLACK <= outputEnd) {
      // Whole words: what is written too much is overwritten by what comes next.
      const matchStart = to + literalCount;
      for (; to < matchStart; to += 4, literal += 4) {
        outputView.setInt32(to, literalView.getInt32(literal, true), true);
      }
      literal -= to - matchStart;
      to = matchStart;
    } else {
      for (const end = to + literalCount; to < end; to++) output[to] = literals[literal++];
    }
    if (match === 0) continue;
    if (distance === 0 || distance > to) {
      throw corrupt("lzfse", "match", payload, `${distance} bytes back, ${to} are there`);
    }
    const end = to + match;
    if (distance >= 4 && end + WORD_SLACK <= outputEnd) {
      for (let from = to - distance; to < end; to += 4, from += 4) {
        outputView.setInt32(to, outputView.getInt32(from, true), true);
      }
      to = end;
    } else {
      for (; to < end; to++) output[to] = output[to - distance];
    }
  }
  return to;
}
