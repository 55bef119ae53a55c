/** Every image of the corpus with ISO 9660 on it, against what Linux's isofs shows. */
import { describe, expect, it } from "vitest";
import {
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  S_IFSOCK,
} from "../../../image-core/filesystem/volume.js";
import {
  corpusBytes,
  corpusExpected,
  corpusImages,
  type ExpectedVolume,
  type ListedFile,
} from "../../support/corpus.js";
import { type WalkedFile, walk } from "../../support/walk.js";
import { volumeOf } from "./volume-of.js";

const TYPES: ReadonlyMap<number, string> = new Map([
  [S_IFREG, "f"],
  [S_IFDIR, "d"],
  [S_IFLNK, "l"],
  [S_IFCHR, "c"],
  [S_IFBLK, "b"],
  [S_IFIFO, "p"],
  [S_IFSOCK, "s"],
]);

/** Where the reader is overruled: what differs, and why. Keys are image and reader. */
const OVERRULED: Readonly<Record<string, { reason: string; differences: RegExp[] }>> = {
  "hostile/libarchive/test_read_format_iso_rockridge_ce_loop.iso isofs": {
    reason:
      "CE entries that lead in a circle: Linux drops the file, whose data is whole; shown with the name read so far",
    differences: [/^extra \/a{250,}$/],
  },
  "hostile/libarchive/test_read_format_iso_zisofs_overflow.iso isofs": {
    reason: "both fail to read the file; the listing holds Linux's error",
    differences: [/^\/OVERFLOW\.BIN content error: .*blocks of 2\^2 bytes/],
  },
  "img/libarchive/test_read_format_iso_joliet_long.iso isofs-plain": {
    reason:
      "12345678 (a folder) and 12345678.;1 are both 12345678 once the version is off: the second keeps it",
    differences: [/^\/12345678 (type|size|content) /, /^extra \/12345678;1$/],
  },
};

interface Case {
  name: string;
  image: string;
  view: string;
  reader: string;
  listing: ListedFile[];
}

function cases(): Case[] {
  const found: Case[] = [];
  for (const { image, kind } of corpusImages()) {
    if (!kind.startsWith("raw >") && !kind.startsWith("appimage-type1")) continue;
    const volume = corpusExpected(image)?.find(
      ({ offset, listings }) => offset === 0 && listings.isofs !== undefined,
    );
    if (volume !== undefined) found.push(...listings(image, volume));
  }
  return found;
}

/** `isofs` shows the best tree, `isofs-joliet` was mounted without Rock Ridge, `isofs-plain` also without Joliet and with names as recorded. */
function listings(image: string, volume: ExpectedVolume): Case[] {
  const views: [string, string][] = [
    ["isofs", "auto"],
    ["isofs-joliet", "joliet"],
    ["isofs-plain", "iso9660"],
  ];
  return views
    .filter(([reader]) => volume.listings[reader] !== undefined)
    .map(([reader, view]) => ({
      name: `${image} ${reader}`,
      image,
      view,
      reader,
      listing: volume.listings[reader],
    }));
}

function unescaped(path: string): string {
  const bytes = path.replace(/\\x([0-9a-f]{2})/g, (_, hex) =>
    String.fromCharCode(Number(`0x${hex}`)),
  );
  return path === bytes ? path : Buffer.from(bytes, "latin1").toString("utf8");
}

/** As our plain names: Linux was asked not to map them. */
function mapped(path: string): string {
  return path.toLowerCase().replace(/\.?;1$/, "");
}

function row({ attributes, content }: WalkedFile): Record<string, string> {
  const type = TYPES.get(attributes.mode & S_IFMT) ?? "?";
  return {
    type,
    mode: (attributes.mode & 0o7777).toString(8).padStart(4, "0"),
    nlink: String(attributes.nlink),
    uid: String(attributes.uid),
    gid: String(attributes.gid),
    size: String(attributes.size),
    mtime: `${attributes.mtime}.${String(attributes.mtimeNs).padStart(9, "0")}`,
    content: type === "d" ? "-" : content,
  };
}

function differences(
  listing: ListedFile[],
  reader: string,
  found: Map<string, WalkedFile>,
): string[] {
  const different: string[] = [];
  const seen = new Set(["/"]);
  for (const [type, mode, nlink, uid, gid, size, mtime, content, listed] of listing) {
    const path = reader === "isofs-plain" ? mapped(unescaped(listed)) : unescaped(listed);
    seen.add(path);
    const file = found.get(path);
    if (file === undefined) {
      different.push(`missing ${path}`);
      continue;
    }
    const ours = row(file);
    const theirs = { type, mode, nlink, uid, gid, size, mtime, content };
    for (const [field, value] of Object.entries(theirs)) {
      const own = ours[field];
      const same = field === "content" && type === "l" ? unescaped(value) === own : value === own;
      if (!same) different.push(`${path} ${field} ${own} instead of ${value}`);
    }
  }
  for (const path of found.keys()) if (!seen.has(path)) different.push(`extra ${path}`);
  return different;
}

const all = cases();

describe.skipIf(all.length === 0)("the corpus as Linux shows it", () => {
  it.each(all)("$name", ({ name, image, view, reader, listing }) => {
    const bytes = corpusBytes(image);
    const automatic = volumeOf(bytes);
    const hasJoliet = automatic.description.view?.available.includes("joliet");
    const shown = view === "joliet" && !hasJoliet ? "iso9660" : view;
    const volume = volumeOf(bytes, { options: { view: shown } });
    const different = differences(listing, reader, walk(volume));
    const overruled = OVERRULED[name];
    const unexplained = different.filter(
      (line) => !overruled?.differences.some((pattern) => pattern.test(line)),
    );
    expect(unexplained).toEqual([]);
    // An exception that no longer applies is a mistake in the list.
    if (overruled !== undefined) expect(different.length).toBeGreaterThan(0);
  });

  it("covers as many images as there are", () => {
    expect(new Set(all.map(({ image }) => image)).size).toBeGreaterThanOrEqual(40);
  });
});

describe.skipIf(all.length === 0)("hostile images", () => {
  it("lists what is whole in libcdio's malformed2.iso", () => {
    const found = walk(volumeOf(corpusBytes("hostile/libcdio/malformed2.iso")));
    // Its root directory is damaged; the path table leads to the folder, the image ends before the data.
    expect([...found.keys()]).toEqual(["/", "/a", "/a/c.txt"]);
    expect(found.get("/a/c.txt")?.content).toMatch(/^error: .*the image ends at 0xc800/);
  });

  it("refuses what ends within its first descriptor, and says so", () => {
    expect(() => volumeOf(corpusBytes("img/util-linux/isosize-sample.iso"))).toThrow(
      /the image ends at 0x8400, the first volume descriptor at 0x8800/,
    );
  });
});
