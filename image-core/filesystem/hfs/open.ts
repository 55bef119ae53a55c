/** Opens HFS volumes (Inside Macintosh: Files, "Data Organization on Volumes"). */
import { ImageError } from "../../errors.js";
import type { OpenContext } from "../../format.js";
import type { ByteSource } from "../../source/byte-source.js";
import { readExactly } from "../../source/read-exactly.js";
import { charsetById } from "../../text/charset.js";
import { BTree } from "../apple/btree.js";
import { Catalog } from "../apple/catalog.js";
import type { AllocationBlocks } from "../apple/extents.js";
import { ExtentsOverflow, ForkType } from "../apple/extents-overflow.js";
import { openFork } from "../apple/fork.js";
import { lazyTree } from "../apple/lazy-tree.js";
import { MacNames } from "../apple/mac-names.js";
import { unixFromLocalMac } from "../apple/mac-time.js";
import { StoredForks } from "../apple/stored-forks.js";
import type { Volume } from "../volume.js";
import { hfsDialect } from "./dialect.js";
import {
  ALTERNATE_MDB_DISTANCE,
  DR_ATRB_UNMOUNTED,
  decodeMdb,
  looksLikeMdb,
  type MasterDirectoryBlock,
  MDB_BYTES,
  MDB_OFFSET,
} from "./mdb.js";
import { volumeCharset } from "./script.js";
import { HfsVolume } from "./volume.js";

const SECTOR_BYTES = 512;
/** Str31 */
const MAX_NAME_BYTES = 31;
/** CNID of the catalog file. */
const CATALOG_FILE_CNID = 4;
const TREE = { format: "hfs", keyLengthBytes: 1 } as const;

/** Throws `corrupt` where no Master Directory Block or no root folder is found. */
export function open(source: ByteSource, context: OpenContext): Volume {
  const { mdb, warnings } = readMdb(source);
  const blocks: AllocationBlocks = {
    start: mdb.drAlBlSt * SECTOR_BYTES,
    size: mdb.drAlBlkSiz,
    count: mdb.drNmAlBlks,
  };
  const extentsTree = lazyTree(
    () =>
      new BTree(openFork(source, blocks, mdb.extentsFile, "hfs", "extents file"), "extents", TREE),
    "what lies in more than three extents",
    warnings,
  );
  const overflow = new ExtentsOverflow(extentsTree, false);
  const catalogFile = openFork(
    source,
    blocks,
    mdb.catalogFile,
    "hfs",
    "catalog file",
    (fileBlock) => overflow.find(CATALOG_FILE_CNID, ForkType.data, fileBlock),
  );
  const catalogTree = new BTree(catalogFile, "catalog", TREE);
  const chosen = context.options.charset;
  const charset = chosen === undefined ? volumeCharset(catalogTree) : charsetById(chosen);
  const localOffset = (seconds: number) => context.localOffset(seconds);
  const traits = { drAlBlkSiz: mdb.drAlBlkSiz, localOffset };
  const catalog = new Catalog(
    catalogTree,
    hfsDialect(new MacNames(charset, MAX_NAME_BYTES), traits),
  );
  const end = blocks.start + blocks.count * blocks.size;
  if (end > source.size) {
    warnings.push(`the volume has ${end} bytes, the image only ${source.size}`);
  }
  return new HfsVolume(
    { mdb, forks: new StoredForks(source, blocks, overflow, "hfs"), catalog },
    {
      format: "hfs",
      title: "HFS",
      label: catalog.entryAt(catalog.rootPosition())?.name ?? "",
      created: mdb.drCrDate === 0 ? undefined : unixFromLocalMac(mdb.drCrDate, 0, localOffset),
      blockSize: mdb.drAlBlkSiz,
      features: [`names in ${charset.id}`],
      boot: mdb.systemFolder === 0 ? undefined : ["blessed system folder"],
      warnings,
    },
    context,
  );
}

/** The MDB, or its alternate at the end of the volume where the first is none. */
function readMdb(source: ByteSource): { mdb: MasterDirectoryBlock; warnings: string[] } {
  const bytes = readExactly(source, MDB_OFFSET, MDB_BYTES, "hfs", "Master Directory Block");
  const warnings: string[] = [];
  try {
    const mdb = decodeMdb(bytes, MDB_OFFSET);
    if ((mdb.drAtrb & DR_ATRB_UNMOUNTED) === 0) {
      warnings.push("the volume was not unmounted cleanly");
    }
    return { mdb, warnings };
  } catch (error) {
    const offset = source.size - ALTERNATE_MDB_DISTANCE;
    if (!(error instanceof ImageError) || offset <= MDB_OFFSET) throw error;
    const alternate = readExactly(source, offset, MDB_BYTES, "hfs", "alternate MDB");
    if (!looksLikeMdb(alternate, 0)) throw error;
    warnings.push("the Master Directory Block is damaged; the alternate was used");
    return { mdb: decodeMdb(alternate, offset), warnings };
  }
}
