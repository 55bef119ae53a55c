import { describe, expect, it } from "vitest";
import { ImageError } from "../../../image-core/errors.js";
import { charsetById } from "../../../image-core/text/charset.js";
import { random } from "./random.js";
import { unescapeName } from "./unescape.js";

function decode(id: string, ...bytes: number[]): string {
  return charsetById(id).decode(Uint8Array.from(bytes), 0, bytes.length);
}

describe("charsetById", () => {
  it("knows the usual aliases", () => {
    const aliases: [string, string][] = [
      ["utf8", "utf-8"],
      ["UTF-8", "utf-8"],
      ["sjis", "shift_jis"],
      ["Shift-JIS", "shift_jis"],
      ["cp932", "shift_jis"],
      ["gbk", "gb18030"],
      ["GB2312", "gb18030"],
      ["gb18030", "gb18030"],
      ["big5", "big5"],
      ["EUC_JP", "euc-jp"],
      ["euckr", "euc-kr"],
      ["IBM437", "cp437"],
      ["437", "cp437"],
      ["cp850", "cp850"],
      ["cp852", "cp852"],
      ["cp866", "cp866"],
      ["koi8-r", "koi8-r"],
      ["windows-1251", "windows-1251"],
      ["cp1252", "windows-1252"],
      ["latin1", "windows-1252"],
      ["iso-8859-1", "windows-1252"],
      ["ISO8859-2", "iso-8859-2"],
      ["iso-8859-15", "iso-8859-15"],
      ["iso-8859-16", "iso-8859-16"],
      ["macroman", "macroman"],
      ["x-mac-roman", "macroman"],
      ["macintosh", "macroman"],
      ["MacJapanese", "macjapanese"],
      ["mac-cyrillic", "maccyrillic"],
      ["mac-ce", "maccentraleurope"],
    ];
    for (const [alias, id] of aliases) expect(charsetById(alias).id, alias).toBe(id);
  });

  it("names the nearest for what it does not know", () => {
    expect(() => charsetById("shift_jiss")).toThrow(
      expect.objectContaining({ kind: "option", message: expect.stringContaining("shift_jis") }),
    );
    expect(() => charsetById("constructor")).toThrow(ImageError);
    expect(() => charsetById("")).toThrow(ImageError);
  });
});

