/** Opens HFS+ and HFSX volumes: unwraps them, replays the journal, opens the B-trees (TN1150). */
import { createHash } from "node:crypto";
import { corrupt, ImageError } from "../../errors.js";
import type { OpenContext } from "../../format.js";
import type { ByteSource } from "../../source/byte-source.js";
import { readExactly } from "../../source/read-exactly.js";
import { SliceSource } from "../../source/slice-source.js";
import { BTree } from "../apple/btree.js";
import { Catalog } from "../apple/catalog.js";
import type { ForkDescription } from "../apple/catalog-entry.js";
import type { AllocationBlocks } from "../apple/extents.js";
import { ExtentsOverflow, ForkType } from "../apple/extents-overflow.js";
import { openFork } from "../apple/fork.js";
import { lazyTree } from "../apple/lazy-tree.js";
import { unixFromMac } from "../apple/mac-time.js";
import { StoredForks } from "../apple/stored-forks.js";
import type { Volume, VolumeDescription } from "../volume.js";
import { AttributesFile } from "./attributes-file.js";
import { hfsPlusDialect } from "./dialect.js";
import { type Replay, replayJournal } from "./journal.js";
import { VOLUME_HEADER_OFFSET } from "./layout.js";
import { HardLinks } from "./links.js";
import { HfsPlusVolume } from "./volume.js";
import {
  type FoundHeader,
  SIGNATURE_HFSX,
  VolumeAttributes,
  type VolumeHeader,
  volumeHeaders,
} from "./volume-header.js";

/** CNIDs of the special files. */
const CATALOG_FILE_CNID = 4;
const ATTRIBUTES_FILE_CNID = 8;

/** keyCompareType of a catalog that is sorted by code units. */
const BINARY_COMPARE = 0xbc;

const SIGNATURE_HFS = 0x4244;

/** Throws `corrupt` where no volume header or no root folder is found. */
export function open(source: ByteSource, context: OpenContext): Volume {
  const device = openDevice(source);
  const headers = volumeHeaders(device.bare);
  let failure: unknown;
  for (const found of headers) {
    try {
      return openByHeader(device, found, context);
    } catch (error) {
      // The other header may lead to trees that are whole.
      if (!(error instanceof ImageError)) throw error;
      failure ??= error;
    }
  }
  throw failure;
}

/** The volume, bare or within a wrapper. */
interface Device {
  source: ByteSource;
  /** Of the HFS+ volume within `source`. */
  start: number;
  size: number;
  isWrapped: boolean;
  /** The HFS+ volume, its journal not replayed. */
  bare: ByteSource;
}

function openDevice(source: ByteSource): Device {
  const wrapped = embeddedVolume(source);
  const start = wrapped?.start ?? 0;
  const size = wrapped?.size ?? source.size;
  return {
    source,
    start,
    size,
    isWrapped: wrapped !== undefined,
    bare: new SliceSource(source, start, size),
  };
}

function openByHeader(device: Device, found: FoundHeader, context: OpenContext): Volume {
  const { source, start, size } = device;
  const replay = replayJournal(source, start, found.header);
  const volume =
    start === 0 && size === source.size
      ? replay.source
      : new SliceSource(replay.source, start, size);
  const header = replay.transactions > 0 ? replayedHeader(volume, found) : found.header;

  const warnings: string[] = [];
  const blocks: AllocationBlocks = { start: 0, size: header.blockSize, count: header.totalBlocks };
  const extentsTree = lazyTree(
    () =>
      new BTree(
        openFork(volume, blocks, header.extentsFile, "hfsplus", "extents file"),
        "extents",
        TREE,
      ),
    "what lies in more than eight extents",
    warnings,
  );
  const overflow = new ExtentsOverflow(extentsTree, true);
  const openTree = (fork: ForkDescription, cnid: number, name: string) =>
    new BTree(
      openFork(volume, blocks, fork, "hfsplus", `${name} file`, (fileBlock) =>
        overflow.find(cnid, ForkType.data, fileBlock),
      ),
      name,
      TREE,
    );
  const catalogTree = openTree(header.catalogFile, CATALOG_FILE_CNID, "catalog");
  const caseSensitive =
    header.signature === SIGNATURE_HFSX && catalogTree.keyCompareType === BINARY_COMPARE;
  const catalog = new Catalog(catalogTree, hfsPlusDialect(caseSensitive));
  const attributesFile =
    header.attributesFile.logicalSize === 0
      ? undefined
      : new AttributesFile(
          lazyTree(
            () => openTree(header.attributesFile, ATTRIBUTES_FILE_CNID, "attributes"),
            "extended attributes and compressed files",
            warnings,
          ),
        );
  const links = new HardLinks(catalog, attributesFile);
  const isJournaled = (header.attributes & VolumeAttributes.journaled) !== 0;

  const description: VolumeDescription = {
    format: "hfsplus",
    title: title(header, caseSensitive, isJournaled),
    label: catalog.entryAt(catalog.rootPosition())?.name ?? "",
    uuid: volumeUuid(header.volumeId),
    created: created(header, context),
    blockSize: header.blockSize,
    features: features(
      caseSensitive,
      isJournaled,
      device.isWrapped,
      attributesFile !== undefined,
      links,
    ),
    boot: header.systemFolder === 0 ? undefined : ["blessed system folder"],
    warnings: [...stateWarnings(header, found.alternate, replay, volume), ...warnings],
  };
  return new HfsPlusVolume(
    {
      header,
      forks: new StoredForks(volume, blocks, overflow, "hfsplus"),
      catalog,
      attributesFile,
      links,
      isJournaled,
    },
    description,
    context,
  );
}

