/** Files that are no disk images themselves: compressed ones and archives, programs, documents. */
import { Confidence, type ProbeWindow } from "../../format.js";
import { holds, le32, type Signature } from "./signature.js";

const UNPACK = "unpack it first";
const NO_IMAGE = "not a disk image";
/** How much of a file is looked at to call it text. */
const TEXT_BYTES = 4096;

/** Discs may begin with anything: boot code, a program (AppImage type 1), a script. */
function isBare(window: ProbeWindow): boolean {
  return !holds(window, 32_769, "CD001") && !holds(window, 32_769, "BEA01");
}

function packed(id: string, title: string, ...magics: readonly string[]): Signature {
  return {
    id,
    title: `${title} (${UNPACK})`,
    magic: magics.map((magic) => [0, magic] as const),
    test: isBare,
    confidence: Confidence.likely,
  };
}

function other(id: string, title: string, ...magics: readonly string[]): Signature {
  return { ...packed(id, title, ...magics), title: `${title} (${NO_IMAGE})` };
}

/** Printable ASCII or UTF-8 with line ends, as sheets that name an image are too: those win. */
function isText({ head }: ProbeWindow): boolean {
  const begin = head.subarray(0, TEXT_BYTES);
  if (begin.length === 0) return false;
  return !begin.some((byte) => (byte < 0x20 && (byte < 0x09 || byte > 0x0d)) || byte === 0x7f);
}

function isHtml(window: ProbeWindow): boolean {
  const begin = Buffer.from(window.head.subarray(0, 256)).toString("latin1");
  return isText(window) && /^\s*<(!doctype html|html|head)\b/i.test(begin);
}

export const files: readonly Signature[] = [
  packed("gzip", "gzip-compressed file", "\x1f\x8b\x08"),
  packed("bzip2", "bzip2-compressed file", ...[..."123456789"].map((n) => `BZh${n}1AY&SY`)),
  packed("xz", "xz-compressed file", "\xfd7zXZ\0"),
  packed("zstd", "zstd-compressed file", "\x28\xb5\x2f\xfd"),
  packed("lz4", "lz4-compressed file", "\x04\x22\x4d\x18"),
  packed("lzip", "lzip-compressed file", "LZIP\x01"),
  packed("lzop", "lzop-compressed file", "\x89LZO\0\r\n\x1a\n"),
  packed("compress", "compress-compressed file", "\x1f\x9d\x90"),
  packed("zip", "ZIP archive", "PK\x03\x04", "PK\x05\x06", "PK\x07\x08"),
  packed("7z", "7-Zip archive", "7z\xbc\xaf\x27\x1c"),
  packed("rar", "RAR archive", "Rar!\x1a\x07"),
  packed("cab", "Windows cabinet", "MSCF\0\0\0\0"),
  packed("stuffit", "StuffIt archive", "SIT!", "StuffIt (c)"),
  packed("xar", "xar archive", "xar!\0\x1c"),
  packed("cpio", "cpio archive", "070701", "070702", "070707"),
  packed("ar", "ar archive or Debian package", "!<arch>\n"),
  packed("rpm", "RPM package", "\xed\xab\xee\xdb"),
  {
    id: "tar",
    title: `tar archive (${UNPACK})`,
    magic: [[257, "ustar"]],
    test: isBare,
    confidence: Confidence.likely,
  },
  {
    id: "appimage",
    title: "AppImage type 2: a program with a SquashFS behind it",
    magic: [[8, "AI\x02"]],
    test: (window) => holds(window, 0, "\x7fELF"),
  },
  {
    ...other("elf", "ELF program", "\x7fELF"),
    test: (window) => isBare(window) && !holds(window, 8, "AI\x02"),
  },
  {
    ...other("exe", "Windows or DOS program", "MZ"),
    // The offset of the new header; without one, two letters say nothing.
    test: (window) => isBare(window) && holds(window, le32(window, 0x3c), "PE\0\0"),
  },
  other("pdf", "PDF document", "%PDF-"),
  other("png", "PNG picture", "\x89PNG\r\n\x1a\n"),
  other("jpeg", "JPEG picture", "\xff\xd8\xff"),
  {
    id: "html",
    title: `web page (${NO_IMAGE}; the download may have gone wrong)`,
    test: isHtml,
    confidence: Confidence.likely,
  },
  {
    id: "text",
    title: `text file (${NO_IMAGE})`,
    test: (window) => isText(window) && isBare(window) && !isHtml(window),
    confidence: Confidence.guess,
  },
];
