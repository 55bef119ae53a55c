/**
 * Real images with listings by independent readers, if the folder is there: `$ISOMOUNT_CORPUS`, or
 * `shared/corpus` beside the project. Tests print why they skip where it is not.
 */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";

const project = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
const folder = resolve(process.env.ISOMOUNT_CORPUS ?? join(project, "../shared/corpus"));

export interface CorpusImage {
  /** Path below the corpus: `img/libcdio/joliet.iso`. */
  image: string;
  /** `raw > iso9660:Joliet\ Extension mbr2:ef:vfat:FAT12`. */
  kind: string;
  passphrase?: string;
}

/** One row of a listing: type, mode, nlink, uid, gid, size, mtime, sha256 or link target, path. */
export type ListedFile = [
  type: string,
  mode: string,
  nlink: string,
  uid: string,
  gid: string,
  size: string,
  mtime: string,
  content: string,
  path: string,
];

export interface ExpectedVolume {
  /** Bytes from the start of the medium. */
  offset: number;
  /** `whole`, `gpt1`, `mbr5`. */
  where: string;
  filesystem: string;
  agreement: string;
  /** The name of the reader to believe first. */
  best: string;
  listings: Record<string, ListedFile[]>;
}

export const corpusMissing = existsSync(join(folder, "manifest.tsv"))
  ? undefined
  : `no corpus of real images at ${folder} (set ISOMOUNT_CORPUS)`;

/** Every image of the corpus; empty where there is none. */
export function corpusImages(): CorpusImage[] {
  if (corpusMissing !== undefined) {
    console.log(`skipped: ${corpusMissing}`);
    return [];
  }
  const lines = readFileSync(join(folder, "manifest.tsv"), "utf8").split("\n").slice(1);
  return lines
    .filter((line) => line !== "")
    .map((line) => {
      const [image, kind, , , , passphrase] = line.split("\t");
      return { image, kind, passphrase: passphrase || undefined };
    });
}

/** The image's bytes. */
export function corpusBytes(image: string): Uint8Array {
  return gunzipSync(readFileSync(join(folder, `${image}.gz`)));
}

/** What independent readers saw, volume by volume; undefined where none read it. */
export function corpusExpected(image: string): ExpectedVolume[] | undefined {
  const path = join(folder, "expected", `${image}.json.gz`);
  if (!existsSync(path)) return undefined;
  return JSON.parse(gunzipSync(readFileSync(path)).toString()).volumes;
}