/** The journal may hold a newer header than the one that named it. */
function replayedHeader(volume: ByteSource, found: FoundHeader): VolumeHeader {
  for (const { header, alternate } of volumeHeaders(volume)) {
    if (alternate === found.alternate) return header;
  }
  return found.header;
}

const TREE = { format: "hfsplus", keyLengthBytes: 2 } as const;

/** The volume within an HFS wrapper, in bytes (TN1150, "HFS Wrapper"); undefined for a bare one. */
function embeddedVolume(source: ByteSource): { start: number; size: number } | undefined {
  const bytes = readExactly(source, VOLUME_HEADER_OFFSET, 512, "hfsplus", "volume header");
  const view = new DataView(bytes.buffer);
  if (view.getUint16(0) !== SIGNATURE_HFS) return undefined;
  const drAlBlkSiz = view.getUint32(0x14);
  const drAlBlSt = view.getUint16(0x1c);
  const startBlock = view.getUint16(0x7e);
  const blockCount = view.getUint16(0x80);
  const start = drAlBlSt * 512 + startBlock * drAlBlkSiz;
  const size = blockCount * drAlBlkSiz;
  if (start + VOLUME_HEADER_OFFSET + 512 > source.size || size === 0) {
    throw corrupt(
      "hfsplus",
      "wrapper",
      VOLUME_HEADER_OFFSET,
      `the embedded volume takes ${size} bytes from ${start} of ${source.size}`,
    );
  }
  return { start, size };
}

function title(header: VolumeHeader, caseSensitive: boolean, isJournaled: boolean): string {
  const traits = [caseSensitive ? "case-sensitive" : "", isJournaled ? "journaled" : ""];
  const shown = traits.filter((trait) => trait !== "").join(", ");
  return (
    (header.signature === SIGNATURE_HFSX ? "HFSX" : "HFS+") + (shown === "" ? "" : ` (${shown})`)
  );
}

/** As Disk Utility and blkid show it: version 3, of the volume's 64-bit id in Apple's namespace. */
function volumeUuid(volumeId: Uint8Array): string | undefined {
  if (volumeId.every((byte) => byte === 0)) return undefined;
  const namespace = Buffer.from("b3e20f39f29211d697a400306543ecac", "hex");
  const digest = createHash("md5").update(namespace).update(volumeId).digest();
  digest[6] = (digest[6] & 0x0f) | 0x30;
  digest[8] = (digest[8] & 0x3f) | 0x80;
  const hex = digest.toString("hex");
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    hex.slice(12, 16),
    hex.slice(16, 20),
    hex.slice(20, 32),
  ].join("-");
}

/** The one date of HFS+ that is stored in local time. */
function created(header: VolumeHeader, context: OpenContext): number | undefined {
  if (header.createDate === 0) return undefined;
  const local = unixFromMac(header.createDate, 0);
  return local - context.localOffset(local);
}

function features(
  caseSensitive: boolean,
  isJournaled: boolean,
  isWrapped: boolean,
  hasAttributes: boolean,
  links: HardLinks,
): string[] {
  const used: [string, boolean][] = [
    ["journal", isJournaled],
    ["case-sensitive", caseSensitive],
    ["HFS wrapper", isWrapped],
    ["extended attributes", hasAttributes],
    ["file hard links", links.fileInodes !== 0],
    ["directory hard links", links.folderInodes !== 0],
  ];
  return used.filter(([, isUsed]) => isUsed).map(([name]) => name);
}

function stateWarnings(
  header: VolumeHeader,
  alternate: boolean,
  replay: Replay,
  volume: ByteSource,
): string[] {
  const found = [...replay.warnings];
  if (alternate) found.push("the volume header is damaged; the alternate was used");
  if ((header.attributes & VolumeAttributes.inconsistent) !== 0) {
    found.push("the volume is marked inconsistent");
  } else if ((header.attributes & VolumeAttributes.unmounted) === 0) {
    found.push("the volume was not unmounted cleanly");
  }
  if (replay.transactions > 0)
    found.push(`${replay.transactions} transactions of the journal were replayed`);
  if (header.totalBlocks * header.blockSize > volume.size) {
    found.push(
      `the volume has ${header.totalBlocks * header.blockSize} bytes, the image only ${volume.size}`,
    );
  }
  return found;
}
