/** In which code page short names are: nothing in a FAT volume says so. */
import { ImageError } from "../../errors.js";
import { type Charset, charsetById } from "../../text/charset.js";
import { detectOemCharset } from "../../text/detect.js";
import { ATTR_DIRECTORY, firstCluster } from "./directory-record.js";
import { scanDirectory } from "./directory-scan.js";
import type { DirectoryStream } from "./directory-stream.js";

/** However large the volume: a few milliseconds. */
const MAX_DIRECTORIES = 20;
const MAX_ENTRIES = 2000;
/** Below 0x40 no code page has a trail byte: these stand for themselves, and DOS forbids them in names. */
const FORBIDDEN = new Set(Buffer.from('"*+,./:;<=>?', "latin1"));

/**
 * Judged by the names that are shown as short ones, of the directories nearest to the root.
 * `open` gives the directory that begins in a cluster.
 */
export function surveyCharset(
  root: DirectoryStream,
  open: (cluster: number) => DirectoryStream,
  fatBits: number,
): Charset {
  const survey = new Survey(fatBits);
  const { directories } = survey;
  for (let i = 0; i < directories.length && !survey.isDone; i++) {
    try {
      survey.add(i === 0 ? root : open(directories[i]));
    } catch (error) {
      // Whoever reads that directory will be told; the others are sample enough.
      if (!(error instanceof ImageError)) throw error;
    }
  }
  return survey.charset;
}

class Survey {
  /** First clusters of those met; the root's stands as 0. */
  readonly directories = [0];
  private readonly samples: Uint8Array[] = [];
  private entries = 0;
  private noise = false;

  constructor(private readonly fatBits: number) {}

  get isDone(): boolean {
    return this.entries >= MAX_ENTRIES || this.noise;
  }

  get charset(): Charset {
    // A damaged volume's names are in no code page.
    const { noise, samples } = this;
    return noise || samples.length === 0 ? charsetById("cp437") : detectOemCharset(samples);
  }

  add(stream: DirectoryStream): void {
    scanDirectory(stream, 0, (long) => {
      const { bytes, offset } = stream;
      if ((bytes[offset + 11] & ATTR_DIRECTORY) !== 0) {
        this.remember(firstCluster(bytes, offset, this.fatBits));
      }
      if (long === undefined) this.sample(bytes.slice(offset, offset + 11));
      this.entries++;
      return !this.isDone;
    });
  }

  private remember(cluster: number): void {
    if (cluster === 0 || this.directories.includes(cluster)) return;
    if (this.directories.length < MAX_DIRECTORIES) this.directories.push(cluster);
  }

  private sample(name: Uint8Array): void {
    // 0xE5 would mark a deleted entry, so names that begin with it (in Shift_JIS) store 0x05.
    if (name[0] === 0x05) name[0] = 0xe5;
    const both = parts(name);
    this.noise = both.some((part) => part.some((byte) => byte < 0x20 || FORBIDDEN.has(byte)));
    if (name.some((byte) => byte >= 0x80)) this.samples.push(...both);
  }
}

/** Base and extension, without the spaces that fill them up. */
function parts(name: Uint8Array): Uint8Array[] {
  return [name.subarray(0, 8), name.subarray(8)].map((part) => {
    let end = part.length;
    while (end > 0 && (part[end - 1] === 0x20 || part[end - 1] === 0)) end--;
    return part.subarray(0, end);
  });
}
