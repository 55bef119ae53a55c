/** Which files of a folder are images to mount, by their names alone. */

/** In lower case: of what is read. What has one of these is offered to the daemon, which looks into it. */
const imageExtensions = new Set([
  ...["iso", "iso9660", "udf", "cdr", "toast", "bin", "mdf", "nrg", "mdx"],
  ...[
    "img",
    "image",
    "raw",
    "dd",
    "hda",
    "hdv",
    "wic",
    "ext2",
    "ext3",
    "ext4",
    "fat",
    "exfat",
    "ntfs",
  ],
  ...["ima", "flp", "vfd", "dsk", "st", "xdf", "dmf", "hdm"],
  ...[
    "dmg",
    "smi",
    "sparseimage",
    "sparsebundle",
    "backupbundle",
    "asif",
    "hfs",
    "hfv",
    "dc42",
    "diskcopy42",
    "2mg",
    "2img",
  ],
]);

/** Text or tables that say what lies in the data files beside them. */
const sheetExtensions = new Set(["cue", "toc", "ccd", "mds"]);

/** What sheets lead to: not mounted by itself where there is a sheet. */
const dataExtensions = new Set(["bin", "img", "mdf", "iso", "raw", "wav", "flac", "mp3", "aiff"]);

/** What programs append to the name of a file that is not whole yet. */
const partialExtensions = [
  ...["part", "partial", "crdownload", "download", "opdownload", "tmp", "temp", "aria2", "!qb"],
  ...["!ut", "bc!", "unconfirmed", "filepart"],
];

interface NameParts {
  /** Without the last extension, in lower case. */
  stem: string;
  extension: string;
}

function partsOf(name: string): NameParts {
  const lower = name.toLowerCase();
  const dot = lower.lastIndexOf(".");
  return dot <= 0
    ? { stem: lower, extension: "" }
    : { stem: lower.slice(0, dot), extension: lower.slice(dot + 1) };
}

/** Hidden files and backup copies are nobody's images; partial ones not yet. */
function isPassedOver(name: string): boolean {
  return (
    name.startsWith(".") ||
    name.endsWith("~") ||
    partialExtensions.includes(partsOf(name).extension)
  );
}

export function isBundle(name: string): boolean {
  return ["sparsebundle", "backupbundle"].includes(partsOf(name).extension);
}

export interface Candidate {
  name: string;
  /** Files that have to be whole as well: of a sheet, the data. */
  data: string[];
  isSheet: boolean;
}

/** Of all names in a folder, those to mount. A sheet takes the data that is named after it. */
export function candidates(names: readonly string[]): Candidate[] {
  const present = new Set(names.map((name) => name.toLowerCase()));
  const isPartial = (name: string) =>
    partialExtensions.some((extension) => present.has(`${name.toLowerCase()}.${extension}`));
  const visible = names.filter((name) => !isPassedOver(name) && !isPartial(name));
  const files = visible.map((name) => ({ name, ...partsOf(name) }));
  const sheets = files.filter(({ extension }) => sheetExtensions.has(extension));
  const data = files.filter(({ extension }) => dataExtensions.has(extension));
  const taken = new Set<string>();
  const found: Candidate[] = sheets.map((sheet) => {
    const own = data.filter(({ stem }) => isNamedAfter(stem, sheet.stem)).map(({ name }) => name);
    for (const name of own) taken.add(name);
    return { name: sheet.name, data: own, isSheet: true };
  });
  for (const { name, extension } of files) {
    if (!imageExtensions.has(extension) || taken.has(name)) continue;
    found.push({ name, data: [], isSheet: false });
  }
  return found;
}

/** `game` and `game (track 1)` of `game.cue`, but not `games`. */
function isNamedAfter(stem: string, sheet: string): boolean {
  return stem.startsWith(sheet) && !/^[\p{L}\p{N}]/u.test(stem.slice(sheet.length));
}
