/** SUSP and Rock Ridge entries that the usual tools do not write. */
import { describe, expect, it } from "vitest";
import {
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFLNK,
  S_IFREG,
  S_IFSOCK,
} from "../../../image-core/filesystem/volume.js";
import {
  buildIso,
  file,
  folder,
  type IsoNode,
  type IsoOptions,
} from "../../fixtures/iso9660/iso-builder.js";
import * as su from "../../fixtures/iso9660/susp-entries.js";
import { walk } from "../../support/walk.js";
import { attributesAt, namesIn, nodeAt, textAt, volumeOf } from "./volume-of.js";

const ROOT_DOT = () => [su.sp(), su.px(S_IFDIR | 0o755, 2), su.er("RRIP_1991A")];

function rockRidge(children: IsoNode[], options: IsoOptions = {}, dot = ROOT_DOT) {
  return volumeOf(buildIso(folder("", children, { dot }), options));
}

/** A file with these system use entries. */
function entries(name: string, list: Uint8Array[], more: Partial<IsoNode> = {}): IsoNode {
  return file(`${name}.;1`, "data", { systemUse: () => list, ...more });
}

const REGULAR = su.px(S_IFREG | 0o640, 1, 10, 20);
const short = (year: number, zone = 0) => [year - 1900, 3, 4, 5, 6, 7, zone & 255];
const long = (digits: string, zone = 0) => [...Buffer.from(digits), zone & 255];

describe("NM", () => {
  it("joins a name from several entries, characters split between them", () => {
    const [a, b] = [
      Buffer.from("h\u00e9llo w\u00f6rld").subarray(0, 2),
      Buffer.from("h\u00e9llo w\u00f6rld").subarray(2),
    ];
    const volume = rockRidge([
      entries("A", [REGULAR, su.nm(a, 1), su.nm(b)]),
      entries("B", [REGULAR, su.nm("first", 1)], {
        continued: [[su.nm("-second", 1)], [su.nm("-third")]],
      }),
    ]);
    expect(namesIn(volume)).toEqual(["h\u00e9llo w\u00f6rld", "first-second-third"]);
  });

  it("never shows . or .. as names, and keeps no more than 255 bytes", () => {
    const parts = Array.from({ length: 3 }, (_, i) => su.nm("x".repeat(120), i < 2 ? 1 : 0));
    const volume = rockRidge([
      entries("A", [REGULAR, su.nm("", 2)]),
      entries("B", [REGULAR, su.nm("", 4)]),
      entries("C", [REGULAR, su.nm("..")]),
      entries("D", [REGULAR], { continued: [parts] }),
      entries("E", [REGULAR, su.nm("a/b")]),
    ]);
    const names = namesIn(volume);
    expect(names).toHaveLength(5);
    expect(names.every((name) => name !== "." && name !== ".." && !name.includes("/"))).toBe(true);
    expect(Math.max(...names.map((name) => name.length))).toBe(255);
    expect(names.every((name) => nodeAt(volume, "/") === 1 && volume.lookup(1, name) > 1)).toBe(
      true,
    );
  });

  it("falls back on the identifier", () => {
    expect(namesIn(rockRidge([entries("NAMELESS", [REGULAR])]))).toEqual(["nameless"]);
  });
});

