/** Bad input for each structure, made from a volume that mkntfs and ntfscp wrote (no mount needed). */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ImageError } from "../../../image-core/errors.js";
import { ntfs } from "../../../image-core/filesystem/ntfs/format.js";
import {
  Attributes,
  ROOT_NODE,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  type Volume,
} from "../../../image-core/filesystem/volume.js";
import { probeWindow } from "../../../image-core/probe.js";
import { MemorySource } from "../../../image-core/source/memory-source.js";
import { noise } from "../../fixtures/ext/images.js";
import { makeVolume, openBytes } from "../../fixtures/ntfs/images.js";
import { run, scratch } from "../../support/tools.js";
import { walk } from "../../support/walk.js";

const folder = scratch("ntfs-damage");
const image = makeVolume(join(folder, "image"), 4);
for (let i = 0; i < 40; i++) {
  const path = join(folder, "source");
  writeFileSync(path, noise(i * 700, `${i}`));
  run("ntfscp", ["-q", image, path, `/File number ${i}`]);
  if (i % 10 === 0) run("ntfscp", ["-q", "-N", "stream", image, path, `/File number ${i}`]);
}
const pristine = readFileSync(image);
const CLUSTER = 4096;
const RECORD = 1024;
const mft = Number(pristine.readBigUInt64LE(0x30)) * CLUSTER;

const fresh = () => Buffer.from(pristine);
const nodeOf = (volume: Volume, name: string) => volume.lookup(ROOT_NODE, name);
/** Where the record of a file lies: by the node id's rule. */
const record = (name: string) => mft + (nodeOf(openBytes(pristine), name) - 1) * RECORD;

/** Position of an attribute's header in a record. */
function attribute(bytes: Buffer, position: number, type: number, nth = 0): number {
  let seen = 0;
  for (
    let at = position + bytes.readUInt16LE(position + 0x14);
    ;
    at += bytes.readUInt32LE(at + 4)
  ) {
    const found = bytes.readUInt32LE(at);
    if (found === 0xffffffff) throw new Error(`no attribute 0x${type.toString(16)}`);
    if (found === type && seen++ === nth) return at;
  }
}

function readAll(volume: Volume, name: string): Buffer {
  const attributes = new Attributes();
  const node = nodeOf(volume, name);
  volume.attributes(node, attributes);
  const bytes = Buffer.alloc(attributes.size);
  return bytes.subarray(0, volume.read(node, 0, bytes, 0, bytes.length));
}

test("the volume as it was", () => {
  const volume = openBytes(pristine);
  for (let i = 0; i < 40; i++) {
    expect(readAll(volume, `File number ${i}`).equals(noise(i * 700, `${i}`))).toBe(true);
  }
  expect(readAll(volume, "File number 30:stream").equals(noise(21_000, "30"))).toBe(true);
  expect(walk(volume).size).toBe(41);
});

test("boot sectors", () => {
  const cases: [offset: number, bytes: number[], problem: RegExp][] = [
    [0x03, [0x58], /no OEM id/],
    [0x0b, [3, 0], /no OEM id `NTFS` with a known sector size/],
    [0x0d, [3], /3 sectors of 512 bytes make no cluster/],
    [0x0d, [0xf0], /65536 sectors of 512 bytes make no cluster/],
    [0x28, [0, 0, 0, 0, 0, 0, 0, 0], /0 sectors/],
    [0x28, [0, 0, 0, 0, 0, 0, 0xff, 0x7f], /sectors of 512 bytes/],
    [0x40, [0xe0], /file record of/],
    [0x40, [0x20], /file record of 131072 bytes/],
    [0x44, [0], /index block of 0 bytes/],
    [0x30, [0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff], /MFT at cluster/],
  ];
  for (const [offset, values, problem] of cases) {
    // Without the copy at the end, so that the first one's own fault is told.
    const bytes = fresh().subarray(0, pristine.length - 512);
    Buffer.from(values).copy(bytes, offset);
    expect(() => openBytes(bytes), `0x${offset.toString(16)}`).toThrow(problem);
  }
  expect(() => openBytes(new Uint8Array(100))).toThrow(ImageError);
  expect(ntfs.probe(probeWindow(new MemorySource(new Uint8Array(100)), ""))).toBeUndefined();
});

