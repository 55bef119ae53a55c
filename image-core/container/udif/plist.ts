/**
 * Apple's XML property lists, as far as disk images use them: strict, bounded, not recursive.
 *
 * A subset of XML 1.0: elements, text, comments, processing instructions and the one DOCTYPE.
 * Internal DTD subsets and CDATA are refused; entities beyond the five predefined ones and character
 * references stay as they are written, as does an `&` that some writers leave alone, so nothing
 * expands. Dates stay text. No binary property lists.
 */
import { corrupt, ImageError, unsupported } from "../../errors.js";

export type PlistValue =
  | string
  | number
  | boolean
  | Uint8Array
  | PlistValue[]
  | Map<string, PlistValue>;

const MAX_DEPTH = 32;
const MAX_VALUES = 200_000;

const LESS_THAN = 0x3c;
const SLASH = 0x2f;
const PREDEFINED = new Map([
  ["lt", "<"],
  ["gt", ">"],
  ["amp", "&"],
  ["quot", '"'],
  ["apos", "'"],
]);

/** An open `dict` or `array`. */
interface OpenElement {
  tag: string;
  value: PlistValue[] | Map<string, PlistValue>;
  key?: string;
}

/** Reads a whole property list. `format` is for messages. Throws `corrupt`, `unsupported`, `limit`. */
export function parsePlist(bytes: Uint8Array, format: string): PlistValue {
  return new PlistReader(bytes, format).read();
}

class PlistReader {
  private readonly bytes: Buffer;
  private position = 0;
  private readonly open: OpenElement[] = [];
  private root: PlistValue | undefined;
  private values = 0;

  constructor(
    bytes: Uint8Array,
    private readonly format: string,
  ) {
    this.bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  read(): PlistValue {
    if (this.bytes[0] === 0xfe || this.bytes[0] === 0xff) {
      throw unsupported(this.format, "a property list in UTF-16");
    }
    if (this.bytes[0] === 0xef) this.position = 3;
    let inPlist = false;
    for (;;) {
      this.expectBlank();
      if (this.position >= this.bytes.length) throw this.bad("it ends without </plist>");
      if (this.skipProlog()) continue;
      const { tag, closing, empty } = this.readTag();
      if (tag === "plist") {
        if (closing || empty) {
          if (this.open.length > 0) throw this.bad(`<${this.open[0].tag}> is not closed`);
          if (this.root === undefined) throw this.bad("it is empty");
          return this.root;
        }
        if (inPlist) throw this.bad("a second <plist>");
        inPlist = true;
        continue;
      }
      if (!inPlist) throw this.bad(`<${tag}> outside <plist>`);
      this.element(tag, closing, empty);
    }
  }

  private element(tag: string, closing: boolean, empty: boolean): void {
    if (closing) {
      const top = this.open.pop();
      if (top?.tag !== tag) throw this.bad(`</${tag}> closes <${top?.tag ?? "plist"}>`);
      if (top.key !== undefined) throw this.bad(`key ${top.key} has no value`);
      return;
    }
    if (tag === "dict" || tag === "array") {
      const value = tag === "dict" ? new Map<string, PlistValue>() : [];
      this.put(value);
      if (empty) return;
      if (this.open.length === MAX_DEPTH) {
        throw new ImageError("limit", this.format, `property list deeper than ${MAX_DEPTH} levels`);
      }
      this.open.push({ tag, value });
      return;
    }
    const from = this.position;
    const to = empty ? from : this.readText(tag);
    switch (tag) {
      case "key": {
        const top = this.open.at(-1);
        if (top?.tag !== "dict" || top.key !== undefined) throw this.bad("a <key> out of place");
        top.key = this.text(from, to);
        return;
      }
      case "string":
      case "date":
        this.put(this.text(from, to));
        return;
      case "integer":
      case "real":
        this.put(this.number(this.text(from, to).trim()));
        return;
      case "true":
      case "false":
        this.put(tag === "true");
        return;
      case "data":
        this.put(Buffer.from(this.bytes.toString("latin1", from, to), "base64"));
        return;
      default:
        throw this.bad(`an unknown element <${tag.slice(0, 20)}>`);
    }
  }

  private put(value: PlistValue): void {
    if (++this.values > MAX_VALUES) {
      throw new ImageError("limit", this.format, `property list of over ${MAX_VALUES} values`);
    }
    const top = this.open.at(-1);
    if (top === undefined) {
      if (this.root !== undefined) throw this.bad("a second root");
      this.root = value;
    } else if (Array.isArray(top.value)) top.value.push(value);
    else {
      if (top.key === undefined) throw this.bad("a value without key");
      top.value.set(top.key, value);
      top.key = undefined;
    }
  }

  private expectBlank(): void {
    const { bytes } = this;
    while (this.position < bytes.length && bytes[this.position] !== LESS_THAN) {
      const byte = bytes[this.position];
      // Some writers count a terminating NUL as part of the list.
      if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09 && byte !== 0) {
        throw this.bad("text between elements");
      }
      this.position++;
    }
  }

