/**
 * Opens sparse bundles: `Info.plist` says how large the disk and its bands are, `bands/HEX` hold the
 * bands, and a `token` that is not empty holds the header of an encrypted image.
 *
 * Every band that exists is opened here and kept open.
 */
import { corrupt, ImageError, unsupported } from "../../errors.js";
import type { Medium, OpenContext } from "../../format.js";
import type { ByteSource } from "../../source/byte-source.js";
import { readExactly } from "../../source/read-exactly.js";
import { openBands } from "../encrypted/encrypted.js";
import { parsePlist } from "../udif/plist.js";
import { BandSource } from "./band-source.js";

const FORMAT = "sparsebundle";
/** Far more than Info.plist takes. */
const MAX_PLIST = 1024 * 1024;
const BUNDLE_TYPE = "com.apple.diskimage.sparsebundle";
const CIPHER_BLOCK = 16;

export function open(source: ByteSource, context: OpenContext): Medium {
  const warnings: string[] = [];
  const { bandSize, size } = readInfoOrCopy(source, context, warnings);
  const bands = new Map<number, ByteSource>();
  const bandCount = Math.ceil(size / bandSize);
  for (const name of context.neighbourNames("bands")) {
    // Bands are named by their number in lower-case hexadecimal; editors leave other files there.
    if (!/^(?:0|[1-9a-f][0-9a-f]{0,12})$/i.test(name)) continue;
    const number = Number.parseInt(name, 16);
    if (number >= bandCount) {
      // A bundle that was shrunk may keep its last bands.
      warnings.push(`band ${name} lies behind the end of the disk`);
      continue;
    }
    bands.set(number, context.neighbour(`bands/${name}`));
  }
  // Encryption goes by whole cipher blocks.
  const stored = new BandSource(bands, bandSize, Math.ceil(size / CIPHER_BLOCK) * CIPHER_BLOCK);
  const token = context.neighbourNames().some((name) => name.toLowerCase() === "token")
    ? context.neighbour("token")
    : undefined;
  const isEncrypted = token !== undefined && token.size > 0;
  return {
    source: isEncrypted
      ? openBands(token, stored, bandSize, size, context)
      : new BandSource(bands, bandSize, size),
    sectorSize: 512,
    details: { bandSize, bands: bandCount, bandsUsed: bands.size, encrypted: isEncrypted },
    warnings: warnings.slice(0, 10),
  };
}

/** Info.bckup is a copy of Info.plist, for when that is damaged. */
function readInfoOrCopy(source: ByteSource, context: OpenContext, warnings: string[]): BundleInfo {
  try {
    return readInfo(source);
  } catch (error) {
    if (!(error instanceof ImageError)) throw error;
    const copy = context.neighbourNames().find((name) => name.toLowerCase() === "info.bckup");
    if (copy === undefined) throw error;
    const info = readInfo(context.neighbour(copy));
    warnings.push(`${error.message}; Info.bckup was used`);
    return info;
  }
}

interface BundleInfo {
  bandSize: number;
  size: number;
}

function readInfo(source: ByteSource): BundleInfo {
  if (source.size > MAX_PLIST) {
    throw new ImageError("limit", FORMAT, `an Info.plist of ${source.size} bytes`);
  }
  const info = parsePlist(readExactly(source, 0, source.size, FORMAT, "Info.plist"), FORMAT);
  if (!(info instanceof Map)) throw corrupt(FORMAT, "Info.plist", 0, "it holds no dictionary");
  const type = info.get("diskimage-bundle-type");
  if (type !== BUNDLE_TYPE) throw unsupported(FORMAT, `bundle type ${String(type).slice(0, 80)}`);
  const bandSize = info.get("band-size");
  const size = info.get("size");
  if (typeof bandSize !== "number" || !Number.isSafeInteger(bandSize) || bandSize < 1) {
    throw corrupt(FORMAT, "Info.plist", 0, `band-size ${String(bandSize).slice(0, 40)}`);
  }
  if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 0) {
    throw corrupt(FORMAT, "Info.plist", 0, `size ${String(size).slice(0, 40)}`);
  }
  return { bandSize, size };
}
