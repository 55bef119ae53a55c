/** Reparse points that are cut short: refused by name, at once. */
import { expect, it } from "vitest";
import { ImageError } from "../../../image-core/errors.js";
import { decodeReparsePoint } from "../../../image-core/filesystem/ntfs/reparse-point.js";

function reparsePoint(tag: number, data: Buffer): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt32LE(tag, 0);
  header.writeUInt16LE(data.length, 4);
  return Buffer.concat([header, data]);
}

const nfs = 0x80000014;
const tags = [0xa0000003, 0xa000000c, 0xa000001d, 0x80000017, nfs];

it("refuses an NFS link whose type is cut off, and takes one without a target", () => {
  for (const data of ["LNK", "LNK\0\0\0\0"]) {
    const bytes = reparsePoint(nfs, Buffer.from(data));
    expect(() => decodeReparsePoint(bytes, "file 7")).toThrow(
      new RegExp(`reparse point of file 7: data of ${data.length} bytes`),
    );
  }
  const bare = reparsePoint(nfs, Buffer.from("LNK\0\0\0\0\0"));
  expect(decodeReparsePoint(bare, "file 7")).toEqual({ kind: "nfs link", target: "" });
});

it.each(tags)("decodes tag %i of any length, or refuses it", (tag) => {
  for (const fill of ["\0", "\xff", "LNK\0\0\0\0\0"]) {
    for (let length = 0; length < 40; length++) {
      const bytes = reparsePoint(tag, Buffer.alloc(length, fill, "latin1"));
      try {
        expect(decodeReparsePoint(bytes, "file 7").kind).toBeTypeOf("string");
      } catch (error) {
        expect(error).toBeInstanceOf(ImageError);
      }
    }
  }
});
