/** Real images, as Linux's own driver lists them. */
import { describe, expect, it } from "vitest";
import { corpusBytes, corpusExpected, corpusImages } from "../../support/corpus.js";
import { walk } from "../../support/walk.js";
import { opened } from "./opened.js";

/** What Linux shows for an owner that was not recorded. */
const OVERFLOW_ID = 65534;

const TYPES: Readonly<Record<number, string>> = { 4: "d", 8: "f", 10: "l" };

/** All listings are of volumes that begin with the image. */
const images = corpusImages().flatMap(({ image }) => {
  const volume = corpusExpected(image)?.find(({ listings }) => listings.udf !== undefined);
  return volume === undefined ? [] : [{ image, listing: volume.listings.udf }];
});

describe.runIf(images.length > 0)("images of the corpus", () => {
  it.each(images)("$image", ({ image, listing }) => {
    const volume = opened(corpusBytes(image), { owner: { uid: OVERFLOW_ID, gid: OVERFLOW_ID } });
    const found: string[][] = [];
    for (const [path, { attributes, content }] of walk(volume)) {
      if (path === "/") continue;
      const type = TYPES[attributes.mode >> 12];
      found.push([
        type,
        `0${(attributes.mode & 0o7777).toString(8)}`,
        String(attributes.nlink),
        String(attributes.uid),
        String(attributes.gid),
        String(attributes.size),
        `${attributes.mtime}.${String(attributes.mtimeNs).padStart(9, "0")}`,
        type === "d" ? "-" : content,
        path,
      ]);
    }
    // A directory that Linux could not read has no paths to compare.
    const expected = listing.filter(([type]) => !type.startsWith("E"));
    const byPath = (a: readonly string[], b: readonly string[]) => (a[8] < b[8] ? -1 : 1);
    expect(found.sort(byPath)).toEqual([...expected].sort(byPath));
  });
});
