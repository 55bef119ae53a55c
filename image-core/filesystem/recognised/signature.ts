/**
 * Formats that are recognised, so that the message can name them, but not read: an id, a title, a
 * signature, and what the first bytes tell besides.
 */
import { Confidence, type Format, type ProbeWindow } from "../../format.js";

export interface Signature {
  id: string;
  title: string;
  /**
   * Where the signature is and what: text (one byte a character), negative offsets from the end.
   * Any of them will do.
   */
  magic?: readonly (readonly [offset: number, bytes: string])[];
  /** Also asked, or alone where there is no magic. */
  test?(window: ProbeWindow): boolean;
  /** What goes behind the title: version, label. Empty for nothing. */
  details?(window: ProbeWindow): string;
  /** `certain` if not given. */
  confidence?: Confidence;
}

/** A format that probes and does not open. */
export function recognised<T>(signature: Signature): Format<T> {
  const { id, title, magic, test, details, confidence = Confidence.certain } = signature;
  return {
    id,
    title,
    probe(window) {
      if (magic !== undefined && !magic.some(([at, bytes]) => holds(window, at, bytes))) {
        return undefined;
      }
      if (test !== undefined && !test(window)) return undefined;
      const more = details?.(window) ?? "";
      return { confidence, title: more === "" ? title : `${title} ${more}` };
    },
  };
}

/** Whether `bytes` stand at `offset`; false outside the window. */
export function holds({ head, tail }: ProbeWindow, offset: number, bytes: string): boolean {
  const from = offset < 0 ? tail : head;
  const start = offset < 0 ? tail.length + offset : offset;
  if (start < 0 || start + bytes.length > from.length) return false;
  for (let i = 0; i < bytes.length; i++) {
    if (from[start + i] !== bytes.charCodeAt(i)) return false;
  }
  return true;
}

/** Little-endian; NaN outside the head. */
export function le16({ head }: ProbeWindow, offset: number): number {
  return offset + 2 > head.length ? Number.NaN : head[offset] | (head[offset + 1] << 8);
}

export function be16({ head }: ProbeWindow, offset: number): number {
  return offset + 2 > head.length ? Number.NaN : (head[offset] << 8) | head[offset + 1];
}

export function le32(window: ProbeWindow, offset: number): number {
  return le16(window, offset) + le16(window, offset + 2) * 0x10000;
}

export function be32(window: ProbeWindow, offset: number): number {
  return be16(window, offset) * 0x10000 + be16(window, offset + 2);
}

/** A label in quotes: at most `length` bytes up to a NUL, if they are printable; else empty. */
export function label({ head }: ProbeWindow, offset: number, length: number): string {
  const field = head.subarray(offset, offset + length);
  const end = field.indexOf(0);
  const text = Buffer.from(end < 0 ? field : field.subarray(0, end))
    .toString()
    .trimEnd();
  return text === "" || /[\p{Cc}\ufffd]/u.test(text) ? "" : `"${text}"`;
}

/** The same in UTF-16, little-endian; `units` at most. */
export function wideLabel({ head }: ProbeWindow, offset: number, units: number): string {
  const field = head.subarray(offset, offset + 2 * units);
  let end = 0;
  while (end + 1 < field.length && (field[end] !== 0 || field[end + 1] !== 0)) end += 2;
  const text = Buffer.from(field.subarray(0, end)).toString("utf16le").trimEnd();
  return text === "" || /[\p{Cc}\p{Cs}\ufffd]/u.test(text) ? "" : `"${text}"`;
}

/** Version and label with a space between what is there. */
export function words(...parts: readonly string[]): string {
  return parts.filter((part) => part !== "").join(" ");
}
