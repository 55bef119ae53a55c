/**
 * Sound files that sheets name for audio tracks: where their samples lie.
 *
 * WAVE (Microsoft, Multimedia Programming Interface 1.0, chapter 3) and AIFF / AIFF-C (Apple 1.3 and
 * draft 08/26/91). Only what is on a CD: 16 bit, two channels, 44100 Hz, uncompressed.
 */
import { corrupt, unsupported } from "../../errors.js";
import type { ByteSource } from "../../source/byte-source.js";
import { readExactly } from "../../source/read-exactly.js";
import { SliceSource } from "../../source/slice-source.js";

export interface Samples {
  source: ByteSource;
  bigEndian: boolean;
}

const WAVE_FORMAT_PCM = 1;
const WAVE_FORMAT_EXTENSIBLE = 0xfffe;
const MAX_CHUNKS = 1000;

/** Undefined for what is neither WAVE nor AIFF. `name` is for messages. */
export function samplesOf(file: ByteSource, format: string, name: string): Samples | undefined {
  if (file.size < 12) return undefined;
  const head = readExactly(file, 0, 12, format, name);
  const [form, type] = [ascii(head, 0), ascii(head, 8)];
  if (form === "RIFF" && type === "WAVE") return wave(file, format, name);
  if (form === "FORM" && (type === "AIFF" || type === "AIFC")) {
    return aiff(file, format, name, type === "AIFC");
  }
  return undefined;
}

function wave(file: ByteSource, format: string, name: string): Samples {
  let known = false;
  for (const chunk of chunks(file, format, name, true)) {
    if (chunk.id === "fmt ") {
      const view = dataView(file, chunk, 16, format, name);
      let tag = view.getUint16(0, true);
      if (tag === WAVE_FORMAT_EXTENSIBLE && chunk.size >= 26) {
        tag = dataView(file, chunk, 26, format, name).getUint16(24, true);
      }
      if (tag !== WAVE_FORMAT_PCM) {
        throw unsupported(format, `${name}: WAVE format 0x${tag.toString(16)}, only PCM is read`);
      }
      checkCd(
        format,
        name,
        view.getUint16(2, true),
        view.getUint32(4, true),
        view.getUint16(14, true),
      );
      known = true;
    } else if (chunk.id === "data") {
      if (!known) throw corrupt(format, name, chunk.position, "a data chunk before the fmt chunk");
      // Recorders that stream leave the size at 0 or at the most: up to the end of the file then.
      const size = chunk.size === 0 ? file.size : chunk.size;
      return { source: new SliceSource(file, chunk.position, size), bigEndian: false };
    }
  }
  throw corrupt(format, name, 0, "a WAVE file without a data chunk");
}

function aiff(file: ByteSource, format: string, name: string, compressed: boolean): Samples {
  let bigEndian: boolean | undefined;
  let data: ByteSource | undefined;
  for (const chunk of chunks(file, format, name, false)) {
    if (chunk.id === "COMM") {
      const view = dataView(file, chunk, compressed ? 22 : 18, format, name);
      checkCd(format, name, view.getUint16(0), extendedRate(view), view.getUint16(6));
      const compression = compressed ? ascii(new Uint8Array(view.buffer), 18) : "NONE";
      if (compression !== "NONE" && compression !== "sowt") {
        throw unsupported(format, `${name}: AIFF-C compression ${JSON.stringify(compression)}`);
      }
      bigEndian = compression === "NONE";
    } else if (chunk.id === "SSND") {
      const offset = dataView(file, chunk, 8, format, name).getUint32(0) + 8;
      if (offset > chunk.size) {
        throw corrupt(format, name, chunk.position, `samples at ${offset} of ${chunk.size} bytes`);
      }
      data = new SliceSource(file, chunk.position + offset, chunk.size - offset);
    }
  }
  if (bigEndian === undefined || data === undefined) {
    throw corrupt(format, name, 0, "an AIFF file without a COMM or SSND chunk");
  }
  return { source: data, bigEndian };
}

/** The sample rate is an 80-bit float: 44100 is 2^15 times 0xAC44 / 2^15. */
function extendedRate(view: DataView): number {
  const exponent = view.getUint16(8) - 16383;
  return Math.round(view.getUint32(10) * 2 ** (exponent - 31));
}

function checkCd(format: string, name: string, channels: number, rate: number, bits: number): void {
  if (channels === 2 && rate === 44100 && bits === 16) return;
  throw unsupported(
    format,
    `${name}: ${channels} channels of ${bits} bit at ${rate} Hz; a CD has 2 of 16 bit at 44100 Hz`,
  );
}

interface Chunk {
  id: string;
  /** Of the chunk's data. */
  position: number;
  size: number;
}

function* chunks(
  file: ByteSource,
  format: string,
  name: string,
  littleEndian: boolean,
): Generator<Chunk> {
  let position = 12;
  for (let i = 0; i < MAX_CHUNKS && position + 8 <= file.size; i++) {
    const head = readExactly(file, position, 8, format, name);
    const size = new DataView(head.buffer).getUint32(4, littleEndian);
    yield { id: ascii(head, 0), position: position + 8, size };
    // Chunks begin at even positions.
    position += 8 + size + (size % 2);
  }
}

function dataView(
  file: ByteSource,
  chunk: Chunk,
  length: number,
  format: string,
  name: string,
): DataView {
  if (chunk.size < length) {
    throw corrupt(format, name, chunk.position, `the ${chunk.id} chunk has ${chunk.size} bytes`);
  }
  return new DataView(readExactly(file, chunk.position, length, format, name).buffer);
}

function ascii(bytes: Uint8Array, at: number): string {
  return String.fromCharCode(bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]);
}
