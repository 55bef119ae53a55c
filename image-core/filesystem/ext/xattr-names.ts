/** Attribute names and values as listxattr(2) and getxattr(2) on Linux show them. */
import { corrupt } from "../../errors.js";
import { le16, le32 } from "./little-endian.js";
import { decodeText } from "./names.js";
import { FORMAT } from "./superblock.js";
import type { StoredXattr } from "./xattr.js";

const ACL_ACCESS = 2;
const ACL_DEFAULT = 3;

/** By e_name_index. What is not here (inline data, encryption contexts) no program may see. */
const PREFIXES: Record<number, string> = {
  1: "user.",
  [ACL_ACCESS]: "system.posix_acl_access",
  [ACL_DEFAULT]: "system.posix_acl_default",
  4: "trusted.",
  6: "security.",
  8: "system.richacl",
  10: "gnu.",
};

/** Undefined for what is not shown. */
export function fullName(xattr: StoredXattr): string | undefined {
  const prefix = PREFIXES[xattr.nameIndex];
  if (prefix === undefined) return undefined;
  return prefix.endsWith(".") ? prefix + decodeText(xattr.name) : prefix;
}

/** The value as a program gets it: access lists are stored in a shorter form. */
export function shownValue(xattr: StoredXattr, stored: Uint8Array): Uint8Array {
  const isAcl = xattr.nameIndex === ACL_ACCESS || xattr.nameIndex === ACL_DEFAULT;
  return isAcl ? expandAcl(stored) : stored.slice();
}

const EXT4_ACL_VERSION = 1;
const POSIX_ACL_XATTR_VERSION = 2;
const ACL_USER = 2;
const ACL_GROUP = 8;
const ACL_UNDEFINED_ID = 0xffffffff;

/** ext4 leaves the id out of entries that have none; the xattr form always has eight bytes each. */
function expandAcl(stored: Uint8Array): Uint8Array {
  const wrong = (problem: string) => corrupt(FORMAT, "access control list", 0, problem);
  if (stored.length < 4 || le32(stored, 0) !== EXT4_ACL_VERSION) throw wrong("version is not 1");
  const shown: number[] = [POSIX_ACL_XATTR_VERSION, 0, 0, 0];
  for (let entry = 4; entry < stored.length; ) {
    if (entry + 4 > stored.length) throw wrong("an entry is cut off");
    const tag = le16(stored, entry);
    const permissions = le16(stored, entry + 2);
    const hasId = tag === ACL_USER || tag === ACL_GROUP;
    if (hasId && entry + 8 > stored.length) throw wrong("an entry is cut off");
    const id = hasId ? le32(stored, entry + 4) : ACL_UNDEFINED_ID;
    shown.push(tag & 255, tag >>> 8, permissions & 255, permissions >>> 8);
    shown.push(id & 255, (id >>> 8) & 255, (id >>> 16) & 255, id >>> 24);
    entry += hasId ? 8 : 4;
  }
  return Uint8Array.from(shown);
}