describe("SUSP", () => {
  it("skips LEN_SKP bytes everywhere but in the record of SP", () => {
    const skipped = Uint8Array.from([1, 2, 3, 4, 5, 6, 7, 8]);
    const volume = rockRidge([entries("A", [skipped, REGULAR, su.nm("skipped")])], {}, () => [
      su.sp(8),
      su.px(S_IFDIR | 0o700, 2),
      su.er("IEEE_P1282"),
    ]);
    expect(namesIn(volume)).toEqual(["skipped"]);
    expect(attributesAt(volume, "/").mode).toBe(S_IFDIR | 0o700);
    expect(volume.description.features).toContain("Rock Ridge 1.10");
  });

  it("finds SP behind the field of CD-ROM XA", () => {
    const xa = Uint8Array.from([0, 0, 0, 0, 0x0d, 0x55, 0x58, 0x41, 1, 0, 0, 0, 0, 0]);
    const volume = rockRidge([entries("A", [xa, REGULAR, su.nm("xa")])], {}, () => [
      xa,
      su.sp(14),
      su.er("IEEE_1282"),
    ]);
    expect(namesIn(volume)).toEqual(["xa"]);
    expect(volume.description.features).toContain("Rock Ridge 1.12");
    const value = volume.readXattr(nodeAt(volume, "/xa"), "user.iso9660.xa");
    expect(Buffer.from(value ?? []).equals(xa)).toBe(true);
  });

  it("ends at ST, after which anything may follow", () => {
    const volume = rockRidge([entries("A", [REGULAR, su.nm("right"), su.st(), su.nm("wrong")])]);
    expect(namesIn(volume)).toEqual(["right"]);
  });

  it("reads continuation areas across sectors, and gives up on those that lead in circles", () => {
    const filler = Array.from({ length: 7 }, () => su.entry("ZZ", Array(250).fill(0)));
    const children = [
      entries("A", [REGULAR], { continued: [[...filler, su.nm("far")]] }),
      entries("LOOP", [REGULAR, su.nm("loop")], { continued: [[su.nm("x", 1)]] }),
    ];
    const iso = buildIso(folder("", children, { dot: ROOT_DOT }), {
      finish: (image) => {
        const bytes = Buffer.from(image.buffer, image.byteOffset, image.byteLength);
        // The first area is moved so that it crosses a sector, and the second leads to itself.
        const area = bytes.indexOf(Buffer.from("ZZ"));
        const areaBlock = area / 2048;
        const loop = bytes.lastIndexOf("NM\x06\x01\x01x");
        const record = bytes.indexOf(Buffer.from(su.ce(areaBlock, 0, 0).subarray(0, 12)));
        const moved = bytes.subarray(area, area + 7 * 254 + 8);
        const target = image.length - 4096 - 700;
        image.set(moved.slice(), target);
        image.set(su.both32(Math.floor(target / 2048)), record + 4);
        image.set(su.both32(target % 2048), record + 12);
        image.set(su.ce(loop / 2048, 0, 34), loop + 6);
      },
    });
    const grown = new Uint8Array(iso.length);
    grown.set(iso);
    expect(namesIn(volumeOf(grown))).toEqual(["far", "loop"]);
  });

  it("works without SP and ER where the entries are there", () => {
    const volume = rockRidge([entries("A", [REGULAR, su.nm("bare")])], {}, () => []);
    expect(namesIn(volume)).toEqual(["bare"]);
    expect(volume.description.view?.shown).toBe("rockridge");
  });
});

