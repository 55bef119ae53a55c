/** Directory records and extents: what ECMA-119 and High Sierra allow, and what writers did instead. */
import { closeSync, ftruncateSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { open } from "../../../image-core/filesystem/iso9660/iso9660.js";
import { S_IFDIR, S_IFREG } from "../../../image-core/filesystem/volume.js";
import type { HostRange } from "../../../image-core/source/byte-source.js";
import { FileSource } from "../../../image-core/source/file-source.js";
import { buildIso, file, folder, type IsoOptions } from "../../fixtures/iso9660/iso-builder.js";
import { both32, le32 } from "../../fixtures/iso9660/susp-entries.js";
import { testContext } from "../../support/context.js";
import { scratch } from "../../support/tools.js";
import { walk } from "../../support/walk.js";
import { attributesAt, contentsAt, namesIn, nodeAt, textAt, volumeOf } from "./volume-of.js";

const pattern = (length: number, seed = 1): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => (i * 7 + (i >> 8) * 13 + seed) & 255);

/** Where the record of `identifier` begins in the image. */
function recordAt(image: Uint8Array, identifier: string): number {
  const at = Buffer.from(image).indexOf(
    Buffer.from(`${String.fromCharCode(identifier.length)}${identifier}`),
  );
  if (at < 0) throw new Error(`no record ${identifier}`);
  return at - 32;
}

describe("extents", () => {
  it("joins the extents of a file, aligned or not", () => {
    const data = pattern(10 * 2048 + 77);
    const iso = buildIso(
      folder("", [
        file("BEFORE.;1", "b"),
        file("SECTIONS.BIN;1", data, { extentBytes: 4096 }),
        file("Z.;1", "z"),
      ]),
    );
    const volume = volumeOf(iso);
    expect(namesIn(volume)).toEqual(["before", "sections.bin", "z"]);
    expect(attributesAt(volume, "/sections.bin").size).toBe(data.length);
    expect(contentsAt(volume, "/sections.bin", 1000).equals(data)).toBe(true);
  });

  it("reads beyond 4 GiB", () => {
    const path = join(scratch("iso9660-large"), "large.iso");
    const extent = 2 ** 32 - 2048;
    // Three extents of which only the records exist; the image is a sparse file.
    const iso = buildIso(folder("", [file("LARGE.BIN;1", pattern(6144), { extentBytes: 2048 })]));
    const first = recordAt(iso, "LARGE.BIN;1");
    let block = 1000;
    for (let i = 0; i < 3; i++) {
      const at = first + i * iso[first];
      iso.set(both32(block), at + 2);
      iso.set(both32(i < 2 ? extent : 4096), at + 10);
      block += extent / 2048;
    }
    const fd = openSync(path, "w+");
    writeSync(fd, iso);
    const start = 1000 * 2048;
    ftruncateSync(fd, start + 2 * extent + 4096);
    writeSync(fd, Buffer.from("behind 4 GiB"), 0, 12, start + extent - 6);
    writeSync(fd, Buffer.from("the end"), 0, 7, start + 2 * extent + 4089);
    const volume = open(new FileSource(fd), testContext());
    const node = nodeAt(volume, "/large.bin");
    expect(attributesAt(volume, "/large.bin").size).toBe(2 * extent + 4096);
    const target = Buffer.alloc(12);
    expect(volume.read(node, extent - 6, target, 0, 12)).toBe(12);
    expect(target.toString()).toBe("behind 4 GiB");
    expect(volume.read(node, 2 * extent + 4089, target, 0, 12)).toBe(7);
    expect(target.toString("utf8", 0, 7)).toBe("the end");
    const range: HostRange = { fd: 0, position: 0, length: 0 };
    expect(volume.locate?.(node, extent - 6, 1 << 20, range)).toBe(true);
    expect(range).toEqual({ fd, position: start + extent - 6, length: 1 << 20 });
    closeSync(fd);
  });

  it.each([
    [1, 1],
    [3, 2],
  ])("takes interleaved files apart (unit %i, gap %i)", (unit, gap) => {
    const data = pattern(9 * 2048 + 5);
    const more = { interleave: { unit, gap } };
    const withRecord = { ...more, attributeRecord: new Uint8Array(2048) };
    const iso = buildIso(
      folder("", [file("A.;1", data, more), file("B.;1", data, withRecord), file("C.;1", "c")]),
    );
    const volume = volumeOf(iso);
    expect(contentsAt(volume, "/a", 3000).equals(data)).toBe(true);
    expect(contentsAt(volume, "/b", 3000).equals(data)).toBe(true);
    expect(textAt(volume, "/c")).toBe("c");
  });

  it("locates to the byte what lies verbatim, unit by unit where interleaved", () => {
    const path = join(scratch("iso9660-locate"), "image.iso");
    const data = pattern(5 * 2048);
    const iso = buildIso(
      folder("", [file("A.;1", data, { interleave: { unit: 2, gap: 1 } }), file("B.;1", data)]),
    );
    const fd = openSync(path, "w+");
    writeSync(fd, iso);
    const volume = open(new FileSource(fd), testContext());
    const range: HostRange = { fd: 0, position: 0, length: 0 };
    for (const name of ["/a", "/b"]) {
      for (let position = 0; position < data.length; position += range.length) {
        expect(volume.locate?.(nodeAt(volume, name), position, 1e6, range)).toBe(true);
        const located = iso.subarray(range.position, range.position + range.length);
        expect(Buffer.from(located).equals(data.subarray(position, position + range.length))).toBe(
          true,
        );
        if (name === "/b") expect(range.length).toBe(data.length);
        else expect(range.length).toBe(position < 4 * 2048 ? 2 * 2048 : 2048);
      }
      expect(volume.locate?.(nodeAt(volume, name), data.length, 1, range)).toBe(false);
    }
    closeSync(fd);
  });

  it("gives the bytes that are there, and never fewer than asked for without saying why", () => {
    const iso = buildIso(folder("", [file("LONG.;1", pattern(8192))]));
    const volume = volumeOf(iso.subarray(0, iso.length - 4096 - 100));
    const node = nodeAt(volume, "/long");
    const target = Buffer.alloc(8192);
    const whole = 8192 - 4196;
    expect(volume.read(node, 0, target, 0, whole)).toBe(whole);
    expect(target.subarray(0, whole).equals(pattern(8192).subarray(0, whole))).toBe(true);
    expect(() => volume.read(node, 0, target, 0, 8192)).toThrow(/the image ends/);
    expect(() => volume.read(node, whole, target, 0, 10)).toThrow(/the image ends/);
    expect(volume.description.warnings.join()).toMatch(/the image ends after/);
  });
});

