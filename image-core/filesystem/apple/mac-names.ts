/**
 * Names of HFS and MFS: bytes in a Mac script, sorted as the Mac's RelString does without regard to
 * case but to accents (Inside Macintosh: Text, "Text Utilities").
 */
import { type Charset, charsetById } from "../../text/charset.js";
import { escapeByte } from "../../text/escape.js";

const SLASH = 0x2f;
const COLON = 0x3a;

/**
 * The printable characters of Mac Roman as RelString sorts them: groups in order, the characters of
 * a group alike. All that are missing here follow, in the order of their codes.
 */
const COLLATION =
  "! \" “ ” « » # $ % & ' ‘ ’ ( ) * + , - . / 0 1 2 3 4 5 6 7 8 9 : ; < = > ? @ " +
  "Aa Àà Ää Ãã Åå Ææ ` á â ª Bb Cc Çç Dd Ee Éé è ê ë Ff Gg Hh Ii í ì î ï Jj Kk Ll Mm " +
  "Nn Ññ Oo Öö Õõ Øø Œœ ó ò ô º Pp Qq Rr Ss ß Tt Uu Üü ú ù û Vv Ww Xx Yy ÿ Zz " +
  "[ \\ ] ^ _ { | } ~ \u007f";
/** Before all of those, and alike: space and no-break space. */
const SPACES = " \u00a0";

const order = buildOrder();

function buildOrder(): Uint8Array {
  const macRoman = charsetById("macroman");
  const byteOf = new Map<string, number>();
  for (let byte = 0x20; byte < 256; byte++) {
    byteOf.set(macRoman.decode(Uint8Array.of(0x61, byte, 0x61), 0, 3).slice(1, -1), byte);
  }
  // A slash is escaped when decoded.
  byteOf.set("/", SLASH);
  const table = new Uint8Array(256);
  for (let byte = 0; byte < 0x20; byte++) table[byte] = byte;
  let next = 0x20;
  const placed = new Set<number>();
  for (const group of [SPACES, ...COLLATION.split(" ")]) {
    for (const character of group) {
      const byte = byteOf.get(character) as number;
      table[byte] = next;
      placed.add(byte);
    }
    next++;
  }
  for (let byte = 0x80; byte < 256; byte++) if (!placed.has(byte)) table[byte] = next++;
  return table;
}

export function compareNames(
  a: Uint8Array,
  aStart: number,
  aEnd: number,
  b: Uint8Array,
  bStart: number,
  bEnd: number,
): number {
  const length = Math.min(aEnd - aStart, bEnd - bStart);
  for (let i = 0; i < length; i++) {
    const difference = order[a[aStart + i]] - order[b[bStart + i]];
    if (difference !== 0) return difference;
  }
  return aEnd - aStart - (bEnd - bStart);
}

/**
 * Names in one charset. As everywhere on Unix, a stored `/` shows as `:`. A stored `:`, which no Mac
 * writes, shows escaped.
 */
export class MacNames {
  private readonly mapped: Uint8Array;
  /** Bytes of single-byte characters, for names that are looked up. */
  private readonly byteOf = new Map<string, number>();

  constructor(
    private readonly charset: Charset,
    /** The longest name that the volume can store. */
    private readonly maxNameBytes: number,
  ) {
    this.mapped = new Uint8Array(maxNameBytes);
    for (let byte = 1; byte < 256; byte++) {
      const text = charset.decode(Uint8Array.of(0x61, byte, 0x61), 0, 3).slice(1, -1);
      // What is escaped, or the lead byte of a longer character, is longer.
      if (text.length === 1) this.byteOf.set(text, byte);
    }
    // A slash is escaped when decoded, so only the colon is there to be replaced.
    this.byteOf.set(":", SLASH);
  }

  shownName(bytes: Uint8Array, start: number, end: number): string {
    const { mapped } = this;
    const length = Math.min(end - start, mapped.length);
    let name = "";
    let part = 0;
    for (let i = 0; i < length; i++) {
      const byte = bytes[start + i];
      mapped[i] = byte === SLASH ? COLON : byte;
      if (byte !== COLON) continue;
      if (i > part) name += this.charset.decode(mapped, part, i);
      name += escapeByte(COLON);
      part = i + 1;
    }
    if (part < length || name === "") name += this.charset.decode(mapped, part, length);
    return name;
  }

  /** Undefined where the name is too long or has characters of more than one byte. */
  storedName(shown: string): Uint8Array | undefined {
    const name = shown.normalize("NFC");
    if (name.length > this.maxNameBytes) return undefined;
    const bytes = new Uint8Array(name.length);
    for (let i = 0; i < name.length; i++) {
      const byte = this.byteOf.get(name[i]);
      if (byte === undefined) return undefined;
      bytes[i] = byte;
    }
    return bytes;
  }

  isRegular(bytes: Uint8Array, start: number, end: number): boolean {
    const again = this.storedName(this.shownName(bytes, start, end));
    if (again === undefined || again.length !== end - start) return false;
    return again.every((byte, i) => byte === bytes[start + i]);
  }
}
