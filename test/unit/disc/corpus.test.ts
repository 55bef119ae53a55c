/** Discs and sheets of the corpus, good and bad; the data compared with what libcdio reads. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ImageError } from "../../../image-core/errors.js";
import type { Medium } from "../../../image-core/format.js";
import { contents, type Folder, formatOf, openIn } from "../../fixtures/disc/folder.js";
import { corpusBytes, corpusImages, corpusMissing } from "../../support/corpus.js";
import { run, scratch } from "../../support/tools.js";

const SHEET = /\.(cue|toc|nrg|ccd|mds)$/;
/** Folders of the corpus in which discs lie, with all their files. */
const folders = new Map<string, Folder>();
for (const { image } of corpusImages()) {
  const at = image.lastIndexOf("/");
  const folder = image.slice(0, at);
  if (!folder.includes("libcdio")) continue;
  const files = folders.get(folder) ?? {};
  files[image.slice(at + 1)] = corpusBytes(image);
  folders.set(folder, files);
}
const discs = [...folders].flatMap(([folder, files]) =>
  Object.keys(files).flatMap((name) => (SHEET.test(name) ? [{ folder, name, files }] : [])),
);

function tracks(medium: Medium): (string | number)[][] {
  return (medium.disc?.sessions ?? []).flatMap((session) =>
    session.tracks.map((track) => [track.kind, track.startLba, track.length]),
  );
}

const open = (name: string) => openIn(folders.get("img/libcdio") as Folder, name);

describe.skipIf(corpusMissing !== undefined)("libcdio's discs", () => {
  it("recognises every sheet, and reads it or says what is wrong", async () => {
    expect(discs.length).toBeGreaterThan(20);
    for (const { folder, name, files } of discs) {
      const format = formatOf(files, name);
      expect(["cue", "cdrdao", "nero"], `${folder}/${name}`).toContain(format?.id);
      try {
        const medium = await openIn(files, name);
        expect(folder).not.toContain("hostile");
        contents(medium.source);
        for (const session of medium.disc?.sessions ?? []) {
          for (const track of session.tracks) contents(track.source);
        }
      } catch (error) {
        expect(error, `${folder}/${name}: ${(error as Error).stack}`).toBeInstanceOf(ImageError);
      }
    }
  });

  it.each([
    // Catalog numbers harm nothing; the files these name are not there.
    ["bad-cat1.cue", /is not there/],
    ["bad-cat2.cue", /is not there/],
    ["bad-msf-1.cue", /line 7: INDEX 01 "00:00:100"/],
    ["bad-msf-3.cue", /line 7: INDEX 01 "xx:yy:0"/],
    ["bad-cat1.toc", /line 6: CATALOG/],
    ["bad-cat2.toc", /line 4: CATALOG .*"167890123"/],
    ["bad-msf-1.toc", /line 6: "0:0:75"/],
    ["bad-msf-3.toc", /line 6: "xx:yy:zz"/],
    ["bad-file.toc", /foo\.bin/],
  ])("%s", async (name, message) => {
    await expect(openIn(folders.get("hostile/libcdio") as Folder, name)).rejects.toThrow(message);
  });

  it("reads the layouts", async () => {
    expect(tracks(await open("cdda.cue"))).toEqual([["audio", 0, 302]]);
    expect(tracks(await open("p1.nrg"))).toEqual([
      ["audio", 150, 75],
      ["audio", 300, 2],
    ]);
    expect(tracks(await open("videocd.nrg"))).toEqual([
      ["mode2", 0, 676],
      ["mode2", 826, 75],
      ["mode2", 1051, 75],
      ["mode2", 1276, 75],
      ["mode2", 1501, 225],
    ]);
    expect((await open("cdda.cue")).disc).toMatchObject({
      title: "Join us now we have the software",
      performer: "Richard Stallman",
      sessions: [{ tracks: [{ title: "Soft", performer: "Richard S" }] }],
    });
    expect((await open("p1.nrg")).disc?.performer).toBe("Richard Stallman");
  });

  it("the same data by sheet, by TOC and without either, its codes whole", async () => {
    const [bin, cue, toc] = await Promise.all(
      ["isofs-m1.bin", "isofs-m1.cue", "isofs-m1.toc"].map((name) => open(name)),
    );
    const data = Buffer.from(contents(bin.source));
    expect(data.subarray(16 * 2048 + 1, 16 * 2048 + 6).toString()).toBe("CD001");
    expect(data.equals(contents(cue.source))).toBe(true);
    expect(data.equals(contents(toc.source))).toBe(true);
    for (const medium of [bin, cue, toc, await open("videocd.nrg")]) {
      expect([...(medium.verify?.(() => {}) ?? [])]).toEqual([]);
    }
  });

  it("data and tracks come out as libcdio reads them", async () => {
    const folder = scratch("libcdio");
    for (const [name, bytes] of Object.entries(folders.get("img/libcdio") as Folder)) {
      writeFileSync(join(folder, name), bytes);
    }
    const out = join(folder, "out");
    run("cd-read", ["--cue-file=isofs-m1.cue", "-m", "m1f1", "-s", "0", "-e", "301", "-o", out], {
      cwd: folder,
    });
    const { source } = await open("isofs-m1.cue");
    expect(readFileSync(out).equals(contents(source))).toBe(true);
    for (const name of ["cdda.cue", "isofs-m1.cue", "isofs-m1.toc", "videocd.nrg"]) {
      const list = run("cd-info", ["--no-header", "--no-device-info", "--no-analyze", "-i", name], {
        cwd: folder,
      }).toString();
      const theirs = [...list.matchAll(/^ *\d+: \d\d:\d\d:\d\d +(\d{6}) +(?!leadout)/gm)];
      const ours = tracks(await open(name)).map((track) => track[1]);
      expect(ours, name).toEqual(theirs.map((match) => Number(match[1])));
    }
  });
});
