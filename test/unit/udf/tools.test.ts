/** Volumes by other makers' tools: mkudffs in every form, genisoimage with files; udfinfo and 7-Zip as witnesses. */
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { udf } from "../../../image-core/filesystem/udf/format.js";
import { probeWindow } from "../../../image-core/probe.js";
import { MemorySource } from "../../../image-core/source/memory-source.js";
import { run, scratch } from "../../support/tools.js";
import { walk } from "../../support/walk.js";
import { attributesAt, contentAt, namesIn, opened } from "./opened.js";

const folder = scratch("udf-tools");

const media: [media: string, revision: string, blockSize: number, ...more: string[]][] = [
  ["hd", "1.02", 512],
  ["hd", "1.50", 1024],
  ["hd", "2.00", 2048, "--ad=short"],
  ["hd", "2.01", 4096, "--ad=long", "--noefe"],
  ["hd", "2.01", 2048, "--strategy=4096"],
  ["hd", "2.01", 8192],
  ["hd", "2.01", 512, "--bootarea=mbr"],
  ["dvd", "1.02", 2048],
  ["dvdram", "2.01", 2048],
  ["dvdrw", "2.01", 2048],
  ["dvdr", "2.00", 2048],
  ["cdrw", "1.50", 2048],
  ["cdr", "1.50", 2048],
  ["cdr", "2.01", 2048, "--closed"],
  ["cd", "1.02", 2048],
  ["bdr", "2.60", 2048],
];

describe("mkudffs", () => {
  it.each(media)("%s, UDF %s, blocks of %i bytes %s", (medium, revision, blockSize, ...more) => {
    const image = `${folder}/${medium}-${revision}-${blockSize}-${more.length}`;
    const options = ["--new-file", "-b", String(blockSize), "-m", medium, "-r", revision, ...more];
    const blocks = Math.ceil((4 * 1024 * 1024) / blockSize);
    run("mkudffs", [...options, "--label=Ümläut 日本", image, String(Math.max(4096, blocks))]);
    const bytes = readFileSync(image);
    const told = new Map(
      run("udfinfo", [`--blocksize=${blockSize}`, "--utf8", image])
        .toString()
        .split("\n")
        .map((line) => line.split("=") as [string, string]),
    );
    const match = udf.probe(probeWindow(new MemorySource(bytes), ""));
    expect(match?.confidence).toBe(3);
    const volume = opened(bytes);
    expect(volume.description).toMatchObject({
      title: `UDF ${revision}`,
      label: told.get("label"),
      uuid: told.get("uuid"),
      blockSize,
    });
    expect(volume.description.label).toBe("Ümläut 日本");
    expect([...walk(volume).keys()].filter((path) => path !== "/lost+found")).toEqual(["/"]);
    expect(attributesAt(volume, "/").mode).toBe(0o40755);
    const kind = medium === "cdr" || medium === "bdr" || medium === "dvdr" ? "virtual" : undefined;
    if (kind !== undefined) expect(volume.description.features.join()).toContain(kind);
  });

  it("shows the session asked for, or else the last", () => {
    const sectors = 400;
    const images = [0, sectors].map((startBlock) => {
      const image = `${folder}/session-${startBlock}`;
      const start = `--startblock=${startBlock}`;
      const label = `--label=at ${startBlock}`;
      const blocks = String(sectors + startBlock);
      run("mkudffs", ["--new-file", "-b", "2048", "-m", "hd", start, label, image, blocks]);
      return readFileSync(image);
    });
    const bytes = Buffer.concat(images);
    expect(bytes.length).toBe(2 * sectors * 2048);
    const source = new MemorySource(bytes);
    const sessions = [0, sectors].map((startLba, i) => ({
      number: i + 1,
      tracks: [{ number: i + 1, kind: "mode1" as const, startLba, length: sectors, source }],
    }));
    const label = (session?: number) =>
      opened(bytes, { disc: { sessions }, options: { session } }).description.label;
    expect(label()).toBe("at 400");
    expect(label(2)).toBe("at 400");
    expect(label(1)).toBe("at 0");
    // Without a table of sessions the anchors at the end tell of the last.
    expect(opened(bytes).description.label).toBe("at 400");
  });
});

describe("genisoimage", () => {
  it("writes files that read as they were", () => {
    const tree = `${folder}/tree`;
    const files = new Map<string, Buffer>();
    for (let i = 0; i < 150; i++) {
      const name = `directory ${i % 7}/a file of some length, number ${i}.bin`;
      files.set(name, Buffer.alloc(i * i * 7, `content ${i} `));
    }
    files.set("ünïcödé 日本語.txt", Buffer.from("x"));
    files.set("empty", Buffer.alloc(0));
    for (const [name, content] of files) {
      mkdirSync(`${tree}/${name}`.replace(/\/[^/]*$/, ""), { recursive: true });
      writeFileSync(`${tree}/${name}`, content);
    }
    const image = `${folder}/tree.iso`;
    run("genisoimage", [
      ...["-quiet", "-udf", "-J", "-R", "-input-charset", "utf-8", "-V", "VOLUME"],
      ...["-o", image, tree],
    ]);
    const volume = opened(readFileSync(image));
    expect(volume.description.label).toBe("VOLUME");
    const found = [...walk(volume)].filter(([, { attributes }]) => attributes.mode >> 12 === 8);
    expect(found.map(([path]) => path.slice(1)).sort()).toEqual([...files.keys()].sort());
    for (const [name, content] of files) {
      expect(Buffer.compare(contentAt(volume, name), content), name).toBe(0);
      const { mtimeMs } = statSync(`${tree}/${name}`);
      expect(attributesAt(volume, name).mtime).toBe(Math.floor(mtimeMs / 1000));
    }
    expect(namesIn(volume, "/directory 3")).toHaveLength(21);
    // 7-Zip reads the same image by its UDF side.
    const listing = run("7z", ["l", "-slt", "-tudf", image]).toString();
    for (const name of ["ünïcödé 日本語.txt", "empty"]) expect(listing).toContain(`Path = ${name}`);
    const name = [...files.keys()].find((key) => key.includes("149"))!;
    const extracted = run("7z", ["x", "-so", "-tudf", image, name]);
    expect(Buffer.compare(extracted, contentAt(volume, name))).toBe(0);
  });
});
