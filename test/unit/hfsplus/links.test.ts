import { describe, expect, it } from "vitest";
import { ROOT_NODE, S_IFDIR, S_IFMT, S_IFREG } from "../../../image-core/filesystem/volume.js";
import { HfsPlusBuilder, ROOT_CNID } from "../../fixtures/hfsplus/volume.js";
import { walk } from "../../support/walk.js";
import { attributesAt, contentsOf, namesIn, nodeAt, openBytes } from "./support.js";

const FILE_INODES = "\0\0\0\0HFS+ Private Data";
const FOLDER_INODES = ".HFS+ Private Directory Data\r";
const FILE_LINK = { finder: "hlnkhfs+", mode: 0o100000 };
const FOLDER_LINK = { finder: "fdrpMACS", mode: 0o100000 };
const FIRST_LINK = "com.apple.system.hfs.firstlink";

describe("hard links to files", () => {
  const builder = new HfsPlusBuilder();
  const inodes = builder.folder(ROOT_CNID, FILE_INODES);
  const folder = builder.folder(ROOT_CNID, "folder");
  const shared = { special: 2, mode: 0o100640, uid: 7 };
  builder.file(inodes, "iNode77", { ...shared, data: "shared", resource: Uint8Array.of(1, 2) });
  builder.file(ROOT_CNID, "one", { ...FILE_LINK, special: 77 });
  builder.file(folder, "two", { ...FILE_LINK, special: 77 });
  builder.file(folder, "broken", { ...FILE_LINK, special: 78 });
  const volume = openBytes(builder.build());

  it("share node, inode number, contents and count", () => {
    expect(nodeAt(volume, "/one")).toBe(nodeAt(volume, "/folder/two"));
    const attributes = attributesAt(volume, "/one");
    expect(attributes).toMatchObject({ mode: S_IFREG | 0o640, nlink: 2, uid: 7, size: 6 });
    expect(attributes.ino).toBe(attributesAt(volume, "/folder/two").ino);
    expect(Buffer.from(contentsOf(volume, nodeAt(volume, "/one"))).toString()).toBe("shared");
    expect(nodeAt(volume, "/one..namedfork#rsrc")).toBe(nodeAt(volume, "/folder/two") + 1);
  });

  it("hide the folder that the file lies in", () => {
    expect(namesIn(volume, ROOT_NODE)).toEqual(["folder", "one"]);
    expect(volume.lookup(ROOT_NODE, "\u241b00\u241b00\u241b00\u241b00HFS+ Private Data")).toBe(0);
  });

  it("that lead nowhere are empty files", () => {
    expect(attributesAt(volume, "/folder/broken")).toMatchObject({ nlink: 1, size: 0 });
  });
});

describe("hard links to folders", () => {
  function build(circular: boolean, listed: boolean) {
    const builder = new HfsPlusBuilder();
    const inodes = builder.folder(ROOT_CNID, FOLDER_INODES);
    const monday = builder.folder(ROOT_CNID, "monday");
    const tuesday = builder.folder(ROOT_CNID, "tuesday");
    const shared = builder.folder(inodes, "dir_50");
    builder.file(shared, "kept", { data: "kept" });
    const deeper = builder.folder(shared, "deeper");
    const first = builder.file(monday, "docs", { ...FOLDER_LINK, special: 50, gid: 0 });
    const inner = builder.folder(inodes, "dir_60");
    builder.file(inner, "innermost", { data: "innermost" });
    const nested = builder.file(deeper, "nested", { ...FOLDER_LINK, special: 60, uid: 0, gid: 0 });
    // The next link of a link lies where other files have their group.
    const back = circular
      ? builder.file(inner, "back", { ...FOLDER_LINK, special: 50, uid: first, gid: 0 })
      : 0;
    builder.file(tuesday, "docs", {
      ...FOLDER_LINK,
      special: 50,
      uid: first,
      gid: listed ? back : 0,
    });
    builder.attribute(shared, FIRST_LINK, `${listed && back !== 0 ? back : first}\0`);
    builder.attribute(inner, FIRST_LINK, `${nested}\0`);
    return openBytes(builder.build());
  }

  it("are folders with nodes of their own and one inode number", () => {
    const volume = build(false, true);
    const monday = attributesAt(volume, "/monday/docs");
    expect(monday.mode & S_IFMT).toBe(S_IFDIR);
    expect(monday.ino).toBe(attributesAt(volume, "/tuesday/docs").ino);
    expect(nodeAt(volume, "/monday/docs")).not.toBe(nodeAt(volume, "/tuesday/docs"));
    const kept = nodeAt(volume, "/tuesday/docs/kept");
    expect(kept).toBe(nodeAt(volume, "/monday/docs/kept"));
    expect(volume.parent(nodeAt(volume, "/tuesday/docs"))).toBe(nodeAt(volume, "/tuesday"));
    expect(volume.lookup(nodeAt(volume, "/monday/docs"), "..")).toBe(nodeAt(volume, "/monday"));
    // Where the path is not known, the first link's folder stands in.
    const inodeFolder = volume.parent(nodeAt(volume, "/tuesday/docs/deeper"));
    expect(volume.parent(inodeFolder)).toBe(nodeAt(volume, "/monday"));
    expect([...walk(volume).keys()].sort()).toEqual([
      "/",
      "/monday",
      "/monday/docs",
      "/monday/docs/deeper",
      "/monday/docs/deeper/nested",
      "/monday/docs/deeper/nested/innermost",
      "/monday/docs/kept",
      "/tuesday",
      "/tuesday/docs",
      "/tuesday/docs/deeper",
      "/tuesday/docs/deeper/nested",
      "/tuesday/docs/deeper/nested/innermost",
      "/tuesday/docs/kept",
    ]);
  });

  it.each([true, false])(
    "that lead in a circle are refused (listed among the links: %s)",
    (listed) => {
      const volume = build(true, listed);
      const nested = nodeAt(volume, "/monday/docs/deeper/nested");
      const back = nested === 0 ? 0 : () => namesIn(volume, volume.lookup(nested, "back"));
      expect(back).toThrow(/lead back to it|is not among its folder's links/);
    },
  );
});
