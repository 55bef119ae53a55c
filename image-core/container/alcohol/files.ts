/** The image files that a media descriptor names, one behind the other as one source. */
import { corrupt } from "../../errors.js";
import type { OpenContext } from "../../format.js";
import type { ByteSource } from "../../source/byte-source.js";
import { type Piece, PieceSource } from "../../source/piece-source.js";
import { readExactly } from "../../source/read-exactly.js";
import { charsetById } from "../../text/charset.js";
import { detectCharset } from "../../text/detect.js";
import { openNamedOr, withExtension } from "../disc/named-file.js";
import { decodeFooter, FOOTER_BYTES, type TrackBlock } from "./structs.js";

const ID = "alcohol";
/** Images are split to fit CDs or FAT: a dozen parts. */
const MAX_FILES = 256;
const MAX_NAME_BYTES = 1024;

/** Opens each set of files once: all tracks of an image name the same. */
export class ImageFiles {
  private readonly opened = new Map<string, ByteSource>();

  constructor(
    private readonly descriptor: ByteSource,
    private readonly context: OpenContext,
    private readonly warnings: string[],
  ) {}

  of(track: TrackBlock): ByteSource {
    const { footerOffset, numberOfFiles } = track;
    const count = footerOffset === 0 ? 0 : numberOfFiles;
    if (count > MAX_FILES) {
      throw corrupt(ID, "track block", footerOffset, `${count} files, at most ${MAX_FILES}`);
    }
    const names: string[] = [];
    for (let i = 0; i < count; i++) names.push(this.name(footerOffset + i * FOOTER_BYTES));
    // Some writers name no file: it is the one called like the descriptor.
    if (names.length === 0) names.push("*.mdf");
    const key = names.join("\0");
    let source = this.opened.get(key);
    if (source === undefined) {
      source = this.open(names);
      this.opened.set(key, source);
    }
    return source;
  }

  private open(names: readonly string[]): ByteSource {
    const stem = withExtension(this.context.name, "");
    const pieces: Piece[] = [];
    let size = 0;
    for (const name of names) {
      const own = name.startsWith("*") ? stem + name.slice(1) : name;
      const others = names.length === 1 ? [`${stem}.mdf`] : [];
      const source = openNamedOr(this.context, ID, own, others, this.warnings);
      if (names.length === 1) return source;
      if (source.size === 0) continue;
      pieces.push({ start: size, size: source.size, source });
      size += source.size;
    }
    return new PieceSource(pieces, size);
  }

  private name(footerOffset: number): string {
    const bytes = readExactly(this.descriptor, footerOffset, FOOTER_BYTES, ID, "footer");
    const { filenameOffset, widechar } = decodeFooter(new DataView(bytes.buffer));
    const length = Math.min(MAX_NAME_BYTES, this.descriptor.size - filenameOffset);
    const name = readExactly(this.descriptor, filenameOffset, Math.max(1, length), ID, "file name");
    if (widechar) {
      const text = new TextDecoder("utf-16le").decode(name);
      return text.split("\0", 1)[0];
    }
    const end = name.indexOf(0);
    const text = name.subarray(0, end < 0 ? name.length : end);
    const { charset } = this.context.options;
    const decoder = charset === undefined ? detectCharset([text]) : charsetById(charset);
    return decoder.decode(text, 0, text.length);
  }
}
