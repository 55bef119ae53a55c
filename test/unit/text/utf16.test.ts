import { describe, expect, it } from "vitest";
import { utf16Name } from "../../../image-core/text/utf16.js";

function stored(text: string, littleEndian: boolean): Uint8Array {
  const bytes = Buffer.from(text, "utf16le");
  return littleEndian ? bytes : bytes.swap16();
}

describe("utf16Name", () => {
  for (const littleEndian of [true, false]) {
    const name = (text: string) => {
      const bytes = stored(text, littleEndian);
      return utf16Name(bytes, 0, bytes.length, littleEndian);
    };
    const order = littleEndian ? "little" : "big";

    it(`reads names, ${order}-endian`, () => {
      expect(name("README.TXT")).toBe("README.TXT");
      expect(name("日本語 é 😀")).toBe("日本語 é 😀");
      expect(name("e\u0301")).toBe("é");
      expect(name("x".repeat(5000))).toBe("x".repeat(5000));
    });

    it(`keeps them safe, ${order}-endian`, () => {
      expect(name("a/b\0c")).toBe("a␛2Fb␛00c");
      expect(name(".")).toBe("␛2E");
      expect(name("..")).toBe("␛2E␛2E");
      expect(name("")).toBe("␛");
      expect(name("a\ud800b\udc00")).toBe("a␛uD800b␛uDC00");
      expect(name("a␛b")).toBe("a␛␛b");
    });
  }

  it("reads only what it is given, an odd byte less", () => {
    const bytes = stored("xxREADMEyy", false);
    expect(utf16Name(bytes, 4, 16, false)).toBe("README");
    expect(utf16Name(bytes, 4, 17, false)).toBe("README");
  });
});
