/** Apple's, Amiga's and AAIP's system use entries as xattrs. */
import { describe, expect, it } from "vitest";
import { S_IFDIR, S_IFREG } from "../../../image-core/filesystem/volume.js";
import { buildIso, file, folder, type IsoNode } from "../../fixtures/iso9660/iso-builder.js";
import * as su from "../../fixtures/iso9660/susp-entries.js";
import { nodeAt, volumeOf } from "./volume-of.js";

const DOT = () => [su.sp(), su.px(S_IFDIR | 0o755, 2), su.er("RRIP_1991A")];
const REGULAR = su.px(S_IFREG | 0o644);

function xattrs(node: IsoNode, path: string, dot: (() => Uint8Array[]) | undefined) {
  const volume = volumeOf(buildIso(folder("", [node], { dot })));
  const found = nodeAt(volume, path);
  return new Map(
    volume
      .listXattrs(found)
      .map((name) => [name, Buffer.from(volume.readXattr(found, name) ?? [])]),
  );
}

describe("Apple", () => {
  const hfs = [...Buffer.from("TEXTttxt"), 0x01, 0x00];

  it.each(["AA", "BA"])(
    "%s: type, creator and Finder flags, with Rock Ridge or without",
    (letters) => {
      const node = file("A.;1", "x", { systemUse: () => [su.entry(letters, hfs, 2)] });
      const value = xattrs(node, "/a", undefined).get("user.com.apple.FinderInfo");
      expect(value?.equals(Buffer.concat([Buffer.from(hfs), Buffer.alloc(22)]))).toBe(true);
      const both = file("A.;1", "x", {
        systemUse: () => [REGULAR, su.nm("named"), su.entry(letters, hfs, 2)],
      });
      expect(xattrs(both, "/named", DOT).has("user.com.apple.FinderInfo")).toBe(true);
    },
  );

  it("ProDOS types", () => {
    const node = file("A.;1", "x", { systemUse: () => [su.entry("AA", [4, 1, 2], 1)] });
    expect(xattrs(node, "/a", undefined).get("user.iso9660.prodos")).toEqual(
      Buffer.from([4, 1, 2]),
    );
  });
});

describe("Amiga", () => {
  it("protection bits, and a comment over two entries", () => {
    const list = [
      su.entry("AS", [0x07, 0, 0, 0, 0x0f, 7, ...Buffer.from("hello ")]),
      su.entry("AS", [0x02, 6, ...Buffer.from("w\u00f6rld", "latin1")]),
    ];
    const node = file("A.;1", "x", { systemUse: () => [REGULAR, su.nm("a"), ...list] });
    const found = xattrs(node, "/a", DOT);
    expect(found.get("user.amiga.protection")).toEqual(Buffer.from([0, 0, 0, 15]));
    expect(found.get("user.amiga.comment")?.toString("latin1")).toBe("hello w\u00f6rld");
  });
});

describe("AAIP", () => {
  const text = (value: string) => [...Buffer.from(value)];

  it("decodes namespaces, and the ACL examples of the specification", () => {
    const acl = [0x16, 0xae, 1, 123, 0x34, 0xce, 2, 255, 254, 0x54, 0x64];
    const list = su.al([
      [3, ...text("short")],
      text("1"),
      text("user.spelled"),
      text("2"),
      [5, ...text("trusted")],
      text("3"),
      [],
      acl,
      [1, 3, ...text("odd")],
      text("4"),
    ]);
    const node = file("A.;1", "x", { systemUse: () => [REGULAR, su.nm("a"), list] });
    const found = xattrs(node, "/a", DOT);
    expect([...found.keys()].sort()).toEqual([
      "system.posix_acl_access",
      "user.short",
      "user.spelled",
    ]);
    expect(found.get("user.spelled")?.toString()).toBe("2");
    const value = found.get("system.posix_acl_access") ?? Buffer.alloc(0);
    const entries = Array.from({ length: (value.length - 4) / 8 }, (_, i) => [
      value.readUInt16LE(4 + 8 * i),
      value.readUInt16LE(6 + 8 * i),
      value.readUInt32LE(8 + 8 * i),
    ]);
    const none = 0xffffffff;
    expect(value.readUInt32LE(0)).toBe(2);
    expect(entries).toEqual([
      [0x01, 6, none],
      [0x02, 6, 123],
      [0x04, 4, none],
      [0x08, 6, 65534],
      [0x10, 4, none],
      [0x20, 4, none],
    ]);
  });

  it("puts components together that entries or records split", () => {
    const first = su.entry("AL", [
      1,
      0,
      4,
      ...text("user"),
      1,
      2,
      ...text("ab"),
      0,
      5,
      ...text("cd"),
    ]);
    const rest = su.entry("AL", [0, ...text("efg")]);
    const named = su.entry("AL", [1, 0, 6, ...text("user.n"), 0, 4, ...text("va")]);
    const end = su.entry("AL", [0, ...text("lu")]);
    const make = (list: Uint8Array[]) =>
      file("A.;1", "x", { systemUse: () => [REGULAR, su.nm("a"), ...list] });
    // A name that is in no namespace is not shown; its parts must not shift the others.
    expect(xattrs(make([first, rest]), "/a", DOT).size).toBe(0);
    expect(
      xattrs(make([named, end]), "/a", DOT)
        .get("user.n")
        ?.toString(),
    ).toBe("valu");
  });
});