describe("PX and PN", () => {
  it("shows every type, with devices in either encoding", () => {
    const volume = rockRidge([
      entries("C", [su.px(S_IFCHR | 0o600), su.pn(5, 1), su.nm("char")]),
      entries("B", [su.px(S_IFBLK | 0o660), su.pn(0, 0x12345), su.nm("block")]),
      entries("F", [su.px(S_IFIFO | 0o644), su.nm("fifo")]),
      entries("S", [su.px(S_IFSOCK | 0o755), su.nm("socket")]),
      entries("X", [su.px(0o7755), su.nm("typeless")]),
    ]);
    const types = ["char", "block", "fifo", "socket", "typeless"].map(
      (name) => attributesAt(volume, name).mode,
    );
    expect(types).toEqual([
      S_IFCHR | 0o600,
      S_IFBLK | 0o660,
      S_IFIFO | 0o644,
      S_IFSOCK | 0o755,
      S_IFREG | 0o7755,
    ]);
    const device = (name: string) => {
      const { rdevMajor, rdevMinor, size } = attributesAt(volume, name);
      return [rdevMajor, rdevMinor, size];
    };
    expect(device("char")).toEqual([5, 1, 0]);
    expect(device("block")).toEqual([0x123, 0x45, 0]);
  });

  it("tells hard links by serial number, or by their extent", () => {
    const first = entries("A", [su.px(S_IFREG | 0o644, 2, 0, 0, 77), su.nm("a")]);
    const old = entries("C", [su.px(S_IFREG | 0o644, 2), su.nm("c")]);
    const volume = rockRidge([
      first,
      entries("B", [su.px(S_IFREG | 0o644, 2, 0, 0, 77), su.nm("b")]),
      old,
      entries("D", [su.px(S_IFREG | 0o644, 2), su.nm("d")], { sameAs: old }),
      entries("E", [su.px(S_IFREG | 0o644, 1), su.nm("e")], { sameAs: old }),
    ]);
    const ino = (name: string) => attributesAt(volume, name).ino;
    expect(ino("a")).toBe(ino("b"));
    expect(ino("c")).toBe(ino("d"));
    expect(new Set(["a", "c", "e"].map(ino)).size).toBe(3);
  });
});

describe("TF", () => {
  const at = (year: number) => Date.UTC(year, 2, 4, 5, 6, 7) / 1000;

  it("reads short and long forms, zones, and years far off", () => {
    const all = [short(1990), short(1950, 4), short(2100, -8), short(2155, 52)];
    const digits = ["1850030405060712", "2300030405060799", "1601030405060700"];
    const volume = rockRidge([
      entries("A", [REGULAR, su.tf(0x0f, all), su.nm("short")]),
      entries("B", [
        REGULAR,
        su.tf(
          0x8e,
          digits.map((text) => long(text, 2)),
        ),
        su.nm("long"),
      ]),
      entries("C", [REGULAR, su.tf(0x02, [[0, 0, 0, 0, 0, 0, 0]]), su.nm("unset")]),
      entries("D", [REGULAR, su.tf(0x02, [short(1999, 100)]), su.nm("badzone")]),
      entries("E", [REGULAR, su.tf(0xff, [[1]]), su.nm("cut")]),
    ]);
    const a = attributesAt(volume, "short");
    expect([a.mtime, a.atime, a.ctime]).toEqual([
      at(1950) - 3600,
      at(2100) + 7200,
      at(2155) - 13 * 3600,
    ]);
    const b = attributesAt(volume, "long");
    expect([b.mtime, b.mtimeNs]).toEqual([at(1850) - 1800, 120_000_000]);
    expect([b.atime, b.atimeNs]).toEqual([at(2300) - 1800, 990_000_000]);
    expect(b.ctime).toBe(at(1601) - 1800);
    const record = Date.UTC(2020, 5, 15, 12, 30, 45) / 1000;
    expect(attributesAt(volume, "unset").mtime).toBe(record);
    expect(attributesAt(volume, "badzone").mtime).toBe(at(1999));
    expect(attributesAt(volume, "cut").mtime).toBe(record);
  });
});

