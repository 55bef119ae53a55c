/** Recognises HFS+ and HFSX volumes, bare or within an HFS wrapper (TN1150). */
import { Confidence, type FilesystemFormat, type Match, type ProbeWindow } from "../../format.js";
import { ALTERNATE_HEADER_DISTANCE, VOLUME_HEADER_BYTES, VOLUME_HEADER_OFFSET } from "./layout.js";

const SIGNATURE_HFS = 0x4244;
const SIGNATURE_HFS_PLUS = 0x482b;
const SIGNATURE_HFSX = 0x4858;

export const hfsplus: FilesystemFormat = {
  id: "hfsplus",
  title: "HFS+",
  probe(window: ProbeWindow): Match | undefined {
    const { head, tail, size } = window;
    const primary = title(head, VOLUME_HEADER_OFFSET);
    if (primary !== undefined) return { confidence: Confidence.certain, title: primary };
    if (isWrapper(head)) return { confidence: Confidence.certain, title: "HFS+ in an HFS wrapper" };
    const alternateOffset = tail.length - ALTERNATE_HEADER_DISTANCE;
    const alternate = title(tail, alternateOffset);
    if (alternate === undefined || !fills(tail, alternateOffset, size)) return undefined;
    return {
      // What was formatted over a volume leaves its alternate header: anything else wins.
      confidence: Confidence.guess,
      title: `${alternate} (by its alternate volume header)`,
    };
  },
  load: () => import("./open.js"),
};

/** Undefined where no volume header with plausible fields lies at `offset`. */
function title(bytes: Uint8Array, offset: number): string | undefined {
  if (offset < 0 || offset + VOLUME_HEADER_BYTES > bytes.length) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset + offset, VOLUME_HEADER_BYTES);
  const signature = view.getUint16(0);
  if (signature !== SIGNATURE_HFS_PLUS && signature !== SIGNATURE_HFSX) return undefined;
  const blockSize = view.getUint32(40);
  if (blockSize < 512 || (blockSize & (blockSize - 1)) !== 0) return undefined;
  return signature === SIGNATURE_HFSX ? "HFSX" : "HFS+";
}

/**
 * Whether a volume with this header takes most of `size`: that of a partition at the end of a disk
 * is the disk's own last but one sector, too.
 */
function fills(bytes: Uint8Array, offset: number, size: number): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset + offset, VOLUME_HEADER_BYTES);
  const blockSize = view.getUint32(40);
  const volumeBytes = blockSize * view.getUint32(44);
  return volumeBytes <= size && volumeBytes + blockSize > size;
}

/** A Master Directory Block whose drEmbedSigWord is HFS+'s. */
function isWrapper(head: Uint8Array): boolean {
  if (head.length < VOLUME_HEADER_OFFSET + VOLUME_HEADER_BYTES) return false;
  const view = new DataView(head.buffer, head.byteOffset + VOLUME_HEADER_OFFSET);
  return (
    view.getUint16(0) === SIGNATURE_HFS &&
    (view.getUint16(0x7c) === SIGNATURE_HFS_PLUS || view.getUint16(0x7c) === SIGNATURE_HFSX)
  );
}
