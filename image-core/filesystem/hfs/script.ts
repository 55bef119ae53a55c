/**
 * Which charset a volume's names are in. HFS stores no such thing for the volume; the Finder notes
 * the script of a name in its file's or folder's extended information (Inside Macintosh: Macintosh
 * Toolbox Essentials, 7-49 and 7-53, fdScript and frScript), other writers do not.
 */
import { ImageError } from "../../errors.js";
import { type Charset, charsetById } from "../../text/charset.js";
import { detectMacCharset } from "../../text/detect.js";
import type { BTree } from "../apple/btree.js";
import type { BTreeNode } from "../apple/btree-node.js";

/** However large the volume: a few milliseconds. */
const MAX_RECORDS = 5000;
const MAX_SAMPLES = 2000;
/** ckrResrv1 and ckrParID come before the name's length. */
const NAME_LENGTH_AT = 5;
const CDR_DIR_REC = 1;
const CDR_FIL_REC = 2;
/** From a record's start: the script in dirFndrInfo and filFndrInfo. */
const SCRIPT_AT: Readonly<Record<number, number>> = { [CDR_DIR_REC]: 46, [CDR_FIL_REC]: 64 };
/** Else the byte means something else, or nothing. */
const SCRIPT_IS_SET = 0x80;

/** Script codes (Inside Macintosh: Text, 6-52). */
const charsetOfScript: Readonly<Record<number, string>> = {
  0: "macroman",
  1: "macjapanese",
  2: "macchinesetrad",
  3: "mackorean",
  6: "macgreek",
  7: "maccyrillic",
  25: "macchinesesimp",
  29: "maccentraleurope",
};

interface Sampled {
  names: Uint8Array[];
  /** How many names that are not ASCII each script is noted for. */
  scripts: Map<number, number>;
}

/** By the Finder's notes; where it made none, by what the names look like. */
export function volumeCharset(catalog: BTree): Charset {
  const sampled: Sampled = { names: [], scripts: new Map() };
  try {
    sample(catalog, sampled);
  } catch (error) {
    // A damaged catalog is judged by what was read of it.
    if (!(error instanceof ImageError)) throw error;
  }
  const [noted] = [...sampled.scripts].sort((a, b) => b[1] - a[1]);
  if (noted !== undefined && noted[1] * 2 >= sampled.names.length) {
    return charsetById(charsetOfScript[noted[0]]);
  }
  return detectMacCharset(sampled.names);
}

function sample(catalog: BTree, { names, scripts }: Sampled): void {
  // Every key lies behind the wanted one: this is the first leaf.
  const first = catalog.search(() => 1);
  if (first === undefined) return;
  let records = 0;
  catalog.walk(first.node, 0, (node, record) => {
    const name = entryName(node, record);
    if (name?.some((byte) => byte >= 0x80)) {
      names.push(name);
      const script = entryScript(node, record);
      if (script !== undefined) scripts.set(script, (scripts.get(script) ?? 0) + 1);
    }
    return ++records < MAX_RECORDS && names.length < MAX_SAMPLES;
  });
}

/** Of a folder or file; undefined for other records. */
function entryName(node: BTreeNode, record: number): Uint8Array | undefined {
  if (SCRIPT_AT[node.bytes[node.dataStart(record)]] === undefined) return undefined;
  const start = node.keyStart(record) + NAME_LENGTH_AT;
  const end = start + 1 + node.bytes[start];
  return end > node.keyEnd(record) ? undefined : node.bytes.slice(start + 1, end);
}

function entryScript(node: BTreeNode, record: number): number | undefined {
  const start = node.dataStart(record);
  const at = start + SCRIPT_AT[node.bytes[start]];
  if (at >= node.recordEnd(record) || (node.bytes[at] & SCRIPT_IS_SET) === 0) return undefined;
  const script = node.bytes[at] & ~SCRIPT_IS_SET;
  return charsetOfScript[script] === undefined ? undefined : script;
}
