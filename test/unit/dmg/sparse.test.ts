import { expect, test } from "vitest";
import { ImageError } from "../../../image-core/errors.js";
import { MemorySource } from "../../../image-core/source/memory-source.js";
import { mixedBytes, seeded } from "../../fixtures/dmg/random.js";
import { buildSparseImage } from "../../fixtures/dmg/sparse.js";
import { SECTOR } from "../../fixtures/dmg/udif.js";
import { contents, openMedium } from "./open.js";

/** A disk of `count` bands with zeros in those that `order` leaves out. */
function sparseDisk(count: number, bandSize: number, order: readonly number[]): Uint8Array {
  const disk = mixedBytes(count * bandSize, count);
  for (let band = 0; band < count; band++) {
    if (!order.includes(band)) disk.fill(0, band * bandSize, (band + 1) * bandSize);
  }
  return disk;
}

test("sparse image: bands in the order in which they were written", async () => {
  const order = [3, 0, 7, 1];
  const disk = sparseDisk(9, 8 * SECTOR, order);
  const medium = await openMedium(new MemorySource(buildSparseImage(disk, 8, order)));
  expect(medium.details).toMatchObject({ bands: 9, bandsUsed: 4, bandSize: 4096 });
  expect(Buffer.compare(contents(medium.source, 3001), disk)).toBe(0);
});

test("sparse image: bands of index nodes behind the header's 1008", async () => {
  const order = Array.from({ length: 2100 }, (_, i) => (i * 1237) % 2200);
  const disk = sparseDisk(2200, SECTOR, order);
  const medium = await openMedium(new MemorySource(buildSparseImage(disk, 1, order)));
  expect(Buffer.compare(contents(medium.source), disk)).toBe(0);
});

test("sparse image: a last band cut short", async () => {
  const disk = mixedBytes(3 * 8 * SECTOR, 3);
  const image = buildSparseImage(disk, 8, [0, 1, 2]).subarray(0, -1000);
  disk.fill(0, disk.length - 1000);
  expect(Buffer.compare(contents((await openMedium(new MemorySource(image))).source), disk)).toBe(
    0,
  );
});

test("sparse image: a disk that ends within a band, counted in 32 bits only", async () => {
  const disk = mixedBytes(20 * SECTOR, 3);
  const image = buildSparseImage(disk, 8, [2, 1, 0], (header) => header.writeBigUInt64BE(0n, 28));
  expect(Buffer.compare(contents((await openMedium(new MemorySource(image))).source), disk)).toBe(
    0,
  );
});

test.each([
  ["a band listed twice", /overlaps/, (h: Buffer) => h.writeUInt32BE(1, 68)],
  ["bands of 0 sectors", /bands of 0/, (h: Buffer) => h.writeUInt32BE(0, 8)],
  ["a node behind the file", /needs 4096/, (h: Buffer) => h.writeBigUInt64BE(99999n, 20)],
  ["a chain to itself", /goes backwards/, (h: Buffer) => h.writeBigUInt64BE(8n, 20)],
  ["a size beyond 2^53", /2\^53/, (h: Buffer) => h.writeBigUInt64BE(1n << 60n, 28)],
])("sparse image: %s is refused", async (_, message, edit) => {
  const image = buildSparseImage(mixedBytes(3 * 8 * SECTOR, 3), 8, [0, 1, 2], edit);
  const error = await openMedium(new MemorySource(image)).catch((reason) => reason);
  expect(error).toBeInstanceOf(ImageError);
  expect(error.message).toMatch(message);
});

test("sparse image: a band behind the disk's end, as shrinking leaves it, is passed over", async () => {
  const disk = mixedBytes(3 * 8 * SECTOR, 3);
  const image = buildSparseImage(disk, 8, [0, 1, 2], (h) => h.writeUInt32BE(99, 68));
  disk.fill(0, 8 * SECTOR, 16 * SECTOR);
  const medium = await openMedium(new MemorySource(image));
  expect(Buffer.compare(contents(medium.source), disk)).toBe(0);
  expect(medium.warnings).toEqual(["1 bands lie behind the end of the disk"]);
});

test("sparse image: of one cut off, the bands that are there", async () => {
  const disk = mixedBytes(4 * 8 * SECTOR, 3);
  const image = buildSparseImage(disk, 8, [3, 0, 2, 1]).subarray(0, 4096 + 3 * 8 * SECTOR);
  const { source, warnings } = await openMedium(new MemorySource(image));
  const band = new Uint8Array(8 * SECTOR);
  for (const number of [0, 2, 3]) {
    source.read(number * band.length, band, 0, band.length);
    expect(Buffer.compare(band, disk.subarray(number * band.length).subarray(0, 4096))).toBe(0);
  }
  expect(() => source.read(8 * SECTOR, band, 0, band.length)).toThrow(/got 0 of 4096/);
  expect(warnings).toEqual([expect.stringMatching(/before 1 of 4 bands/)]);
});