describe("extended attribute records", () => {
  function attributeRecord(): Uint8Array {
    const bytes = new Uint8Array(2048);
    bytes.set([44, 1, 1, 44, 200, 0, 0, 200]);
    // Zero bits permit: owner read and execute, group read.
    const field = 0xffff & ~((1 << 4) | (1 << 6) | (1 << 8));
    bytes.set([field >> 8, field & 255], 8);
    bytes.set([...Buffer.from("1995010203040500"), 4], 10);
    bytes.set([...Buffer.from("1996010203040550"), 256 - 4], 27);
    return bytes;
  }

  it("skips the record before the data, and takes owner, permissions and dates from it", () => {
    const record = attributeRecord();
    const iso = buildIso(
      folder("", [
        file("P.;1", "data", { attributeRecord: record, flags: 0x10 }),
        file("Q.;1", "data", { attributeRecord: record }),
        folder("D", [file("X.;1", "x")], { attributeRecord: new Uint8Array(4096) }),
      ]),
    );
    const volume = volumeOf(iso);
    expect(textAt(volume, "/p")).toBe("data");
    expect(textAt(volume, "/d/x")).toBe("x");
    const { mode, uid, gid, mtime, mtimeNs, ctime } = attributesAt(volume, "/p");
    expect([mode, uid, gid]).toEqual([S_IFREG | 0o540, 300, 200]);
    // One hour west of Greenwich, half a second.
    expect([mtime, mtimeNs]).toEqual([Date.UTC(1996, 0, 2, 4, 4, 5) / 1000, 500_000_000]);
    expect(ctime).toBe(Date.UTC(1995, 0, 2, 2, 4, 5) / 1000);
    // Without the protection flag owner and permissions do not count.
    expect(attributesAt(volume, "/q").mode).toBe(S_IFREG | 0o555);
  });
});

