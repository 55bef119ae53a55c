// @ts-check
/**
 * A small ISO 9660 image with Joliet names, made from nothing, for showing what isomount does.
 * ECMA-119 (ISO 9660) and the Joliet specification; one flat folder, a few files.
 */

const SECTOR = 2048;
const DIRECTORY_FLAG = 2;

/** Sectors of what comes before the files; the first 16 are the system's (ECMA-119 6.2.1). */
const layout = {
  primary: 16,
  joliet: 17,
  terminator: 18,
  primaryPathTables: 19,
  jolietPathTables: 21,
  primaryRoot: 23,
  jolietRoot: 24,
  files: 25,
};

/**
 * @param {string} label at most 16 letters, the limit of Joliet
 * @param {Record<string, string>} files text by name; names and count so small that the folder fits a sector
 * @param {Date} date shown for everything
 * @returns {Buffer}
 */
export function demoImage(label, files, date) {
  const placed = place(files);
  const sectors = placed.reduce(
    (end, { sector, size }) => Math.max(end, sector + sectorsOf(size)),
    layout.files,
  );
  const image = Buffer.alloc(sectors * SECTOR);
  const stamp = recordingDate(date);
  for (const [joliet, descriptor, tables, root] of /** @type {const} */ ([
    [false, layout.primary, layout.primaryPathTables, layout.primaryRoot],
    [true, layout.joliet, layout.jolietPathTables, layout.jolietRoot],
  ])) {
    const volume = image.subarray(descriptor * SECTOR, (descriptor + 1) * SECTOR);
    writeDescriptor(volume, { label, joliet, sectors, tables, root, stamp, date });
    writePathTable(image, tables * SECTOR, root, false);
    writePathTable(image, (tables + 1) * SECTOR, root, true);
    writeDirectory(image.subarray(root * SECTOR, (root + 1) * SECTOR), root, placed, joliet, stamp);
  }
  image.write("\xffCD001\x01", layout.terminator * SECTOR, "latin1");
  for (const { sector, text } of placed) image.write(text, sector * SECTOR, "utf8");
  return image;
}

/** @typedef {{ name: string, text: string, sector: number, size: number }} PlacedFile */

/**
 * ECMA-119 9.3 wants the records sorted by name.
 *
 * @param {Record<string, string>} files
 * @returns {PlacedFile[]}
 */
function place(files) {
  let sector = layout.files;
  return Object.keys(files)
    .sort()
    .map((name) => {
      const file = { name, text: files[name], sector, size: Buffer.byteLength(files[name]) };
      sector += sectorsOf(file.size);
      return file;
    });
}

/** @param {number} size */
function sectorsOf(size) {
  return Math.ceil(size / SECTOR);
}

/**
 * Primary and supplementary volume descriptor, ECMA-119 8.4 and 8.5.
 *
 * @param {Buffer} volume
 * @param {{ label: string, joliet: boolean, sectors: number, tables: number, root: number, stamp: Buffer, date: Date }} fields
 */
function writeDescriptor(volume, { label, joliet, sectors, tables, root, stamp, date }) {
  volume.write(`${joliet ? "\x02" : "\x01"}CD001\x01`, 0, "latin1");
  const text = joliet ? ucs2(label) : Buffer.from(label.toUpperCase().replace(/[^A-Z0-9_]/g, "_"));
  const blank = joliet ? ucs2(" ") : Buffer.from(" ");
  // System and volume identifier; then the five kinds of people and the three file names.
  volume.fill(blank, 8, 72).fill(blank, 190, 813);
  text.copy(volume, 40);
  writeBoth32(volume, 80, sectors);
  // Joliet level 3: the escape sequence for UCS-2.
  if (joliet) volume.write("%/E", 88, "latin1");
  writeBoth16(volume, 120, 1);
  writeBoth16(volume, 124, 1);
  writeBoth16(volume, 128, SECTOR);
  writeBoth32(volume, 132, PATH_TABLE_SIZE);
  volume.writeUInt32LE(tables, 140);
  volume.writeUInt32BE(tables + 1, 148);
  directoryRecord(Buffer.from([0]), root, SECTOR, DIRECTORY_FLAG, stamp).copy(volume, 156);
  const digits = date
    .toISOString()
    .replace(/[-:T.Z]/g, "")
    .slice(0, 16);
  volume.write(`${digits}\0${digits}\0${"0".repeat(16)}\0${digits}\0`, 813, "latin1");
  volume[881] = 1;
}

