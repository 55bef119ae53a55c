/** Every NTFS volume of the corpus that lies in a raw image, against ntfs-3g. */
import { expect, test } from "vitest";
import { ntfs } from "../../../image-core/filesystem/ntfs/format.js";
import { S_IFDIR, S_IFLNK, S_IFREG } from "../../../image-core/filesystem/volume.js";
import { probeWindow } from "../../../image-core/probe.js";
import { MemorySource } from "../../../image-core/source/memory-source.js";
import { SliceSource } from "../../../image-core/source/slice-source.js";
import { openSource } from "../../fixtures/ntfs/images.js";
import { corpusBytes, corpusExpected, corpusImages, corpusMissing } from "../../support/corpus.js";
import { walk } from "../../support/walk.js";

if (corpusMissing !== undefined) test.skip(corpusMissing, () => {});

/** The filesystem's own files: ntfs-3g was asked to show them, we do not. */
const HIDDEN = /^\/\$/;
const TYPES: Record<number, string> = { [S_IFREG]: "f", [S_IFDIR]: "d", [S_IFLNK]: "l" };

for (const { image, kind } of corpusImages()) {
  if (!kind.includes("ntfs")) continue;
  if (!kind.startsWith("raw > ")) {
    console.log(`${image} not compared here: ${kind.split(" ")[0]} is a container`);
    continue;
  }
  for (const { offset, filesystem, listings } of corpusExpected(image) ?? []) {
    if (filesystem !== "ntfs") continue;
    test(`${image} at ${offset}`, () => {
      const source = new SliceSource(
        new MemorySource(corpusBytes(image)),
        offset,
        Number.MAX_SAFE_INTEGER,
      );
      expect(ntfs.probe(probeWindow(source, ""))?.title).toBe("NTFS");
      const files = walk(openSource(source));
      const rows = listings["ntfs-3g"].filter((row) => !HIDDEN.test(row[8]));
      expect([...files.keys()].filter((path) => path !== "/").sort()).toEqual(
        rows.map((row) => row[8]).sort(),
      );
      for (const [type, mode, , uid, gid, size, mtime, content, path] of rows) {
        const file = files.get(path);
        if (file === undefined) throw new Error(path);
        const { attributes } = file;
        expect(
          [
            TYPES[attributes.mode & 0o170000],
            `0${(attributes.mode & 0o7777).toString(8)}`,
            `${attributes.uid}`,
            `${attributes.gid}`,
            `${attributes.mtime}.${`${attributes.mtimeNs}`.padStart(9, "0")}`,
          ],
          path,
        ).toEqual([type, mode, uid, gid, mtime]);
        if (type === "f")
          expect([`${attributes.size}`, file.content], path).toEqual([size, content]);
        if (type === "d") expect(`${attributes.size}`, path).toBe(size);
        // ntfs-3g does not read what Linux's ntfs3 wrote.
        if (type === "l" && !content.startsWith("unsupported reparse")) {
          // It makes the targets of drive letters absolute, by where it was mounted.
          const inVolume = file.content.replace(/^(\.\.\/)+/, "");
          expect(content === file.content || content.endsWith(`/m/${inVolume}`), path).toBe(true);
        }
      }
    });
  }
}
