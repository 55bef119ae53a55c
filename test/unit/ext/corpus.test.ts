/** Every ext volume of the corpus that lies in a raw image, against Linux's ext4 driver. */
import { expect, test } from "vitest";
import { ext } from "../../../image-core/filesystem/ext/format.js";
import { S_IFDIR, S_IFLNK, S_IFREG } from "../../../image-core/filesystem/volume.js";
import { probeWindow } from "../../../image-core/probe.js";
import { MemorySource } from "../../../image-core/source/memory-source.js";
import { SliceSource } from "../../../image-core/source/slice-source.js";
import { openSource } from "../../fixtures/ext/images.js";
import {
  corpusBytes,
  corpusExpected,
  corpusImages,
  corpusMissing,
  type ListedFile,
} from "../../support/corpus.js";
import { type WalkedFile, walk } from "../../support/walk.js";

if (corpusMissing !== undefined) test.skip(corpusMissing, () => {});

const EXT = /^ext[234]/;

for (const { image, kind } of corpusImages()) {
  if (!/ext[234]/.test(kind)) continue;
  if (!kind.startsWith("raw > ")) {
    console.log(`${image} not compared here: ${kind.split(" ")[0]} is a container`);
    continue;
  }
  const volumes = (corpusExpected(image) ?? []).filter(({ filesystem }) => EXT.test(filesystem));
  if (volumes.length === 0) console.log(`${image} not compared: no reader read its ext volume`);
  for (const { offset, filesystem, best, listings } of volumes) {
    test(`${image} at ${offset}`, () => {
      const source = new SliceSource(
        new MemorySource(corpusBytes(image)),
        offset,
        Number.MAX_SAFE_INTEGER,
      );
      expect(ext.probe(probeWindow(source, ""))?.title).toMatch(filesystem.slice(0, 4));
      const files = walk(openSource(source));
      // 7-Zip keeps no modes, and shows what it makes up; Linux could not mount these cut images.
      const full = best === "ext4";
      const listing = listings[best].filter(([, , , , , , , , path]) => !/^\/\[/.test(path));
      expect(listing.length).toBeGreaterThan(0);
      for (const row of listing) {
        const path = unescapeBytes(row[8]);
        const file = files.get(path);
        expect(file, path).toBeDefined();
        if (file === undefined) continue;
        if (full) expect(describe(file, row), path).toEqual(row.slice(0, 8));
        else if (row[0] === "f" && row[7] !== EMPTY) expect(file.content, path).toBe(row[7]);
      }
    });
  }
}

/** 7-Zip shows symlinks as empty files. */
const EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

const TYPES: Record<number, string> = { [S_IFREG]: "f", [S_IFDIR]: "d", [S_IFLNK]: "l" };

function describe(file: WalkedFile, row: ListedFile): string[] {
  const { mode, nlink, uid, gid, size, mtime, mtimeNs } = file.attributes;
  const type = TYPES[mode & 0o170000] ?? row[0];
  return [
    type,
    `0${(mode & 0o7777).toString(8)}`,
    `${nlink}`,
    `${uid}`,
    `${gid}`,
    `${size}`,
    `${mtime}.${`${mtimeNs}`.padStart(9, "0")}`,
    type === "d" ? "-" : file.content,
  ];
}

/** Listings write unusual bytes as `\xXX`. */
function unescapeBytes(path: string): string {
  const bytes = path.replace(/\\x([0-9a-f]{2})/g, (_, hex) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return bytes === path ? path : Buffer.from(bytes, "latin1").toString();
}
