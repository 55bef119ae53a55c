import { describe, expect, it } from "vitest";
import {
  S_IFDIR,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  type Volume,
} from "../../../image-core/filesystem/volume.js";
import { candidates, probeWindow } from "../../../image-core/probe.js";
import { containerFormats, filesystemFormats } from "../../../image-core/registry.js";
import type { ByteSource } from "../../../image-core/source/byte-source.js";
import { MemorySource } from "../../../image-core/source/memory-source.js";
import { SliceSource } from "../../../image-core/source/slice-source.js";
import { testContext } from "../../support/context.js";
import {
  type CorpusImage,
  corpusBytes,
  corpusExpected,
  corpusImages,
  type ExpectedVolume,
} from "../../support/corpus.js";
import { type WalkedFile, walk } from "../../support/walk.js";

/** What macOS hides and Linux shows. */
const HIDDEN = /HFS\+ Private|^\/\.journal/;

/** Containers that other folders of the project open. */
const CONTAINERS = new Set(["udif", "encrypted-dmg"]);

const images = corpusImages().flatMap((image) => {
  const volumes = (corpusExpected(image.image) ?? []).filter(({ filesystem }) =>
    filesystem.startsWith("hfs"),
  );
  // No container of ours is needed for the rest: raw images and Apple's own.
  const known = /^(raw|dmg-)/.test(image.kind);
  return known ? volumes.map((volume) => ({ image, volume })) : [];
});

describe.skipIf(images.length === 0)("HFS volumes of the corpus", () => {
  it.each(images.map(({ image, volume }) => [image.image, volume.where, image, volume] as const))(
    "%s %s",
    async (_image, _where, image, expected) => {
      const volume = await openVolume(image, expected);
      const walked = walk(volume);
      const wanted = new Map(
        expected.listings[expected.best]
          .map((row) => [unescapePath(row[8]), row] as const)
          .filter(([path]) => !HIDDEN.test(path)),
      );
      expect([...walked.keys()].filter((path) => path !== "/").sort()).toEqual(
        [...wanted.keys()].sort(),
      );
      for (const [path, row] of wanted) {
        const [type, mode, nlink, uid, gid, size, mtime, content] = row;
        const file = walked.get(path) as WalkedFile;
        const { attributes } = file;
        expect({
          path,
          type: { [S_IFDIR]: "d", [S_IFREG]: "f", [S_IFLNK]: "l" }[attributes.mode & S_IFMT],
          mode: (attributes.mode & 0o7777).toString(8).padStart(4, "0"),
          nlink: type === "d" ? nlink : String(attributes.nlink),
          owner: [attributes.uid, attributes.gid].join(":"),
          size: String(attributes.size),
          mtime: attributes.mtime,
          content: type === "d" ? content : file.content,
        }).toEqual({
          path,
          type,
          mode,
          nlink,
          owner: [uid, gid].join(":"),
          size,
          mtime: Math.floor(Number(mtime)),
          content,
        });
      }
    },
  );
});

async function openVolume(image: CorpusImage, expected: ExpectedVolume): Promise<Volume> {
  const context = testContext({
    passphrase: () => new TextEncoder().encode(image.passphrase ?? ""),
  });
  let source: ByteSource = new MemorySource(corpusBytes(image.image));
  for (let layers = 0; layers < 3; layers++) {
    const [container] = candidates(containerFormats, probeWindow(source, "")).filter(({ format }) =>
      CONTAINERS.has(format.id),
    );
    if (container?.format.load === undefined) break;
    source = (await container.format.load()).open(source, context).source;
  }
  const slice = new SliceSource(source, expected.offset, source.size);
  const [found] = candidates(filesystemFormats, probeWindow(slice, ""));
  expect(found?.format.id).toBe(expected.filesystem);
  const loaded = await found.format.load?.();
  if (loaded === undefined) throw new Error(`${found.format.id} has no load`);
  return loaded.open(slice, context);
}

/** `\x0d` as the listings write it. */
function unescapePath(path: string): string {
  return path.replace(/\\x([0-9a-f]{2})/g, (_match, hex) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
}