describe("names", () => {
  it("shows the newest version plain and the others with their numbers, in any order", () => {
    const iso = buildIso(
      folder("", [
        ...[3, 2, 1].map((n) => file(`DOWN.TXT;${n}`, `down ${n}`)),
        file("ONLY.TXT;7", "only"),
        ...[1, 2, 3].map((n) => file(`UP.TXT;${n}`, `up ${n}`)),
      ]),
    );
    const volume = volumeOf(iso);
    expect(namesIn(volume)).toEqual([
      "down.txt",
      "down.txt;2",
      "down.txt;1",
      "only.txt",
      "up.txt;1",
      "up.txt;2",
      "up.txt",
    ]);
    for (const name of ["down", "up"]) {
      expect(textAt(volume, `/${name}.txt`)).toBe(`${name} 3`);
      expect(textAt(volume, `/${name}.txt;1`)).toBe(`${name} 1`);
    }
    expect(textAt(volume, "/ONLY.TXT")).toBe("only");
  });

  it("tells apart what would have the same name, the same way each time", () => {
    const children = [
      file("Same.;1", "1"),
      file("SAME.;1", "2"),
      file("same", "3"),
      folder("SAME", []),
    ];
    const volume = volumeOf(buildIso(folder("", children)));
    const names = namesIn(volume);
    expect(new Set(names).size).toBe(4);
    expect(names[0]).toBe("same");
    expect(names).toEqual(namesIn(volume));
    expect(names.map((name) => nodeAt(volume, name))).toHaveLength(4);
    expect(names.slice(0, 3).map((name) => textAt(volume, name))).toEqual(["1", "2", "3"]);
  });

  it("keeps what no name may hold out of names", () => {
    const raw = Uint8Array.of(0x41, 0x2f, 0x00, 0x42);
    const volume = volumeOf(buildIso(folder("", [file(raw, "x"), file(Uint8Array.of(5), "y")])));
    for (const name of namesIn(volume)) {
      expect(name).not.toMatch(/[/\0]/);
      expect(nodeAt(volume, name)).toBeGreaterThan(1);
    }
    expect(namesIn(volume)).toHaveLength(2);
  });

  it("reads names in the charset asked for, or the one they are in", () => {
    const names = ["привет.txt", "документы.doc", "фотография.jpg", "музыка.mp3", "отчёт.xls"];
    const cp866 = (text: string) =>
      Uint8Array.from([...text], (c) => {
        const code = c.codePointAt(0) as number;
        if (code < 128) return code;
        if (code === 0x451) return 0xf1;
        return code < 0x440 ? code - 0x410 + 0x80 : code - 0x440 + 0xe0;
      });
    const iso = buildIso(
      folder(
        "",
        names.map((name) => file(cp866(name), name)),
      ),
    );
    for (const charset of [undefined, "cp866"]) {
      const volume = volumeOf(iso, { options: { charset } });
      expect(namesIn(volume)).toEqual(names);
      for (const name of names) expect(textAt(volume, name)).toBe(name);
    }
    expect(() => volumeOf(iso, { options: { charset: "klingon" } })).toThrow(/klingon/);
  });
});

describe("associated files", () => {
  it("is an xattr of its file, or a file of its own where it is too large", () => {
    const iso = buildIso(
      folder("", [
        file("MAC.;1", "resource fork", { flags: 4 }),
        file("MAC.;1", "data fork"),
        file("OTHER.;1", pattern(70_000), { flags: 4 }),
        file("OTHER.;1", "data"),
        file("PLAIN.;1", "p"),
      ]),
    );
    const volume = volumeOf(iso);
    expect(namesIn(volume)).toEqual(["mac", "other;associated", "other", "plain"]);
    const mac = nodeAt(volume, "/mac");
    expect(volume.listXattrs(mac)).toEqual(["user.iso9660.associated"]);
    const value = volume.readXattr(mac, "user.iso9660.associated") ?? [];
    expect(Buffer.from(value).toString()).toBe("resource fork");
    expect(volume.listXattrs(nodeAt(volume, "/plain"))).toEqual([]);
    expect(attributesAt(volume, "/other;associated").size).toBe(70_000);
  });

  it("shows hidden files, as other readers do", () => {
    const volume = volumeOf(buildIso(folder("", [file("H.;1", "h", { flags: 1 })])));
    expect(textAt(volume, "/h")).toBe("h");
  });
});

