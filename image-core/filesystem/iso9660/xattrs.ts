/**
 * What a record stores beyond stat(2), as xattrs:
 *
 *   user.*, system.posix_acl_*        AAIP (Rock Ridge's AL entries)
 *   user.com.apple.FinderInfo         Apple's HFS type, creator and Finder flags, as 32 bytes
 *   user.iso9660.prodos               Apple's ProDOS file type and auxiliary type, 3 bytes
 *   user.amiga.protection             4 bytes: user, reserved, multiuser, standard protection bits
 *   user.amiga.comment                file comment
 *   user.iso9660.xa                   CD-ROM XA attributes, 14 bytes as recorded
 *   user.iso9660.associated           the associated file (ECMA-119 6.5.4), up to 64 KiB
 */
import { AttributeList, decodeAcls } from "./aaip.js";
import { MAX_XATTR_BYTES } from "./directories.js";
import {
  FLAG_ASSOCIATED,
  LOGICAL_SECTOR,
  recordFlags,
  sameIdentifier,
  systemUseOffset,
} from "./directory-record.js";
import { SectionContent } from "./file-content.js";
import { RecordCursor } from "./record-cursor.js";
import type { RecordParser } from "./record-parser.js";
import { SystemUseWalker, signature } from "./susp.js";

const AL = signature("AL");
const AA = signature("AA");
const BA = signature("BA");
const AS = signature("AS");

/** CD-ROM XA system use information: group, user, attributes, `XA`, file number, reserved. */
const XA_BYTES = 14;
const XA_SIGNATURE_AT = 6;

const APPLE_PRODOS = 1;
/** Type, creator, Finder flags. */
const APPLE_HFS_BYTES = 10;
const FINDER_INFO_BYTES = 32;

const AMIGA_PROTECTION = 0x01;
const AMIGA_COMMENT = 0x02;

export type Xattrs = Map<string, Uint8Array>;

/** The xattrs of the record at `position`; `associated`: also look for an associated file. */
export function recordXattrs(parser: RecordParser, position: number, associated: boolean): Xattrs {
  const xattrs: Xattrs = new Map();
  const cursor = parser.stepTo(position);
  if (cursor === undefined) return xattrs;
  const { bytes, at } = cursor;
  const start = at + systemUseOffset(bytes, at);
  const end = at + bytes[at];
  let skip = parser.rockRidge?.skip ?? 0;
  if (isXa(bytes, start, end)) {
    xattrs.set("user.iso9660.xa", bytes.slice(start, start + XA_BYTES));
    skip = Math.max(skip, XA_BYTES);
  }
  const walker = new SystemUseWalker(parser.image);
  walker.open(bytes, start + skip, end);
  const list = new AttributeList();
  let comment = "";
  while (walker.step()) {
    const { bytes: b, at: entry, length } = walker;
    switch (walker.signature) {
      case AL:
        if (length > 5) list.add(b, entry + 5, entry + length);
        break;
      case AA:
      case BA:
        addApple(xattrs, b, entry, length);
        break;
      case AS:
        comment += addAmiga(xattrs, b, entry, length);
        break;
    }
  }
  if (comment !== "") xattrs.set("user.amiga.comment", Buffer.from(comment, "latin1"));
  for (const [name, value] of list.attributes()) addAttribute(xattrs, name, value);
  if (associated) addAssociated(xattrs, parser, position);
  return xattrs;
}

/** CD-ROM XA's fields precede all others, without SUSP's form. */
export function isXa(bytes: Uint8Array, start: number, end: number): boolean {
  return (
    start + XA_BYTES <= end &&
    bytes[start + XA_SIGNATURE_AT] === 0x58 &&
    bytes[start + XA_SIGNATURE_AT + 1] === 0x41
  );
}

function addAttribute(xattrs: Xattrs, name: string, value: Uint8Array): void {
  if (name === "") {
    const acls = decodeAcls(value);
    if (acls.access !== undefined) xattrs.set("system.posix_acl_access", acls.access);
    if (acls.default !== undefined) xattrs.set("system.posix_acl_default", acls.default);
    // The other namespaces mean something to the kernel, or to xorriso alone.
  } else if (name.startsWith("user.") && name.length > 5 && !name.includes("\0")) {
    if (value.length <= MAX_XATTR_BYTES) xattrs.set(name, value);
  }
}

/** Apple's technical note FL 36: byte 3 says what follows. */
function addApple(xattrs: Xattrs, bytes: Uint8Array, at: number, length: number): void {
  if (bytes[at + 3] === APPLE_PRODOS) {
    if (length >= 7) xattrs.set("user.iso9660.prodos", bytes.slice(at + 4, at + 7));
  } else if (length >= 4 + APPLE_HFS_BYTES) {
    const info = new Uint8Array(FINDER_INFO_BYTES);
    info.set(bytes.subarray(at + 4, at + 4 + APPLE_HFS_BYTES));
    xattrs.set("user.com.apple.FinderInfo", info);
  }
}

/** Returns the part of the comment that the entry holds. */
function addAmiga(xattrs: Xattrs, bytes: Uint8Array, at: number, length: number): string {
  if (length < 5) return "";
  const flags = bytes[at + 4];
  const end = at + length;
  let next = at + 5;
  if ((flags & AMIGA_PROTECTION) !== 0) {
    if (next + 4 > end) return "";
    xattrs.set("user.amiga.protection", bytes.slice(next, next + 4));
    next += 4;
  }
  if ((flags & AMIGA_COMMENT) === 0 || next >= end) return "";
  // The length counts itself.
  const commentEnd = Math.min(end, next + bytes[next]);
  return Buffer.from(bytes.subarray(next + 1, commentEnd)).toString("latin1");
}

/** An associated file's record lies directly before that of its file (9.3). */
function addAssociated(xattrs: Xattrs, parser: RecordParser, position: number): void {
  const { image } = parser;
  const sector = Math.floor(position / LOGICAL_SECTOR) * LOGICAL_SECTOR;
  // The record before the first of a sector is the last of the sector before.
  const from = sector === position ? sector - LOGICAL_SECTOR : sector;
  const cursor = new RecordCursor(image);
  cursor.open(from, Math.min(position + LOGICAL_SECTOR, image.source.size));
  const before = new Uint8Array(256);
  let found = -1;
  while (cursor.step() && cursor.position <= position) {
    const { bytes, at } = cursor;
    if (cursor.position === position) {
      if (found < 0 || !sameIdentifier(before, 0, bytes, at)) return;
      const data = new SectionContent(image.source, parser.sections(found));
      if (data.size > MAX_XATTR_BYTES) return;
      const value = new Uint8Array(data.size);
      if (data.read(0, value, 0, value.length) === value.length) {
        xattrs.set("user.iso9660.associated", value);
      }
      return;
    }
    const associated = (recordFlags(bytes, at, image.highSierra) & FLAG_ASSOCIATED) !== 0;
    found = associated ? cursor.position : -1;
    if (associated) before.set(bytes.subarray(at, at + bytes[at]));
  }
}
