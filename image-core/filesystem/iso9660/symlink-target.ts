/** What a symlink points at: the components of Rock Ridge's SL entries (RRIP 1.12, 4.1.3). */
import type { Charset } from "../../text/charset.js";

const COMPONENT_CONTINUE = 0x01;
const COMPONENT_CURRENT = 0x02;
const COMPONENT_PARENT = 0x04;
const COMPONENT_ROOT = 0x08;
const COMPONENT_VOLROOT = 0x10;

/**
 * SL components put together (RRIP 4.1.3): a path in the names that are shown. Every component is
 * written out, so that `/tmp//..` stays what it was.
 */
export class SymlinkTarget {
  /** Raw path bytes. */
  private readonly path: number[] = [];
  private separate = false;

  constructor(private readonly charset: Charset) {}

  addComponents(bytes: Uint8Array, start: number, end: number): void {
    for (let at = start; at + 2 <= end; ) {
      const flags = bytes[at];
      const length = Math.min(bytes[at + 1], end - at - 2);
      // The volume's root is wherever it is mounted: the nearest thing is the root.
      const root = (flags & (COMPONENT_ROOT | COMPONENT_VOLROOT)) !== 0;
      if (this.separate) this.path.push(0x2f);
      if (root) this.path.push(0x2f);
      else if ((flags & COMPONENT_PARENT) !== 0) this.path.push(0x2e, 0x2e);
      else if ((flags & COMPONENT_CURRENT) !== 0) this.path.push(0x2e);
      else for (let i = at + 2; i < at + 2 + length; i++) this.path.push(bytes[i]);
      this.separate = !root && (flags & COMPONENT_CONTINUE) === 0;
      at += 2 + length;
    }
  }

  text(): string {
    const bytes = Uint8Array.from(this.path);
    let text = "";
    let start = 0;
    for (let i = 0; i <= bytes.length; i++) {
      if (i < bytes.length && bytes[i] !== 0x2f) continue;
      text += this.part(bytes, start, i);
      if (i < bytes.length) text += "/";
      start = i + 1;
    }
    return text;
  }

  private part(bytes: Uint8Array, start: number, end: number): string {
    if (start === end) return "";
    const dots = end - start;
    // `.` and `..` mean in a path what they must not mean as names.
    if (dots === 1 && bytes[start] === 0x2e) return ".";
    if (dots === 2 && bytes[start] === 0x2e && bytes[start + 1] === 0x2e) return "..";
    return this.charset.decode(bytes, start, end);
  }
}