describe("block sizes and standards", () => {
  const tree = () =>
    folder("", [
      folder("DIR", [file("LEAF.TXT;1", "leaf"), folder("SUB", [file("X.;1", pattern(5000))])]),
      file("TOP.BIN;1", pattern(3000), { time: [70, 1, 1, 0, 0, 0, 8] }),
    ]);

  it.each([
    ["512 bytes", { blockSize: 512 }],
    ["1024 bytes", { blockSize: 1024 }],
    ["High Sierra", { highSierra: true }],
    ["High Sierra in 512 bytes", { highSierra: true, blockSize: 512 }],
  ] as [string, IsoOptions][])("reads %s", (_, options) => {
    const volume = volumeOf(buildIso(tree(), options));
    const paths = [...walk(volume).keys()].sort();
    expect(paths).toEqual(["/", "/dir", "/dir/leaf.txt", "/dir/sub", "/dir/sub/x", "/top.bin"]);
    expect(textAt(volume, "/dir/leaf.txt")).toBe("leaf");
    expect(contentsAt(volume, "/dir/sub/x").equals(pattern(5000))).toBe(true);
    expect(volume.parent(nodeAt(volume, "/dir/sub"))).toBe(nodeAt(volume, "/dir"));
    expect(volume.statistics().blockSize).toBe(options.blockSize ?? 2048);
    // High Sierra has no time zones; two hours east otherwise.
    expect(attributesAt(volume, "/top.bin").mtime).toBe(options.highSierra ? 0 : -7200);
    expect(volume.description.title).toBe(options.highSierra ? "High Sierra" : "ISO 9660");
    expect(volume.description.created).toBe(Date.UTC(2020, 5, 15, 12, 30, 45) / 1000);
  });
});

describe("halves that differ", () => {
  it.each([
    ["big-endian zero", (at: number, image: Uint8Array) => image.fill(0, at + 6, at + 10)],
    ["little-endian zero", (at: number, image: Uint8Array) => image.fill(0, at + 2, at + 6)],
    ["little-endian wild", (at: number, image: Uint8Array) => image.fill(0xee, at + 2, at + 6)],
    ["big-endian wild", (at: number, image: Uint8Array) => image.fill(0xee, at + 6, at + 10)],
  ])("takes the one that makes sense: %s", (_, damage) => {
    const iso = buildIso(folder("", [file("FILE.;1", "contents")]), {
      finish: (image) => damage(recordAt(image, "FILE.;1"), image),
    });
    const volume = volumeOf(iso);
    expect(textAt(volume, "/file")).toBe("contents");
    expect(volume.description.warnings.join()).toMatch(/1 records whose little- and big-endian/);
  });

  it("finds the root directory by either half, or by the path table", () => {
    const tree = () => folder("", [folder("SUB", [file("X.;1", "x")])]);
    const record = 16 * 2048 + 156;
    const wrongBig = buildIso(tree(), { finish: (image) => image.set([0, 0, 0, 99], record + 6) });
    const wrongLittle = buildIso(tree(), { finish: (image) => image.set(le32(17), record + 2) });
    const wrongBoth = buildIso(tree(), { finish: (image) => image.set(both32(17), record + 2) });
    for (const iso of [wrongBig, wrongLittle, wrongBoth]) {
      const volume = volumeOf(iso);
      expect(textAt(volume, "/sub/x")).toBe("x");
      expect(volume.description.warnings).not.toEqual([]);
    }
  });
});