test("a lost boot sector is replaced by the last sector, a lost MFT by its mirror", () => {
  const whole = walk(openBytes(pristine));
  const boot = fresh().fill(0, 0, 512);
  expect(ntfs.probe(probeWindow(new MemorySource(boot), ""))).toMatchObject({ confidence: 1 });
  const volume = openBytes(boot);
  expect(walk(volume)).toEqual(whole);
  expect(volume.description.warnings.join()).toMatch(/read by the backup boot sector/);

  const table = fresh();
  table[mft] = 0;
  const mirrored = openBytes(table);
  expect(mirrored.description.warnings.join()).toMatch(
    /mirror of the MFT: .*begins with 0x00494c45/,
  );
  expect([...walk(mirrored).keys()]).toEqual([...whole.keys()]);
});

test("free clusters are those that ntfsinfo counts", () => {
  for (const megabytes of [4, 5, 7]) {
    const path = makeVolume(join(folder, "free"), megabytes);
    run("truncate", ["-s", `${megabytes * 1024 * 1024}`, path]);
    const said = /Free Clusters: (\d+)/.exec(run("ntfsinfo", ["-m", "-f", path]).toString());
    expect(openBytes(readFileSync(path)).statistics().freeBlocks).toBe(Number(said?.[1]));
  }
});

test("a volume that claims to be endless: free clusters are counted no further than the image goes", () => {
  const bytes = fresh();
  const clusters = 2 ** 38;
  bytes.writeBigUInt64LE(BigInt(clusters * 8), 0x28);
  const bitmap = attribute(bytes, mft + 6 * RECORD, 0x80);
  bytes.writeBigUInt64LE(2n ** 36n, bitmap + 0x28);
  bytes.writeBigUInt64LE(2n ** 36n, bitmap + 0x30);
  bytes.writeBigUInt64LE(2n ** 36n, bitmap + 0x38);
  // One hole for all of it.
  bytes.set([0x04, 0, 0, 0, 0x7f, 0], bitmap + bytes.readUInt16LE(bitmap + 0x20));
  const began = Date.now();
  expect(openBytes(bytes).statistics().freeBlocks).toBe(1024);
  expect(Date.now() - began).toBeLessThan(2000);
});

test("a boot sector that leads to no MFT is replaced by the last sector", () => {
  const bytes = fresh();
  bytes.writeBigUInt64LE(17n, 0x30);
  bytes.writeBigUInt64LE(18n, 0x38);
  const volume = openBytes(bytes);
  expect(volume.description.warnings.join()).toMatch(
    /read by the backup boot sector: .*file record 0/,
  );
  expect(readAll(volume, "File number 21")).toHaveLength(14_700);
});

test("what a sparse file takes up, with and without a compression unit", () => {
  const bytes = fresh();
  const position = record("File number 30");
  const data = attribute(bytes, position, 0x80);
  const end = data + bytes.readUInt32LE(data + 4);
  // Room for the size on disk behind the header, across the fixup at the first sector's end.
  const fixups = position + bytes.readUInt16LE(position + 4);
  bytes.copy(bytes, position + 510, fixups + 2, fixups + 4);
  bytes.copyWithin(data + 0x48, data + 0x40, position + RECORD - 16);
  bytes.copy(bytes, fixups + 2, position + 510, position + 512);
  bytes.copy(bytes, position + 510, fixups, fixups + 2);
  bytes.writeUInt32LE(end - data + 8, data + 4);
  bytes.writeUInt16LE(0x48, data + 0x20);
  bytes.writeUInt16LE(0x8000, data + 0x0c);
  bytes.writeUInt32LE(bytes.readUInt32LE(position + 0x18) + 8, position + 0x18);
  bytes.writeBigUInt64LE(4096n, data + 0x40);
  for (const unit of [0, 4]) {
    bytes[data + 0x22] = unit;
    const volume = openBytes(bytes);
    const attributes = new Attributes();
    volume.attributes(nodeOf(volume, "File number 30"), attributes);
    expect([attributes.size, attributes.blocks]).toEqual([21_000, 8]);
    expect(readAll(volume, "File number 30")).toEqual(noise(21_000, "30"));
  }
});