/** One record, of the root, whose name is one byte. */
const PATH_TABLE_SIZE = 10;

/**
 * ECMA-119 9.4.
 *
 * @param {Buffer} image
 * @param {number} position
 * @param {number} root
 * @param {boolean} bigEndian
 */
function writePathTable(image, position, root, bigEndian) {
  image[position] = 1;
  if (bigEndian) {
    image.writeUInt32BE(root, position + 2);
    image.writeUInt16BE(1, position + 6);
  } else {
    image.writeUInt32LE(root, position + 2);
    image.writeUInt16LE(1, position + 6);
  }
}

/**
 * @param {Buffer} directory one sector
 * @param {number} root
 * @param {readonly PlacedFile[]} files
 * @param {boolean} joliet
 * @param {Buffer} stamp
 */
function writeDirectory(directory, root, files, joliet, stamp) {
  const records = [0, 1].map((name) =>
    directoryRecord(Buffer.from([name]), root, SECTOR, DIRECTORY_FLAG, stamp),
  );
  for (const { name, sector, size } of files) {
    const identifier = joliet ? ucs2(name) : Buffer.from(`${shortName(name)};1`);
    records.push(directoryRecord(identifier, sector, size, 0, stamp));
  }
  const bytes = Buffer.concat(records);
  if (bytes.length > directory.length) throw new Error("too many files for one sector");
  bytes.copy(directory);
}

/**
 * ECMA-119 9.1.
 *
 * @param {Buffer} identifier
 * @param {number} sector
 * @param {number} size
 * @param {number} flags
 * @param {Buffer} stamp
 */
function directoryRecord(identifier, sector, size, flags, stamp) {
  const length = 33 + identifier.length + (identifier.length % 2 === 0 ? 1 : 0);
  const record = Buffer.alloc(length);
  record[0] = length;
  writeBoth32(record, 2, sector);
  writeBoth32(record, 10, size);
  stamp.copy(record, 18);
  record[25] = flags;
  writeBoth16(record, 28, 1);
  record[32] = identifier.length;
  identifier.copy(record, 33);
  return record;
}

/**
 * ECMA-119 9.1.5, in UTC.
 *
 * @param {Date} date
 */
function recordingDate(date) {
  return Buffer.from([
    date.getUTCFullYear() - 1900,
    date.getUTCMonth() + 1,
    date.getUTCDate(),
    date.getUTCHours(),
    date.getUTCMinutes(),
    date.getUTCSeconds(),
    0,
  ]);
}

/**
 * Level 1: eight letters, a dot, three.
 *
 * @param {string} name
 */
function shortName(name) {
  const [stem, suffix = ""] = name.toUpperCase().split(".");
  const clean = (/** @type {string} */ part) => part.replace(/[^A-Z0-9_]/g, "_");
  return `${clean(stem).slice(0, 8)}.${clean(suffix).slice(0, 3)}`;
}

/** @param {string} text */
function ucs2(text) {
  return Buffer.from(text, "utf16le").swap16();
}

/**
 * ECMA-119 7.3.3: little-endian, then big-endian.
 *
 * @param {Buffer} bytes
 * @param {number} position
 * @param {number} value
 */
function writeBoth32(bytes, position, value) {
  bytes.writeUInt32LE(value, position);
  bytes.writeUInt32BE(value, position + 4);
}

/**
 * ECMA-119 7.2.3.
 *
 * @param {Buffer} bytes
 * @param {number} position
 * @param {number} value
 */
function writeBoth16(bytes, position, value) {
  bytes.writeUInt16LE(value, position);
  bytes.writeUInt16BE(value, position + 2);
}
