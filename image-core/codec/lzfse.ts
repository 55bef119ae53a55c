/**
 * LZFSE streams (UDIF type 0x80000007, HFS+ and APFS compression): a sequence of blocks, each
 * entropy-coded (`bvx2`, `bvx1`), LZVN (`bvxn`) or stored (`bvx-`), ended by `bvx$`.
 *
 * Layout: Apple's reference implementation (lzfse_internal.h). Both bit streams of an entropy-coded
 * block are read from their ends towards their beginnings.
 */
import { corrupt } from "../errors.js";
import { decodeInKernel, kernel } from "./lzfse/kernel.js";
import * as layout from "./lzfse/memory.js";
import {
  buildStates,
  buildValueStates,
  D_BASE,
  D_EXTRA_BITS,
  D_SYMBOLS,
  FREQUENCIES,
  L_BASE,
  L_EXTRA_BITS,
  L_SYMBOLS,
  LITERAL_SYMBOLS,
  M_BASE,
  M_EXTRA_BITS,
  M_SYMBOLS,
  readFrequencies,
} from "./lzfse/tables.js";
import { decodeLzvnBlock } from "./lzvn.js";

const MAGIC_END = 0x24787662;
const MAGIC_STORED = 0x2d787662;
const MAGIC_V1 = 0x31787662;
const MAGIC_V2 = 0x32787662;
const MAGIC_LZVN = 0x6e787662;

const V1_FREQUENCIES = 50;
const V1_HEADER_BYTES = 772;
const V2_FREQUENCIES = 32;
const MAX_MATCHES = 10_000;

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

const frequencies = new Uint16Array(FREQUENCIES);

/**
 * Returns the bytes produced. Throws `corrupt` for a bad stream or one that needs more room.
 */
export function decodeLzfse(input: Uint8Array, output: Uint8Array): number {
  if (input.length > MAX_INPUT) {
    throw corrupt("lzfse", "stream", 0, `${input.length} bytes are too many`);
  }
  return decodeInKernel(input, output, (address) => decodeBlocks(input, output.length, address));
}

/** Decodes into the kernel's output, at most `room` bytes; returns the bytes produced. */
function decodeBlocks(input: Uint8Array, room: number, inputAddress: number): number {
  const output = kernel.bytes.subarray(layout.OUTPUT, layout.OUTPUT + room);
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
      const end = decodeLzvnBlock(inputAddress, from + 12, from + 12 + payload, to, to + produced);
      if (end !== to + produced) {
        throw corrupt("lzfse", "LZVN block", from, `${end - to} of ${produced} bytes`);
      }
      from += 12 + payload;
    } else if (magic === MAGIC_V2 || magic === MAGIC_V1) {
      const header =
        magic === MAGIC_V2 ? decodeHeaderV2(input, view, from) : decodeHeaderV1(input, view, from);
      from = decodeBlock(input, from, header, inputAddress, to, to + produced);
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

/** Fills the output from `to` to `outputEnd`; returns the position behind the block. */
function decodeBlock(
  input: Uint8Array,
  start: number,
  header: BlockHeader,
  inputAddress: number,
  to: number,
  outputEnd: number,
): number {
  const literalStart = start + header.headerBytes;
  // The magic of the next block follows.
  need(input, literalStart, header.literalPayloadBytes + header.lmdPayloadBytes + 4);
  if (
    header.literals > layout.MAX_LITERALS ||
    (header.literals & 3) !== 0 ||
    header.matches > MAX_MATCHES ||
    header.literalBits > 0 ||
    header.literalBits < -7 ||
    header.lmdBits > 0 ||
    header.lmdBits < -7 ||
    header.lState >= layout.L_STATES ||
    header.mState >= layout.M_STATES ||
    header.dState >= layout.D_STATES ||
    header.literalStates.some((state) => state >= layout.LITERAL_STATES)
  ) {
    throw corrupt("lzfse", "block", start, "a header field is out of range");
  }
  buildTables(start);
  const lmdStart = literalStart + header.literalPayloadBytes;
  if (header.literals > 0) decodeLiterals(header, literalStart, inputAddress);
  const end =
    header.matches > 0 ? decodeMatches(header, lmdStart, inputAddress, to, outputEnd) : to;
  if (end !== outputEnd) {
    throw corrupt("lzfse", "block", start, `${end - to} of ${outputEnd - to} bytes`);
  }
  return lmdStart + header.lmdPayloadBytes;
}

/** The tables of a block whose `frequencies` are read. */
function buildTables(position: number): void {
  const table = (address: number, words: number) =>
    new Int32Array(kernel.bytes.buffer, address, words);
  const [l, m, d] = [
    table(layout.L_TABLE, layout.L_STATES * 2),
    table(layout.M_TABLE, layout.M_STATES * 2),
    table(layout.D_TABLE, layout.D_STATES * 2),
  ];
  const mFirst = L_SYMBOLS;
  const dFirst = mFirst + M_SYMBOLS;
  const literalFirst = dFirst + D_SYMBOLS;
  buildValueStates(frequencies, 0, L_EXTRA_BITS, L_BASE, l, position);
  buildValueStates(frequencies, mFirst, M_EXTRA_BITS, M_BASE, m, position);
  buildValueStates(frequencies, dFirst, D_EXTRA_BITS, D_BASE, d, position);
  const literals = table(layout.LITERAL_TABLE, layout.LITERAL_STATES);
  buildStates(frequencies, literalFirst, LITERAL_SYMBOLS, literals, 1, position);
}

function decodeLiterals(header: BlockHeader, payload: number, inputAddress: number): void {
  const bits = header.literalPayloadBytes * 8 + header.literalBits;
  const { functions, view } = kernel;
  const start = inputAddress + payload;
  const status = functions.literals(start, bits, header.literals, ...header.literalStates);
  if (status !== layout.DONE) {
    const done = view.getUint32(layout.STOPPED, true);
    throw corrupt("lzfse", "literals", payload, `they end at ${done} of ${header.literals}`);
  }
}

/** Copies literals and matches; returns the position in the output behind the last byte. */
function decodeMatches(
  header: BlockHeader,
  payload: number,
  inputAddress: number,
  to: number,
  outputEnd: number,
): number {
  const { functions, view } = kernel;
  const status = functions.matches(
    inputAddress + payload,
    header.lmdPayloadBytes * 8 + header.lmdBits,
    header.matches,
    header.lState,
    header.mState,
    header.dState,
    layout.LITERALS + header.literals,
    layout.OUTPUT + to,
    layout.OUTPUT + outputEnd,
  );
  const end = view.getUint32(layout.STOPPED_TO, true) - layout.OUTPUT;
  switch (status) {
    case layout.STREAM_ENDS: {
      const left = view.getUint32(layout.STOPPED, true);
      throw corrupt("lzfse", "matches", payload, `they end ${left} early`);
    }
    case layout.FEW_LITERALS:
      throw corrupt("lzfse", "matches", payload, "they use more literals than the block has");
    case layout.LITTLE_ROOM:
      throw corrupt("lzfse", "matches", payload, "they produce more than the block's size");
    case layout.FAR_MATCH: {
      const distance = view.getUint32(layout.DISTANCE, true);
      throw corrupt("lzfse", "match", payload, `${distance} bytes back, ${end} are there`);
    }
  }
  return end;
}