test("file records", () => {
  const position = record("File number 20");
  const cases: [change: (bytes: Buffer) => void, problem: RegExp][] = [
    [
      (bytes) => bytes.writeUInt16LE(0x1234, position + 510),
      /file record \d+: sector 1 of 2 has another update/,
    ],
    [(bytes) => bytes.writeUInt16LE(0x1234, position + 4), /update sequence at/],
    [(bytes) => bytes.writeUInt16LE(9, position + 6), /update sequence of 8 sectors in 1024/],
    [(bytes) => bytes.fill(0x58, position, position + 4), /begins with 0x58585858, not FILE/],
    [(bytes) => bytes.writeUInt16LE(0, position + 0x16), /is not in use/],
    [(bytes) => bytes.writeUInt16LE(1022, position + 0x14), /attributes have no end/],
    [(bytes) => bytes.writeUInt32LE(7, position + 0x20), /is an extension of record 7/],
    [
      (bytes) => bytes.writeUInt32LE(0, attribute(bytes, position, 0x30) + 4),
      /attribute 0x30 at \d+ has length 0/,
    ],
    [
      (bytes) => bytes.writeUInt32LE(0x10000, attribute(bytes, position, 0x30) + 4),
      /has length 65536/,
    ],
    [
      (bytes) => bytes.writeUInt32LE(0x10000, attribute(bytes, position, 0x30) + 0x10),
      /does not fit its/,
    ],
    [
      (bytes) => bytes.writeUInt16LE(0xfff0, attribute(bytes, position, 0x80) + 0x20),
      /does not fit its/,
    ],
  ];
  for (const [change, problem] of cases) {
    const bytes = fresh();
    change(bytes);
    const volume = openBytes(bytes);
    expect(() => readAll(volume, "File number 20")).toThrow(problem);
    expect(readAll(volume, "File number 21")).toHaveLength(14_700);
  }
});

test("run lists", () => {
  const position = record("File number 20");
  const cases: [pairs: number[], problem: RegExp][] = [
    [[0x11, 4, 0x80, 0], /run list of file record \d+: clusters -128 to -125 of/],
    [[0x21, 4, 0xff, 0x7f, 0], /clusters 32767 to 32770 of 1024/],
    [[0x11, 0, 5, 0], /a run of 0 clusters/],
    [[0x11, 0x80, 5, 0], /a run of -128 clusters/],
    [[0x18, 0, 0, 0, 0, 0, 0, 0], /is cut off/],
    [[0x19, 1, 1], /fields of 9 and 1 bytes/],
    [[0x10, 5, 0], /fields of 0 and 1 bytes/],
    [[0x11, 1, 100, 0], /14000 bytes, but runs for 4096/],
    [[0], /14000 bytes, but runs for 0/],
  ];
  for (const [pairs, problem] of cases) {
    const bytes = fresh();
    const data = attribute(bytes, position, 0x80);
    Buffer.from(pairs).copy(bytes, data + bytes.readUInt16LE(data + 0x20));
    expect(() => readAll(openBytes(bytes), "File number 20"), `${pairs}`).toThrow(problem);
  }
});

