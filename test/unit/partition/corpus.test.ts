/** Every partitioned raw image of the corpus gives the partitions that blkid named in it. */
import { expect, test } from "vitest";
import { probeWindow } from "../../../image-core/probe.js";
import { partitionFormats } from "../../../image-core/registry.js";
import { MemorySource } from "../../../image-core/source/memory-source.js";
import { testContext } from "../../support/context.js";
import { corpusBytes, corpusExpected, corpusImages, corpusMissing } from "../../support/corpus.js";

if (corpusMissing !== undefined) test.skip(corpusMissing, () => {});

/** `mbr1:83:ext2` > `mbr`, 1, `83`. */
const region = /\b(mbr|gpt|apm)(\d+):([^\s:]*)/g;

const images = corpusImages().filter(
  ({ kind }) => kind.startsWith("raw > ") && kind.match(region) !== null,
);

for (const { image, kind } of images) {
  test(image, async () => {
    const source = new MemorySource(corpusBytes(image));
    const window = probeWindow(source, image);
    for (const [, scheme, number, type] of kind.matchAll(region)) {
      const format = partitionFormats.find(({ id }) => id === scheme);
      expect(format?.probe(window), scheme).toBeDefined();
      const { open } = await format!.load!();
      const found = open(source, testContext()).find((one) => one.number === Number(number));
      expect(found, `${scheme}${number}`).toBeDefined();
      if (scheme === "mbr") expect(found?.type).toBe(`0x${type}`);
      if (scheme === "apm") expect(found?.type).toBe(type);
      const listed = corpusExpected(image)?.find(({ where }) =>
        where.startsWith(`${scheme}${number}`),
      );
      if (listed !== undefined) expect(found?.start).toBe(listed.offset);
    }
  });
}
