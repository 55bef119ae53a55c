/** Opens the disc that a TOC file describes. */
import { ImageError, unsupported } from "../../errors.js";
import type { Medium, OpenContext } from "../../format.js";
import type { ByteSource } from "../../source/byte-source.js";
import { type DiscPlan, discMedium } from "../disc/disc.js";
import { extensionOf, openNamed } from "../disc/named-file.js";
import { readSheet } from "../disc/sheet.js";
import { type Samples, samplesOf } from "../disc/sound-file.js";
import { layOut } from "./layout.js";
import { parseToc, type TocFile } from "./parse.js";

const ID = "cdrdao";
const MAX_FILES = 256;
const COMPRESSED = new Set([".mp3", ".ogg", ".flac", ".m4a", ".ape"]);

export function open(source: ByteSource, context: OpenContext): Medium {
  const toc = parseToc(readSheet(source, context, ID));
  const { title, performer, catalog } = toc;
  const files = new Files(context);
  const warnings: string[] = [];
  const tracks = layOut(toc.tracks, (file, audio) => files.part(file, audio), warnings);
  const plan: DiscPlan = { format: ID, tracks, title, performer, details: {}, warnings };
  if (catalog !== undefined) plan.details.catalog = catalog;
  return discMedium(plan);
}

/** Each file is opened once, however many tracks are cut out of it. */
class Files {
  private readonly opened = new Map<string, ByteSource>();

  constructor(private readonly context: OpenContext) {}

  part(file: TocFile, audio: boolean): { source: ByteSource; swapped: boolean } {
    const source = this.source(file);
    if (!audio || file.data) return { source, swapped: file.swap };
    const extension = extensionOf(file.name).toLowerCase();
    if (COMPRESSED.has(extension)) {
      throw unsupported(ID, `line ${file.line}: ${JSON.stringify(file.name)} is compressed sound`);
    }
    // The ending decides, as for cdrdao: raw samples are big-endian.
    const raw: Samples = { source, bigEndian: true };
    const samples = extension === ".wav" ? (samplesOf(source, ID, file.name) ?? raw) : raw;
    return { source: samples.source, swapped: samples.bigEndian !== file.swap };
  }

  private source(file: TocFile): ByteSource {
    let source = this.opened.get(file.name);
    if (source === undefined) {
      if (this.opened.size === MAX_FILES) {
        throw new ImageError("limit", ID, `line ${file.line}: more than ${MAX_FILES} files`);
      }
      source = openNamed(this.context, ID, file.name);
      this.opened.set(file.name, source);
    }
    return source;
  }
}