  /** Skips a comment, processing instruction or DOCTYPE, if one begins here. */
  private skipProlog(): boolean {
    if (this.startsWith("<?")) this.skipTo("?>");
    else if (this.startsWith("<!--")) this.skipTo("-->");
    else if (this.startsWith("<!DOCTYPE")) {
      const start = this.position;
      this.skipTo(">");
      if (this.bytes.subarray(start, this.position).includes("[")) {
        throw this.bad("its document type declares entities or elements of its own");
      }
    } else return false;
    return true;
  }

  private startsWith(text: string): boolean {
    return this.bytes.toString("latin1", this.position, this.position + text.length) === text;
  }

  private skipTo(text: string): void {
    const end = this.bytes.indexOf(text, this.position, "latin1");
    if (end < 0) throw this.bad(`no ${text} follows`);
    this.position = end + text.length;
  }

  private readTag(): { tag: string; closing: boolean; empty: boolean } {
    const start = this.position + 1;
    this.skipTo(">");
    const end = this.position - 1;
    const closing = this.bytes[start] === SLASH;
    const empty = end > start && this.bytes[end - 1] === SLASH;
    let from = closing ? start + 1 : start;
    const first = from;
    while (from < end && isNameByte(this.bytes[from])) from++;
    if (from === first || from - first > 64) throw this.bad("not an element");
    return { tag: this.bytes.toString("latin1", first, from), closing, empty };
  }

  /** Skips a text and its closing tag; returns where the text ends. */
  private readText(tag: string): number {
    const end = this.bytes.indexOf("<", this.position, "latin1");
    if (end < 0) throw this.bad(`<${tag}> is not closed`);
    this.position = end;
    const close = this.readTag();
    if (!close.closing || close.tag !== tag) throw this.bad(`markup within <${tag}>`);
    return end;
  }

  private text(from: number, to: number): string {
    const raw = this.bytes.toString("utf8", from, to);
    if (!raw.includes("&")) return raw;
    return raw.replace(/&([^;&]{0,10});/g, (whole, name: string) => {
      const predefined = PREDEFINED.get(name);
      if (predefined !== undefined) return predefined;
      const match = /^#(?:x([0-9a-fA-F]{1,6})|([0-9]{1,7}))$/.exec(name);
      const code = match === null ? 0 : Number.parseInt(match[1] ?? match[2], match[1] ? 16 : 10);
      const isCharacter = code > 0 && code <= 0x10ffff && !(code >= 0xd800 && code < 0xe000);
      return isCharacter ? String.fromCodePoint(code) : whole;
    });
  }

  /** NaN for what isomount cannot count with: only those who use a number know its bounds. */
  private number(text: string): number {
    const hexadecimal = /^([-+]?)0[xX]([0-9a-fA-F]{1,16})$/.exec(text);
    if (hexadecimal !== null) {
      const value = Number.parseInt(hexadecimal[2], 16);
      return hexadecimal[1] === "-" ? -value : value;
    }
    return /^[-+]?[0-9.]{1,30}(?:[eE][-+]?[0-9]{1,3})?$/.test(text) ? Number(text) : Number.NaN;
  }

  private bad(problem: string): ImageError {
    return corrupt(this.format, "property list", this.position, problem);
  }
}

function isNameByte(byte: number): boolean {
  return (byte >= 0x61 && byte <= 0x7a) || (byte >= 0x41 && byte <= 0x5a);
}
