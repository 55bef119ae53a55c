/** Every FAT volume of the corpus that lies in a raw image, against Linux's vfat. */
import { expect, test } from "vitest";
import { open } from "../../../image-core/filesystem/fat/fat.js";
import { fat } from "../../../image-core/filesystem/fat/format.js";
import { probeWindow } from "../../../image-core/probe.js";
import { MemorySource } from "../../../image-core/source/memory-source.js";
import { SliceSource } from "../../../image-core/source/slice-source.js";
import { listedRows, listing } from "../../fixtures/fat/listing.js";
import { testContext } from "../../support/context.js";
import { corpusBytes, corpusExpected, corpusImages, corpusMissing } from "../../support/corpus.js";

if (corpusMissing !== undefined) test.skip(corpusMissing, () => {});

const images = corpusImages().filter(
  ({ kind }) => kind.startsWith("raw > ") && kind.includes("vfat:"),
);

for (const { image } of images) {
  test(image, () => {
    const bytes = corpusBytes(image);
    for (const expected of corpusExpected(image) ?? []) {
      if (!expected.filesystem.startsWith("vfat")) continue;
      const source = new SliceSource(new MemorySource(bytes), expected.offset, bytes.length);
      expect(fat.probe(probeWindow(source, ""))?.title).toContain(expected.filesystem.slice(5));
      const volume = open(source, testContext());
      expect(listing(volume)).toEqual(listedRows(expected.listings[expected.best]));
    }
  });
}
