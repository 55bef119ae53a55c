/** Every exFAT volume of the corpus that lies in a raw image, against other readers. */
import { expect, test } from "vitest";
import { open } from "../../../image-core/filesystem/exfat/exfat.js";
import { exfat } from "../../../image-core/filesystem/exfat/format.js";
import { Confidence } from "../../../image-core/format.js";
import { probeWindow } from "../../../image-core/probe.js";
import { MemorySource } from "../../../image-core/source/memory-source.js";
import { SliceSource } from "../../../image-core/source/slice-source.js";
import { listedRows, listing } from "../../fixtures/fat/listing.js";
import { testContext } from "../../support/context.js";
import { corpusBytes, corpusExpected, corpusImages, corpusMissing } from "../../support/corpus.js";

if (corpusMissing !== undefined) test.skip(corpusMissing, () => {});

const images = corpusImages().filter(
  ({ kind }) => kind.startsWith("raw > ") && kind.includes("exfat:"),
);

for (const { image } of images) {
  test(image, () => {
    const bytes = corpusBytes(image);
    for (const expected of corpusExpected(image) ?? []) {
      if (!expected.filesystem.startsWith("exfat")) continue;
      const source = new SliceSource(new MemorySource(bytes), expected.offset, bytes.length);
      expect(exfat.probe(probeWindow(source, ""))?.confidence).toBe(Confidence.certain);
      const volume = open(source, testContext());
      const rows = listedRows(expected.listings[expected.best]).filter(
        (row) => !/ \/\$(ALLOC_BITMAP|UPCASE_TABLE)$/.test(row),
      );
      const comparable = expected.best === "kernel-exfat" ? same : byContent(expected.best);
      expect(listing(volume).map(comparable)).toEqual(rows.map(comparable));
    }
  });
}

function same(row: string): string {
  return row;
}

/**
 * exfat-fuse shows other modes and link counts than Linux, and whole seconds; The Sleuth Kit copies
 * files out, so its times are its own.
 */
function byContent(reader: string) {
  return (row: string): string => {
    const [type, , , , , size, mtime, content, ...path] = row.split(" ");
    const time = reader === "exfat-fuse" ? mtime.split(".")[0] : "";
    return [type, size, time, content, path.join(" ")].join(" ");
  };
}
