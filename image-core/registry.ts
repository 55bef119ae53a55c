/**
 * The one list of formats. A new format is one folder, one line here and one fixture builder
 * (CONTRIBUTING.md shows how). Order decides between equally sure probes.
 */

import { alcohol, mdx } from "./container/alcohol/format.js";
import { asif } from "./container/asif/format.js";
import { cdrdao } from "./container/cdrdao/format.js";
import { clonecd } from "./container/clonecd/format.js";
import { cue } from "./container/cue/format.js";
import { diskcopy42 } from "./container/diskcopy42/format.js";
import { encryptedDmg } from "./container/encrypted/format.js";
import { ndif } from "./container/ndif/format.js";
import { nero } from "./container/nero/format.js";
import { rawsector } from "./container/rawsector/format.js";
import { sparsebundle } from "./container/sparsebundle/format.js";
import { sparseimage } from "./container/sparseimage/format.js";
import { twoimg } from "./container/twoimg/format.js";
import { udif } from "./container/udif/format.js";
import { exfat } from "./filesystem/exfat/format.js";
import { ext } from "./filesystem/ext/format.js";
import { fat } from "./filesystem/fat/format.js";
import { hfs } from "./filesystem/hfs/format.js";
import { hfsplus } from "./filesystem/hfsplus/format.js";
import { iso9660 } from "./filesystem/iso9660/format.js";
import { mfs } from "./filesystem/mfs/format.js";
import { ntfs } from "./filesystem/ntfs/format.js";
import { recognisedContainers, recognisedFilesystems } from "./filesystem/recognised/formats.js";
import { udf } from "./filesystem/udf/format.js";
import type { ContainerFormat, FilesystemFormat, PartitionFormat } from "./format.js";
import { apm } from "./partition/apm/format.js";
import { bsd } from "./partition/bsd/format.js";
import { gpt } from "./partition/gpt/format.js";
import { mbr } from "./partition/mbr/format.js";
import { sgi } from "./partition/sgi/format.js";
import { sun } from "./partition/sun/format.js";

export const containerFormats: readonly ContainerFormat[] = [
  cue,
  cdrdao,
  clonecd,
  alcohol,
  mdx,
  nero,
  rawsector,
  udif,
  encryptedDmg,
  sparseimage,
  sparsebundle,
  asif,
  ndif,
  diskcopy42,
  twoimg,
  ...recognisedContainers,
];

export const partitionFormats: readonly PartitionFormat[] = [gpt, apm, bsd, sun, sgi, mbr];

export const filesystemFormats: readonly FilesystemFormat[] = [
  iso9660,
  udf,
  fat,
  exfat,
  hfsplus,
  hfs,
  mfs,
  ext,
  ntfs,
  ...recognisedFilesystems,
];
