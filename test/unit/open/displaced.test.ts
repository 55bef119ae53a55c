/** Discs behind something that should not be in their image. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { openImage } from "../../../image-core/open/open-image.js";
import { MemorySource } from "../../../image-core/source/memory-source.js";
import { concat } from "../../fixtures/disc/folder.js";
import { encodeImage } from "../../fixtures/disc/sector-encoder.js";
import { testContext } from "../../support/context.js";
import { run, scratch } from "../../support/tools.js";
import { walk } from "../../support/walk.js";

const work = scratch("displaced");
let iso: Uint8Array;

beforeAll(() => {
  mkdirSync(join(work, "tree/folder"), { recursive: true });
  writeFileSync(join(work, "tree/folder/file.txt"), "text that holds \x01CD001\x01 and no disc");
  run("genisoimage", ["-quiet", "-R", "-J", "-o", join(work, "x.iso"), join(work, "tree")]);
  iso = new Uint8Array(readFileSync(join(work, "x.iso")));
});

const opened = (image: Uint8Array) => openImage(new MemorySource(image), testContext());

describe("a disc that begins later", () => {
  it.each([
    ["behind two seconds of zeros", 150 * 2048, () => iso],
    ["behind two seconds of raw zeros", 150 * 2352, () => encodeImage(iso, "mode1")],
    ["behind two seconds of raw zeros, mode 2", 150 * 2352, () => encodeImage(iso, "form1")],
    ["behind a header", 512, () => iso],
    ["behind a sector", 2048, () => iso],
    ["behind a second system area", 32768, () => iso],
  ])("%s", async (_, bytes, disc) => {
    const { volume, description } = await opened(concat(new Uint8Array(bytes), disc()));
    expect(description.warnings[0]).toBe(`the disc begins ${bytes} bytes into the image`);
    expect([...walk(volume)]).toEqual([...walk((await opened(disc())).volume)]);
  });

  it("is not found where it only seems to", async () => {
    const text = new Uint8Array(200_000);
    for (let at = 32769; at < 100_000; at += 777) text.set(Buffer.from("\x01CD001\x01"), at);
    await expect(opened(text)).rejects.toMatchObject({ kind: "unknown-format" });
  });
});
