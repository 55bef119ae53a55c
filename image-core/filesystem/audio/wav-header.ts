/** The header of a WAV file of CD audio (Microsoft, Multimedia Programming Interface 1.0, ch. 3). */

export const WAV_HEADER_BYTES = 44;
const CHANNELS = 2;
const RATE = 44100;
const SAMPLE_BYTES = 2;

/** `dataBytes` beyond 32 bits are written as the most: players then read to the end. */
export function wavHeader(dataBytes: number): Uint8Array {
  const header = new Uint8Array(WAV_HEADER_BYTES);
  const view = new DataView(header.buffer);
  const put = (at: number, text: string) => {
    for (let i = 0; i < text.length; i++) header[at + i] = text.charCodeAt(i);
  };
  put(0, "RIFF");
  view.setUint32(4, Math.min(0xffffffff, dataBytes + WAV_HEADER_BYTES - 8), true);
  put(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, CHANNELS, true);
  view.setUint32(24, RATE, true);
  view.setUint32(28, RATE * CHANNELS * SAMPLE_BYTES, true);
  view.setUint16(32, CHANNELS * SAMPLE_BYTES, true);
  view.setUint16(34, SAMPLE_BYTES * 8, true);
  put(36, "data");
  view.setUint32(40, Math.min(0xffffffff, dataBytes), true);
  return header;
}