test("what lies beyond the initialised size is zeros", () => {
  const bytes = fresh();
  const data = attribute(bytes, record("File number 20"), 0x80);
  bytes.writeUInt32LE(5000, data + 0x38);
  const expected = Buffer.concat([noise(14_000, "20").subarray(0, 5000), Buffer.alloc(9000)]);
  expect(readAll(openBytes(bytes), "File number 20").equals(expected)).toBe(true);
});

test("encrypted files are refused one by one", () => {
  const bytes = fresh();
  const data = attribute(bytes, record("File number 20"), 0x80);
  bytes.writeUInt16LE(0x4000, data + 12);
  const volume = openBytes(bytes);
  expect(() => readAll(volume, "File number 20")).toThrow(/file record \d+ is encrypted \(EFS\)/);
  expect(readAll(volume, "File number 21")).toHaveLength(14_700);
});

test("a compressed file with damaged units", () => {
  const bytes = fresh();
  const data = attribute(bytes, record("File number 30"), 0x80);
  bytes.writeUInt16LE(1, data + 12);
  bytes[data + 0x22] = 4;
  // Two clusters of noise and fourteen that are none: a compressed unit.
  const pairs = data + bytes.readUInt16LE(data + 0x20);
  expect(bytes[pairs] & 15).toBe(1);
  bytes[pairs + 1] = 2;
  Buffer.from([0x01, 14, 0]).copy(bytes, pairs + 2 + (bytes[pairs] >>> 4));
  expect(() => readAll(openBytes(bytes), "File number 30")).toThrow(
    /^ntfs: file record \d+: unit 0: lznt1: input byte \d+: /,
  );
  bytes[data + 0x22] = 30;
  expect(() => readAll(openBytes(bytes), "File number 30")).toThrow(/compression unit of/);
});

test("directory indexes: damage costs its block, is said, and is no 'not found'", () => {
  const root = mft + 5 * RECORD;
  const block = pristine.indexOf("INDX", pristine.readUInt32LE(0x30) * 0);
  let damaged = 0;
  for (let position = block; position >= 0; position = pristine.indexOf("INDX", position + 1)) {
    const bytes = fresh();
    bytes.writeUInt16LE(0x4321, position + 510);
    const volume = openBytes(bytes);
    const names: string[] = [];
    try {
      volume.readDirectory(ROOT_NODE, 0, (name) => names.push(name) > 0);
    } catch (error) {
      expect((error as Error).message).toMatch(
        /directory, file record 5, index block \d: sector 1 of 8/,
      );
      expect(names.length).toBeGreaterThan(5);
      expect(() => nodeOf(volume, "absent")).toThrow(/another update sequence/);
      damaged++;
    }
  }
  expect(damaged).toBeGreaterThan(0);

  const gone = fresh();
  gone.writeUInt32LE(0x91, attribute(gone, root, 0x90));
  expect(() => walk(openBytes(gone))).toThrow(/has no \$INDEX_ROOT:\$I30/);
  const odd = fresh();
  const value = attribute(odd, root, 0x90);
  odd.writeUInt32LE(0xfff, value + odd.readUInt16LE(value + 0x14) + 0x10);
  expect(() => walk(openBytes(odd))).toThrow(/index entry at/);
});

test("a directory that lies elsewhere by its own account is not followed", () => {
  const bytes = fresh();
  // A file's record turned into a directory's that says it lies in the root, and then in itself.
  const position = record("File number 20");
  bytes.writeUInt16LE(3, position + 0x16);
  const name = attribute(bytes, position, 0x30);
  const parent = name + bytes.readUInt16LE(name + 0x14);
  expect(bytes.readUInt32LE(parent)).toBe(5);
  expect(nodeOf(openBytes(bytes), "File number 20")).toBeGreaterThan(0);
  bytes.writeUInt32LE((position - mft) / RECORD, parent);
  const volume = openBytes(bytes);
  expect(() => nodeOf(volume, "File number 20")).toThrow(/lies in record \d+ by its own account/);
  const names: string[] = [];
  expect(() => volume.readDirectory(ROOT_NODE, 0, (shown) => names.push(shown) > 0)).toThrow(
    /own account/,
  );
  expect(names).toHaveLength(39);
});

