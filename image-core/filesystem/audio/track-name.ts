/** What a track is called as a file. */
import type { DiscLayout, DiscTrack } from "../../format.js";
import { safeName } from "../../text/escape.js";

/** The most that Linux takes for a name, in bytes. */
const MAX_NAME_BYTES = 255;
const EXTENSION = ".wav";

/**
 * `01 - Title.wav`; `01 - Performer - Title.wav` where the disc is not all one performer's;
 * `Track 01.wav` without CD-Text. Unique, for the number is.
 */
export function trackName(track: DiscTrack, disc: DiscLayout): string {
  const number = String(track.number).padStart(2, "0");
  const title = track.title?.trim() ?? "";
  if (title === "") return `Track ${number}${EXTENSION}`;
  const performer = track.performer?.trim() ?? "";
  const own = performer !== "" && performer !== disc.performer?.trim();
  const text = own ? `${performer} - ${title}` : title;
  return shortened(safeName(`${number} - ${withoutControls(text)}`)) + EXTENSION;
}

/** No title means them, and terminals obey them. */
function withoutControls(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are the point.
  return text.replace(/[\x00-\x1f\x7f-\x9f]+/g, " ");
}

function shortened(name: string): string {
  const room = MAX_NAME_BYTES - EXTENSION.length;
  if (Buffer.byteLength(name) <= room) return name;
  let kept = "";
  let bytes = 0;
  for (const character of name) {
    bytes += Buffer.byteLength(character);
    if (bytes > room) break;
    kept += character;
  }
  return kept;
}