describe("SL", () => {
  const link = (name: string, list: Uint8Array[], more: Partial<IsoNode> = {}) =>
    entries(name, [su.px(S_IFLNK | 0o777), ...list], more);

  it("puts components together, over several entries", () => {
    const volume = rockRidge([
      link("A", [
        su.sl([
          [8, ""],
          [0, "usr"],
          [0, "bin"],
        ]),
        su.nm("root"),
      ]),
      link("B", [
        su.sl([
          [4, ""],
          [2, ""],
          [0, "x"],
        ]),
        su.nm("dots"),
      ]),
      link(
        "C",
        [
          su.sl(
            [
              [0, "one"],
              [1, "tw"],
            ],
            1,
          ),
          su.nm("split"),
        ],
        {
          continued: [
            [
              su.sl([
                [0, "o"],
                [0, "three"],
              ]),
            ],
          ],
        },
      ),
      link("D", [su.sl([[0, "a"]], 1), su.sl([[0, "b"]]), su.nm("two")]),
      link("E", [
        su.sl([
          [16, ""],
          [0, "v"],
        ]),
        su.nm("volume"),
      ]),
      link("F", [su.sl([[0, "whole/path/in/one"]]), su.nm("whole")]),
      link("G", [su.nm("nothing")]),
    ]);
    const target = (name: string) => volume.readLink(nodeAt(volume, name));
    expect(["root", "dots", "split", "two", "volume", "whole", "nothing"].map(target)).toEqual([
      "/usr/bin",
      ".././x",
      "one/two/three",
      "a/b",
      "/v",
      "whole/path/in/one",
      "",
    ]);
    expect(attributesAt(volume, "split").size).toBe("one/two/three".length);
    expect(attributesAt(volume, "root").blocks).toBe(0);
  });
});

describe("CL, PL and RE", () => {
  it("puts a relocated directory back and hides where it was kept", () => {
    const moved = folder("MOVED", [file("LEAF.;1", "leaf")], {
      systemUse: () => [su.re(), su.px(S_IFDIR | 0o755, 2), su.nm("moved")],
    });
    const home = folder("HOME", [], {});
    moved.dotDot = (blockOf) => [su.pl(blockOf(home))];
    home.children?.push(
      file("MOVED", undefined, {
        data: new Uint8Array(0),
        systemUse: (blockOf) => [su.cl(blockOf(moved)), su.nm("moved")],
      }),
    );
    const keep = folder("RR_MOVED", [moved], { systemUse: () => [su.nm("rr_moved")] });
    const volume = rockRidge([home, keep]);
    expect([...walk(volume).keys()].sort()).toEqual([
      "/",
      "/home",
      "/home/moved",
      "/home/moved/leaf",
    ]);
    expect(textAt(volume, "/home/moved/leaf")).toBe("leaf");
    const node = nodeAt(volume, "/home/moved");
    expect(volume.parent(node)).toBe(nodeAt(volume, "/home"));
    // With something of its own in it, the folder is shown.
    keep.children?.push(file("OWN.;1", "own"));
    const shown = rockRidge([home, keep]);
    expect(namesIn(shown, "/rr_moved")).toEqual(["own"]);
    // Without Rock Ridge it is all as recorded.
    const iso = buildIso(folder("", [home, keep], { dot: ROOT_DOT }));
    const plain = volumeOf(iso, { options: { view: "iso9660" } });
    expect(namesIn(plain, "/rr_moved")).toEqual(["moved", "own"]);
    expect(attributesAt(plain, "/home/moved").mode).toBe(S_IFREG | 0o555);
  });

  it("shows an unreadable directory where CL leads nowhere", () => {
    const volume = rockRidge([
      file("BAD", "", { systemUse: () => [su.cl(0xffffff), su.nm("bad")] }),
      file("GOOD.;1", "good"),
    ]);
    expect(textAt(volume, "/good")).toBe("good");
  });
});

describe("SF", () => {
  it("shows the virtual size, and says that it does not read sparse tables", () => {
    const sparse = su.entry("SF", [...su.both32(1), ...su.both32(5), 3]);
    const older = su.entry("SF", su.both32(123_456));
    const volume = rockRidge([
      entries("A", [REGULAR, sparse, su.nm("new")]),
      entries("B", [REGULAR, older, su.nm("old")]),
    ]);
    expect(attributesAt(volume, "new").size).toBe(2 ** 32 + 5);
    expect(attributesAt(volume, "old").size).toBe(123_456);
    const target = new Uint8Array(10);
    expect(() => volume.read(nodeAt(volume, "new"), 0, target, 0, 10)).toThrow(/sparse tables/);
  });
});
