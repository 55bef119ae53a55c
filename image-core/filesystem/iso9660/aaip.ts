/**
 * Arbitrary Attribute Interchange Protocol (AAIP 2.0, libisofs' doc/susp_aaip_2_0.txt): xattrs and
 * ACLs in AL entries.
 */

const CONTINUE = 0x01;
/** Of all names and values of one file. */
const MAX_BYTES = 1 << 20;

/** Namespaces that a name's first byte stands for. */
const NAMESPACES: Readonly<Record<number, string>> = {
  2: "system.",
  3: "user.",
  4: "isofs.",
  5: "trusted.",
  6: "security.",
};
const ESCAPE = 1;

/**
 * Puts the components of AL entries together: name, value, name, value, ... The component areas are
 * one stream: a component record may begin in one entry and end in the next.
 */
export class AttributeList {
  private readonly components: Uint8Array[] = [];
  private open: number[] = [];
  private total = 0;
  /** Of the component record being read: its flags (-1: not yet read), and bytes still to come. */
  private flags = -1;
  private missing = -1;

  /** The component area of one AL entry. */
  add(bytes: Uint8Array, start: number, end: number): void {
    for (let at = start; at < end; at++) {
      if (this.flags < 0) this.flags = bytes[at];
      else if (this.missing < 0) this.missing = bytes[at];
      else {
        this.missing--;
        if (++this.total <= MAX_BYTES) this.open.push(bytes[at]);
      }
      if (this.missing === 0) this.closeRecord();
    }
  }

  private closeRecord(): void {
    if ((this.flags & CONTINUE) === 0) {
      this.components.push(Uint8Array.from(this.open));
      this.open = [];
    }
    this.flags = this.missing = -1;
  }

  /** Names and values; the name is empty for the ACL. */
  attributes(): [name: string, value: Uint8Array][] {
    const found: [string, Uint8Array][] = [];
    for (let i = 0; i + 1 < this.components.length; i += 2) {
      found.push([attributeName(this.components[i]), this.components[i + 1]]);
    }
    return found;
  }
}

function attributeName(bytes: Uint8Array): string {
  const namespace = NAMESPACES[bytes[0]] ?? "";
  const start = namespace !== "" || bytes[0] === ESCAPE ? 1 : 0;
  return namespace + Buffer.from(bytes.subarray(start)).toString("utf8");
}

const ACL_USER_OBJ = 1;
const ACL_GROUP_OBJ = 3;
const ACL_MASK = 5;
const ACL_OTHER = 6;
const SWITCH_MARK = 8;
const ACL_USER_N = 10;
const ACL_GROUP_N = 12;
const QUALIFIER = 0x08;

/** Linux's tags (include/uapi/linux/posix_acl.h), in the order in which it wants the entries. */
const TAGS: Readonly<Record<number, number>> = {
  [ACL_USER_OBJ]: 0x01,
  [ACL_USER_N]: 0x02,
  [ACL_GROUP_OBJ]: 0x04,
  [ACL_GROUP_N]: 0x08,
  [ACL_MASK]: 0x10,
  [ACL_OTHER]: 0x20,
};
const ACL_XATTR_VERSION = 2;
const NO_ID = 0xffffffff;

interface AclEntry {
  tag: number;
  permissions: number;
  id: number;
}

export interface Acls {
  access: Uint8Array | undefined;
  default: Uint8Array | undefined;
}

/** AAIP's ACLs in the form of `system.posix_acl_access` and `system.posix_acl_default`. */
export function decodeAcls(bytes: Uint8Array): Acls {
  const access: AclEntry[] = [];
  const inherited: AclEntry[] = [];
  let list = access;
  for (let at = 0; at < bytes.length; ) {
    const flags = bytes[at++];
    const type = flags >> 4;
    let qualifier = 0;
    if ((flags & QUALIFIER) !== 0) {
      // Records of up to 127 bytes, each but the last with its top bit set.
      for (let more = true; more && at < bytes.length; ) {
        const head = bytes[at++];
        more = head >= 128;
        const end = Math.min(bytes.length, at + (head & 127));
        for (; at < end; at++) qualifier = (qualifier * 256 + bytes[at]) % 2 ** 32;
      }
    }
    if (type === SWITCH_MARK) list = inherited;
    const tag = TAGS[type];
    if (tag === undefined) continue;
    const named = type === ACL_USER_N || type === ACL_GROUP_N;
    list.push({ tag, permissions: flags & 7, id: named ? qualifier : NO_ID });
  }
  return { access: encodeAcl(access), default: encodeAcl(inherited) };
}

function encodeAcl(entries: AclEntry[]): Uint8Array | undefined {
  if (entries.length === 0) return undefined;
  entries.sort((a, b) => a.tag - b.tag || a.id - b.id);
  const bytes = new Uint8Array(4 + 8 * entries.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, ACL_XATTR_VERSION, true);
  entries.forEach(({ tag, permissions, id }, i) => {
    view.setUint16(4 + 8 * i, tag, true);
    view.setUint16(6 + 8 * i, permissions, true);
    view.setUint32(8 + 8 * i, id, true);
  });
  return bytes;
}