test("an unclean log, a dirty flag and a lost $UpCase are warnings", () => {
  const bytes = fresh();
  const log = attribute(bytes, mft + 2 * RECORD, 0x80);
  // The first run's cluster: one byte of length, then up to four of place.
  const pairs = log + bytes.readUInt16LE(log + 0x20);
  const cluster = bytes.readUIntLE(pairs + 1 + (bytes[pairs] & 15), bytes[pairs] >>> 4);
  const page = Buffer.alloc(4096);
  page.write("RSTR");
  page.writeUInt16LE(0x1e, 4);
  page.writeUInt16LE(9, 6);
  page.writeUInt16LE(0x40, 0x18);
  // No client free: one has the log open.
  page.writeUInt16LE(0, 0x40 + 12);
  page.copy(bytes, cluster * CLUSTER);
  const information = attribute(bytes, mft + 3 * RECORD, 0x70);
  const value = information + bytes.readUInt16LE(information + 0x14);
  bytes.writeUInt16LE(1, value + 10);
  bytes.writeUInt16LE(0, mft + 10 * RECORD + 0x16);
  const volume = openBytes(bytes);
  expect(volume.description.warnings).toEqual([
    expect.stringMatching(
      /^names are compared by Unicode's upper case: .*file record 10: is not in use|at 0x0: is not in use/,
    ),
    expect.stringMatching(/^not unmounted cleanly/),
    "it is marked dirty",
  ]);
  expect(nodeOf(volume, "FILE NUMBER 7")).toBe(nodeOf(volume, "File number 7"));
});

test("mutated volumes: a correct walk or ImageError, in bounded time", () => {
  const bytes = fresh();
  const used: number[] = [];
  for (let block = 0; block < bytes.length / 1024; block++) {
    if (bytes.subarray(block * 1024, block * 1024 + 1024).some((byte) => byte !== 0))
      used.push(block);
  }
  const records = used.filter((block) => block * 1024 >= mft && block * 1024 < mft + 128 * RECORD);
  let state = 77;
  const next = (below: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state >>> 8) % below;
  };
  const target = new Uint8Array(65536);
  const started = performance.now();
  let walked = 0;
  for (let runs = 0; runs < 300; runs++) {
    const undo: [number, number][] = [];
    for (let count = 1 + next(10); count > 0; count--) {
      const blocks = next(3) === 0 ? used : records;
      const at = blocks[next(blocks.length)] * 1024 + next(next(2) === 0 ? 1024 : 400);
      undo.push([at, bytes[at]]);
      bytes[at] = next(3) === 0 ? 0xff : next(256);
    }
    try {
      ntfs.probe(probeWindow(new MemorySource(bytes), ""));
      const volume = openBytes(bytes);
      for (const { node, attributes } of walk(volume, false).values()) {
        for (const name of volume.listXattrs(node)) volume.readXattr(node, name);
        if ((attributes.mode & S_IFMT) === S_IFLNK) volume.readLink(node);
        if ((attributes.mode & S_IFMT) !== S_IFREG) continue;
        for (const position of [0, 10_000, Math.max(0, attributes.size - 100)]) {
          try {
            volume.read(node, position, target, 0, target.length);
          } catch (error) {
            if (!(error instanceof ImageError)) throw error;
          }
        }
      }
      volume.statistics();
      walked++;
    } catch (error) {
      if (!(error instanceof ImageError)) throw error;
    }
    for (const [at, byte] of undo.reverse()) bytes[at] = byte;
  }
  expect(walked).toBeGreaterThan(20);
  expect(performance.now() - started).toBeLessThan(30_000);
});