describe("damage", () => {
  it("skips a damaged sector and lists the others", () => {
    const children = Array.from({ length: 120 }, (_, i) =>
      file(`FILE${String(i).padStart(3, "0")}.TXT;1`, `${i}`),
    );
    const iso = buildIso(folder("", children));
    const at = recordAt(iso, "FILE060.TXT;1");
    iso[at] = 20;
    const volume = volumeOf(iso);
    const names = namesIn(volume);
    expect(names).toContain("file059.txt");
    expect(names).toContain("file119.txt");
    expect(names).not.toContain("file060.txt");
    expect(textAt(volume, "/file119.txt")).toBe("119");
  });

  it("still finds the folders of a damaged directory by the path table", () => {
    const tree = folder("", [
      folder("ONE", [file("A.;1", "a"), folder("DEEP", [file("B.;1", "b")])]),
      folder("TWO", [file("C.;1", "c")]),
    ]);
    let root = 0;
    const iso = buildIso(tree, {
      finish: (image, blockOf) => {
        root = blockOf(tree) * 2048;
        image.fill(0xff, root, root + 2048);
      },
    });
    const volume = volumeOf(iso);
    expect(namesIn(volume)).toEqual(["one", "two"]);
    expect(textAt(volume, "/one/a")).toBe("a");
    expect(textAt(volume, "/one/deep/b")).toBe("b");
    expect(textAt(volume, "/two/c")).toBe("c");
    expect(volume.description.warnings.join()).toMatch(/path table/);
    expect(attributesAt(volume, "/").mode & S_IFDIR).toBe(S_IFDIR);
  });

  it("cuts directories that contain themselves, and second ways to the same one", () => {
    const inner = folder("INNER", [file("X.;1", "x")]);
    const outer = folder("OUTER", [inner, folder("LOOP", []), folder("ROOT", [])]);
    const tree = folder("", [outer, folder("SECOND", [])]);
    const iso = buildIso(tree, {
      finish: (image, blockOf) => {
        image.set(both32(blockOf(outer)), recordAt(image, "LOOP") + 2);
        image.set(both32(blockOf(tree)), recordAt(image, "ROOT") + 2);
        image.set(both32(blockOf(inner)), recordAt(image, "SECOND") + 2);
      },
    });
    const paths = [...walk(volumeOf(iso)).keys()].sort();
    // INNER is nearer to the root as SECOND, but says that it lies in OUTER: one of them remains.
    expect(paths.filter((path) => path.endsWith("/x"))).toHaveLength(1);
    expect(paths.some((path) => path.includes("loop/"))).toBe(false);
    expect(paths.some((path) => path.includes("root/"))).toBe(false);
  });

  it("says which directory the image cuts off, after what is there", () => {
    const many = Array.from({ length: 200 }, (_, i) => file(`N${1000 + i}.;1`));
    const tree = folder("", many);
    let end = 0;
    const iso = buildIso(tree, { finish: (_, blockOf) => (end = blockOf(tree) * 2048 + 4096) });
    const volume = volumeOf(iso.subarray(0, end));
    const seen: string[] = [];
    expect(() =>
      volume.readDirectory(1, 0, (name) => {
        seen.push(name);
        return true;
      }),
    ).toThrow(/truncated|goes on to/);
    expect(seen.length).toBeGreaterThan(50);
    expect(nodeAt(volume, "/n1000")).toBeGreaterThan(1);
    expect(() => volume.lookup(1, "n1199")).toThrow(/goes on to/);
  });

  it("refuses what is no volume", () => {
    expect(() => volumeOf(new Uint8Array(40_000))).toThrow(/no volume descriptor/);
    expect(() => volumeOf(new Uint8Array(0))).toThrow(/the image ends at 0x0/);
  });
});

describe("large directories", () => {
  it("lists in pieces, goes on after a restart, and looks up what it listed", () => {
    const children = Array.from({ length: 3000 }, (_, i) => file(`FILE${10_000 + i}.TXT;1`));
    const iso = buildIso(folder("", children));
    const names: string[] = [];
    let cookie = 0;
    for (let more = true; more; ) {
      // Each piece from a volume that knows nothing of the others.
      const volume = volumeOf(iso);
      let taken = 0;
      more = false;
      volume.readDirectory(1, cookie, (name, node, _, next) => {
        if (taken === 700) {
          more = true;
          return false;
        }
        expect(volume.lookup(1, name)).toBe(node);
        names.push(name);
        cookie = next;
        taken++;
        return true;
      });
    }
    expect(names).toHaveLength(3000);
    expect(new Set(names).size).toBe(3000);
    expect(volumeOf(iso).lookup(1, "file12999.txt")).toBeGreaterThan(0);
    expect(volumeOf(iso).lookup(1, "file13000.txt")).toBe(0);
  });
});
