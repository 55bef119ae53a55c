import { describe, expect, it } from "vitest";
import { ROOT_NODE } from "../../../image-core/filesystem/volume.js";
import { type JournalOptions, withJournal } from "../../fixtures/hfsplus/journal.js";
import { HfsPlusBuilder, ROOT_CNID } from "../../fixtures/hfsplus/volume.js";
import { contentsOf, namesIn, nodeAt, openBytes } from "./support.js";

/** A volume, and its catalog's blocks. */
function build() {
  const builder = new HfsPlusBuilder();
  builder.file(ROOT_CNID, "one", { data: "first" });
  builder.file(ROOT_CNID, "two", { data: "second" });
  const image = builder.build();
  const view = new DataView(image.buffer, 1024);
  const start = view.getUint32(288) * 4096;
  return { image, start, size: view.getUint32(276) };
}

/** The volume with a catalog that only the journal has whole. */
function unreplayed(options: JournalOptions) {
  const { image, start, size } = build();
  const catalog = image.slice(start, start + size);
  const stale = catalog.slice().fill(0x55, 4096);
  image.set(stale, start);
  const journaled = withJournal(
    image,
    [
      [{ position: start, bytes: stale }],
      [
        { position: start, bytes: catalog.slice(0, 512) },
        { position: start + 512, bytes: catalog.slice(512) },
      ],
    ],
    options,
  );
  return journaled;
}

describe("a journal", () => {
  it.each([
    ["little-endian", {}],
    ["big-endian", { littleEndian: false }],
    ["wrapped around in a block list", { startInRing: 128 * 1024 - 512 - 512 }],
    ["wrapped around in a block", { startInRing: 128 * 1024 - 512 - 12 * 1024 }],
  ])("is replayed: %s", (_name, options) => {
    const volume = openBytes(unreplayed(options));
    expect(volume.description.title).toBe("HFS+ (journaled)");
    expect(volume.description.warnings).toContain("2 transactions of the journal were replayed");
    expect(namesIn(volume, ROOT_NODE)).toEqual(["one", "two"]);
    expect(Buffer.from(contentsOf(volume, nodeAt(volume, "/two"))).toString()).toBe("second");
  });

  it("that is empty changes nothing", () => {
    const volume = openBytes(withJournal(build().image, []));
    expect(volume.description.warnings).toEqual([]);
    expect(namesIn(volume, ROOT_NODE)).toEqual(["one", "two"]);
  });

  it("on another device is ignored, aloud", () => {
    const volume = openBytes(withJournal(build().image, [], { external: true }));
    expect(volume.description.warnings).toEqual([
      "the journal is on another device and was not replayed",
    ]);
  });

  it("with another checksum is not replayed", () => {
    const image = withJournal(build().image, [[{ position: 8192, bytes: new Uint8Array(4096) }]]);
    const journal = image.length - 128 * 1024;
    image[journal + 20] ^= 1;
    const volume = openBytes(image);
    expect(volume.description.warnings[0]).toMatch(/not replayed: .*checksum/);
    expect(namesIn(volume, ROOT_NODE)).toEqual(["one", "two"]);
  });

  it("is replayed up to the transaction that is damaged", () => {
    const { image, start, size } = build();
    const catalog = image.slice(start, start + size);
    image.set(catalog.slice().fill(0x55, 4096), start);
    const scribble = { position: start, bytes: new Uint8Array(512).fill(0xaa) };
    const journaled = withJournal(image, [[{ position: start, bytes: catalog }], [scribble]]);
    const second = image.length + 4096 + 512 + 1024 + catalog.length;
    journaled[second + 2] ^= 0xff;
    const volume = openBytes(journaled);
    expect(volume.description.warnings[0]).toMatch(/replayed in part: .*journal block list/);
    expect(namesIn(volume, ROOT_NODE)).toEqual(["one", "two"]);
  });
});
