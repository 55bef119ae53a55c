/** The structures of Alcohol 120% media descriptors, version 1 (as documented by libMirage). */

export const SIGNATURE = "MEDIA DESCRIPTOR";
export const HEADER_BYTES = 88;
export const SESSION_BYTES = 24;
export const TRACK_BYTES = 80;
export const TRACK_EXTRA_BYTES = 8;
export const FOOTER_BYTES = 16;

/** The medium is a DVD or Blu-ray disc: one of 0x10 to 0x1F. */
export const MEDIUM_DVD = 0x10;

export interface Header {
  versionMajor: number;
  versionMinor: number;
  mediumType: number;
  numSessions: number;
  sessionsBlocksOffset: number;
}

export function decodeHeader(view: DataView): Header {
  return {
    versionMajor: view.getUint8(16),
    versionMinor: view.getUint8(17),
    mediumType: view.getUint16(18, true),
    numSessions: view.getUint16(20, true),
    sessionsBlocksOffset: view.getUint32(80, true),
  };
}

export interface SessionBlock {
  sessionStart: number;
  sessionEnd: number;
  sessionNumber: number;
  numAllBlocks: number;
  tracksBlocksOffset: number;
}

export function decodeSession(view: DataView): SessionBlock {
  return {
    sessionStart: view.getInt32(0, true),
    sessionEnd: view.getInt32(4, true),
    sessionNumber: view.getUint16(8, true),
    numAllBlocks: view.getUint8(10),
    tracksBlocksOffset: view.getUint32(20, true),
  };
}

export interface TrackBlock {
  mode: number;
  subchannel: number;
  /** 1 to 99 for tracks. */
  point: number;
  /** Where the extra block lies; for DVDs the length in sectors. */
  extraOffset: number;
  sectorSize: number;
  startSector: number;
  /** In the image; more than 2^53 comes out as what it is nearest to. */
  startOffset: number;
  numberOfFiles: number;
  footerOffset: number;
}

export function decodeTrack(view: DataView, at: number): TrackBlock {
  return {
    mode: view.getUint8(at),
    subchannel: view.getUint8(at + 1),
    point: view.getUint8(at + 4),
    extraOffset: view.getUint32(at + 12, true),
    sectorSize: view.getUint16(at + 16, true),
    startSector: view.getInt32(at + 36, true),
    startOffset: view.getUint32(at + 44, true) * 2 ** 32 + view.getUint32(at + 40, true),
    numberOfFiles: view.getUint32(at + 48, true),
    footerOffset: view.getUint32(at + 52, true),
  };
}

export interface Footer {
  filenameOffset: number;
  /** The name is in UTF-16. */
  widechar: boolean;
}

export function decodeFooter(view: DataView): Footer {
  return { filenameOffset: view.getUint32(0, true), widechar: view.getUint32(4, true) !== 0 };
}