const plist = (fields: string) =>
  Buffer.from(`<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0"><dict>
<key>CFBundleInfoDictionaryVersion</key><string>6.0</string>
<key>diskimage-bundle-type</key><string>com.apple.diskimage.sparsebundle</string>
${fields}</dict></plist>`);

test("sparse bundle: bands by hexadecimal number; missing and short ones are zeros", async () => {
  const bandSize = 1000;
  const size = 20 * bandSize + 300;
  const disk = mixedBytes(size, 8);
  const files = new Map<string, Uint8Array>();
  for (let band = 0; band < 21; band++) {
    const part = disk.subarray(band * bandSize, (band + 1) * bandSize);
    if (band === 4) part.fill(0);
    else if (band === 17) part.fill(0, 50);
    if (band !== 4) files.set(`bands/${band.toString(16)}`, band === 17 ? part.slice(0, 50) : part);
  }
  files.set("bands/15", new Uint8Array(bandSize));
  files.set("bands/ff", new Uint8Array(bandSize));
  files.set("bands/.DS_Store", new Uint8Array(bandSize));
  files.set("token", new Uint8Array(0));
  const medium = await openMedium(
    new MemorySource(
      plist(`<key>band-size</key><integer>1000</integer><key>size</key><integer>${size}</integer>`),
    ),
    {
      neighbourNames: (folder = "") =>
        [...files.keys()]
          .filter((path) => path.startsWith(folder === "" ? "token" : `${folder}/`))
          .map((path) => path.slice(folder === "" ? 0 : folder.length + 1)),
      neighbour: (path) => new MemorySource(files.get(path) as Uint8Array),
    },
  );
  expect(Buffer.compare(contents(medium.source, 777), disk)).toBe(0);
  expect(medium.warnings).toHaveLength(2);
});

test.each(["", "<plist><dict>", "\0\0\0"])("sparse bundle: Info.bckup for %j", async (damaged) => {
  const disk = mixedBytes(1500, 8);
  const files: Record<string, Uint8Array> = {
    "Info.bckup": plist(
      "<key>band-size</key><integer>1000</integer><key>size</key><integer>1500</integer>",
    ),
    "bands/0": disk.subarray(0, 1000),
    "bands/1": disk.subarray(1000),
  };
  const medium = await openMedium(new MemorySource(Buffer.from(damaged)), {
    name: "backup.sparsebundle",
    neighbourNames: (folder) => (folder === "bands" ? ["0", "1"] : Object.keys(files)),
    neighbour: (path) => new MemorySource(files[path]),
  });
  expect(Buffer.compare(contents(medium.source), disk)).toBe(0);
  expect(medium.warnings).toEqual([expect.stringMatching(/Info.bckup was used/)]);
});

test.each([
  ["<key>band-size</key><integer>0</integer><key>size</key><integer>9</integer>", /band-size 0/],
  ["<key>band-size</key><integer>-5</integer><key>size</key><integer>9</integer>", /band-size -5/],
  ["<key>band-size</key><integer>5</integer>", /size undefined/],
  ["<key>band-size</key><string>5</string>", /band-size 5/],
  [
    "<key>band-size</key><integer>99999999999999999999</integer>",
    /band-size 1e\+20|band-size 100000000000000000000/,
  ],
  ["<key>band-size</key><real>1.5</real><key>size</key><integer>9</integer>", /band-size 1.5/],
])("sparse bundle: %s is refused", async (fields, message) => {
  const error = await openMedium(new MemorySource(plist(fields))).catch((reason) => reason);
  expect(error).toBeInstanceOf(ImageError);
  expect(error.message).toMatch(message);
});

test("sparse bundle: another bundle type is named", async () => {
  const other = plist("").toString().replace("sparsebundle<", "future<");
  await expect(openMedium(new MemorySource(Buffer.from(other)))).rejects.toThrow(
    /bundle type com.apple.diskimage.future/,
  );
});

test("mutations of sparse images: bytes or an ImageError", async () => {
  const random = seeded(31);
  const image = buildSparseImage(sparseDisk(1100, SECTOR, [5]), 1, [
    ...Array.from({ length: 1020 }, (_, i) => i + 3),
  ]);
  const second = 4096 + 1008 * SECTOR;
  const buffer = new Uint8Array(65536);
  for (let i = 0; i < 300; i++) {
    const damaged = Buffer.from(image);
    const from = i % 2 === 0 ? 0 : second;
    damaged[from + Math.floor(random() * 120)] ^= 1 << Math.floor(random() * 8);
    try {
      const { source } = await openMedium(new MemorySource(damaged));
      for (let at = 0; at < Math.min(source.size, 2 ** 20); at += buffer.length) {
        source.read(at, buffer, 0, buffer.length);
      }
    } catch (error) {
      const isFitting =
        error instanceof ImageError || (error as Error).message === "no container was recognised";
      if (!isFitting) throw error;
    }
  }
});