describe("Charset.decode", () => {
  it("maps as the vendors publish", () => {
    expect(decode("macroman", 0xdb, 0xf0, 0xbd, 0xca, 0x8e)).toBe("€\uf8ffΩ\u00a0é");
    expect(decode("cp437", 0x81, 0x9e, 0xe1, 0xff)).toBe("ü₧ß\u00a0");
    expect(decode("cp850", 0x9b, 0xd5, 0xf5)).toBe("øı§");
    expect(decode("cp858", 0xd5)).toBe("€");
    expect(decode("cp852", 0x85, 0x9f, 0xfd)).toBe("ůčř");
    expect(decode("cp866", 0x8f, 0xe0, 0xf1)).toBe("Прё");
    expect(decode("koi8-r", 0xf0, 0xd2)).toBe("Пр");
    expect(decode("shift_jis", 0x83, 0x5c, 0xb1, 0x5c, 0x81, 0x60)).toBe("ソｱ\\～");
    expect(decode("macjapanese", 0x83, 0x5c, 0x5c, 0x80, 0xfe)).toBe("ソ¥\\™");
    expect(decode("macjapanese", 0x41, 0x5c, 0x42, 0x43)).toBe("A¥BC");
    expect(decode("gb18030", 0xd6, 0xd0, 0x80, 0x81, 0x30, 0x84, 0x36)).toBe("中€¥");
    expect(decode("euc-jp", 0xa4, 0xa2, 0x8e, 0xb1, 0x8f, 0xb0, 0xa1)).toBe("あｱ丂");
    expect(decode("big5", 0xa4, 0xa4)).toBe("中");
    expect(decode("euc-kr", 0xc7, 0xd1, 0x81, 0x41)).toBe("한갂");
    expect(decode("cp949", 0x81, 0x42, 0xc6, 0x52)).toBe("갃힣");
    expect(decode("maccentraleurope", 0x8b)).toBe("č");
    expect(decode("mac-cyrillic", 0x80, 0xdf)).toBe("Ая");
  });

  it("decodes UTF-8 strictly, escaping byte by byte", () => {
    expect(decode("utf-8", ...Buffer.from("naïve 日本 😀"))).toBe("naïve 日本 😀");
    expect(decode("utf-8", 0x61, 0xc0, 0xaf, 0x62)).toBe("a␛C0␛AFb");
    expect(decode("utf-8", 0xed, 0xa0, 0x80)).toBe("␛ED␛A0␛80");
    expect(decode("utf-8", 0xf4, 0x90, 0x80, 0x80)).toBe("␛F4␛90␛80␛80");
    expect(decode("utf-8", 0xe3, 0x81)).toBe("␛E3␛81");
    // An accent must not melt into the last digit of an escape.
    expect(decode("utf-8", 0xaa, 0xcc, 0x81)).toBe("␛AA\u0301");
  });

  it("keeps names safe in every charset", () => {
    for (const id of ["utf-8", "cp437", "shift_jis", "macjapanese"]) {
      expect(decode(id), id).toBe("␛");
      expect(decode(id, 0x2e), id).toBe("␛2E");
      expect(decode(id, 0x2e, 0x2e), id).toBe("␛2E␛2E");
      expect(decode(id, 0x2e, 0x2e, 0x2e), id).toBe("...");
      expect(decode(id, 0x61, 0x2f, 0, 0x62), id).toBe("a␛2F␛00b");
    }
    expect(decode("utf-8", 0x65, 0xcc, 0x81)).toBe("é");
    expect(decode("utf-8", ...Buffer.from("a␛41"))).toBe("a␛␛41");
  });

  it("reads only the bytes it is given", () => {
    const bytes = Buffer.from("xxREADMEéyy");
    expect(charsetById("utf-8").decode(bytes, 2, 8)).toBe("README");
    expect(charsetById("utf-8").decode(bytes, 2, 9)).toBe("README␛C3");
    expect(charsetById("shift_jis").decode(Uint8Array.of(0x41, 0x83, 0x5c), 0, 2)).toBe("A␛83");
  });

  /** One character for each byte, each for one byte only. */
  const bijective = [
    ...["cp437", "cp737", "cp775", "cp850", "cp852", "cp855", "cp857", "cp858", "cp860"],
    ...["cp861", "cp862", "cp863", "cp865", "cp866", "cp869", "koi8-r", "koi8-u"],
    ...[1250, 1251, 1252, 1253, 1254, 1257, 874].map((n) => `windows-${n}`),
    ...[2, 3, 4, 5, 6, 7, 8, 10, 13, 14, 15, 16].map((n) => `iso-8859-${n}`),
    ...["macroman", "maccroatian", "maccentraleurope", "macgreek", "maciceland"],
    ...["macromanian", "macturkish", "maccyrillic"],
  ];
  for (const id of bijective) {
    it(`gives back any bytes in ${id}`, () => {
      const charset = charsetById(id);
      const encode = new Map<string, number[]>();
      for (let byte = 0; byte < 256; byte++) {
        const text = charset.decode(Uint8Array.of(0x21, byte, 0x21), 0, 3).slice(1, -1);
        if (!text.startsWith("␛")) encode.set(text, [byte]);
      }
      const next = random(bijective.indexOf(id) + 1);
      for (let round = 0; round < 50; round++) {
        const bytes = Uint8Array.from({ length: 1 + (next() % 40) }, () => next() & 0xff);
        const name = charset.decode(bytes, 0, bytes.length);
        expect(unescapeName(name, (text) => encode.get(text))).toEqual(bytes);
      }
    });
  }

  it("gives back any bytes of UTF-8 in NFC", () => {
    const charset = charsetById("utf-8");
    const next = random(77);
    for (let round = 0; round < 3000; round++) {
      const bytes = Uint8Array.from({ length: 1 + (next() % 30) }, () => next() & 0xff);
      const name = charset.decode(bytes, 0, bytes.length);
      const again = unescapeName(name, (text) => [...Buffer.from(text)]);
      if (Buffer.from(bytes).toString().normalize("NFC") === Buffer.from(bytes).toString()) {
        expect(again).toEqual(bytes);
      }
    }
  });

  /** How many pairs of bytes may share their character with another pair, after NFC. */
  const shared: [string, number][] = [
    ["shift_jis", 420],
    ["euc-jp", 30],
    ["gb18030", 12],
    ["big5", 12],
    ["euc-kr", 270],
    ["macjapanese", 420],
    ["macchinesetrad", 14],
    ["macchinesesimp", 12],
    ["mackorean", 270],
  ];
  for (const [id, pairs] of shared) {
    it(`gives back any bytes in ${id}, but for at most ${pairs} pairs that share a character`, () => {
      const charset = charsetById(id);
      const encode = new Map<string, number[]>();
      let duplicates = 0;
      const learn = (...bytes: number[]) => {
        const decoded = charset.decode(Uint8Array.of(0x21, ...bytes, 0x21), 0, bytes.length + 2);
        const text = decoded.slice(1, -1);
        if ([...text].length !== 1) return;
        if (encode.has(text)) duplicates++;
        else encode.set(text, bytes);
      };
      for (let byte = 0; byte < 256; byte++) learn(byte);
      for (let pair = 0x8000; pair < 0x10000; pair++) learn(pair >> 8, pair & 0xff);
      expect(duplicates).toBeGreaterThan(0);
      expect(duplicates).toBeLessThanOrEqual(pairs);
      const next = random(5);
      for (let round = 0; round < 400; round++) {
        const bytes = Uint8Array.from({ length: 1 + (next() % 30) }, () => next() & 0xff);
        const name = charset.decode(bytes, 0, bytes.length);
        // Longer sequences are not in the table; their bytes are escaped or decoded whole.
        let complete = true;
        const again = unescapeName(name, (text) => {
          const known = encode.get(text);
          if (known === undefined) complete = false;
          return known;
        });
        if (!complete) continue;
        // Equal, or the same name by the other way of writing a character.
        if (Buffer.compare(again, bytes) !== 0) {
          expect(again.length).toBe(bytes.length);
          expect(charset.decode(again, 0, again.length)).toBe(name);
        }
      }
    });
  }

  it("decodes a million ASCII names a second or thereabouts", () => {
    const charset = charsetById("utf-8");
    const bytes = Buffer.from("IMG_20240131_120000.jpg");
    const started = performance.now();
    for (let i = 0; i < 100_000; i++) charset.decode(bytes, 0, bytes.length);
    // Measured 10 ms; the limit only catches a change of kind.
    expect(performance.now() - started).toBeLessThan(500);
  });
});
