/** Which trees an image offers, and which is shown. */
import { describe, expect, it } from "vitest";
import { iso9660 } from "../../../image-core/filesystem/iso9660/format.js";
import { S_IFDIR } from "../../../image-core/filesystem/volume.js";
import { Confidence } from "../../../image-core/format.js";
import { probeWindow } from "../../../image-core/probe.js";
import { MemorySource } from "../../../image-core/source/memory-source.js";
import { buildIso, file, folder, type IsoNode } from "../../fixtures/iso9660/iso-builder.js";
import * as su from "../../fixtures/iso9660/susp-entries.js";
import { walk } from "../../support/walk.js";
import { attributesAt, namesIn, nodeAt, textAt, volumeOf } from "./volume-of.js";

function ucs2(text: string, littleEndian = false): Uint8Array {
  const bytes = Buffer.from(text, "utf16le");
  return littleEndian ? bytes : bytes.swap16();
}

const JOLIET = "%/E";

function joliet(children: IsoNode[], more: { escape?: string; primary?: IsoNode[] } = {}) {
  return buildIso(folder("", more.primary ?? [file("P.;1", "p")]), {
    supplementary: [
      { root: folder("", children), escape: more.escape ?? JOLIET, label: ucs2("J\u00f6liet  ") },
    ],
  });
}

describe("Joliet", () => {
  it.each([
    ["%/@", 1],
    ["%/C", 2],
    ["%/E", 3],
  ])("is recognised by %s as level %i", (sequence, level) => {
    const volume = volumeOf(joliet([file(ucs2("A.;1"), "a")], { escape: sequence }));
    expect(volume.description.features).toContain(`Joliet level ${level}`);
    expect(namesIn(volume)).toEqual(["A"]);
    expect(volume.description.label).toBe("J\u00f6liet");
  });

  it("decodes surrogates, lone ones too, and takes no harm from odd lengths", () => {
    const odd = Buffer.concat([ucs2("odd.txt"), Buffer.from([0x5a])]);
    const lone = Uint8Array.of(0, 0x61, 0xd8, 0x00, 0, 0x62);
    const volume = volumeOf(
      joliet([
        file(ucs2("\u{1f600}.txt;1"), "smile"),
        file(odd, "odd"),
        file(lone, "lone"),
        file(ucs2("n.;2"), "version 2"),
        file(ucs2("n.;1"), "version 1"),
      ]),
    );
    const names = namesIn(volume);
    expect(names).toEqual([
      "\u{1f600}.txt",
      "odd.txt",
      expect.stringMatching(/^a.+b$/),
      "n",
      "n;1",
    ]);
    for (const name of names) expect(nodeAt(volume, name)).toBeGreaterThan(1);
    expect(textAt(volume, "n")).toBe("version 2");
  });

  it("reads names of the wrong byte order", () => {
    const iso = joliet([
      file(ucs2("Readme.txt;1", true), "r"),
      folder(ucs2("Folder", true), [file(ucs2("\u0416.txt;1", true), "zh")]),
    ]);
    const volume = volumeOf(iso);
    expect([...walk(volume).keys()].sort()).toEqual(
      ["/", "/Folder", "/Folder/\u0416.txt", "/Readme.txt"].sort(),
    );
    expect(volume.description.features).toContain("Joliet names in little-endian");
  });
});

describe("the view", () => {
  const dot = () => [su.sp(), su.px(S_IFDIR | 0o755, 2), su.er("RRIP_1991A")];
  const rr = (name: string) =>
    file(`${name.slice(0, 8).toUpperCase()}.;1`, name, {
      systemUse: () => [su.px(0o100644), su.nm(name)],
    });

  function everything(primary: IsoNode[], jolietChildren: IsoNode[]): Uint8Array {
    return buildIso(folder("", primary, { dot }), {
      supplementary: [
        { root: folder("", jolietChildren), escape: JOLIET },
        { root: folder("", [file("Long name in 1999", "e")]), escape: "", version: 2 },
      ],
    });
  }

  it("offers every tree, and all of them as folders", () => {
    const iso = everything([rr("rockname")], [file(ucs2("Joliet name"), "j")]);
    const automatic = volumeOf(iso).description.view;
    expect(automatic?.available).toEqual(["rockridge", "joliet", "enhanced", "iso9660"]);
    expect(automatic?.shown).toBe("rockridge");
    const views: [string, string][] = [
      ["rockridge", "rockname"],
      ["joliet", "Joliet name"],
      ["enhanced", "Long name in 1999"],
      ["iso9660", "rockname"],
    ];
    const all = volumeOf(iso, { options: { view: "all" } });
    for (const [view, name] of views) {
      const volume = volumeOf(iso, { options: { view } });
      expect(volume.description.view?.shown).toBe(view);
      expect(namesIn(volume)).toEqual([name]);
      expect(namesIn(all, `/${view}`)).toEqual([name]);
    }
    expect(attributesAt(all, "/rockridge/rockname").mode).toBe(0o100644);
    expect(attributesAt(all, "/iso9660/rockname").mode).toBe(0o100555);
    expect(all.description.view?.shown).toBe("all");
  });

  it("says which views there are where another is asked for", () => {
    const iso = joliet([file(ucs2("a"), "a")]);
    for (const view of ["rockridge", "nonsense", "boot"]) {
      expect(() => volumeOf(iso, { options: { view } })).toThrow(
        expect.objectContaining({
          kind: "option",
          message: expect.stringContaining("joliet, iso9660"),
        }),
      );
    }
    expect(() => volumeOf(iso, { options: { session: 2 } })).toThrow(
      expect.objectContaining({ kind: "option", message: expect.stringContaining("one session") }),
    );
  });

  it("takes the tree that is whole where the usually richer one is not", () => {
    const many = Array.from({ length: 5 }, (_, i) => file(ucs2(`file ${i}`), `${i}`));
    const empty = volumeOf(everything([], many));
    expect(empty.description.view?.shown).toBe("joliet");
    expect(empty.description.view?.reason).toMatch(/5 entries .* Rock Ridge has 0/);
    const rich = volumeOf(everything([rr("a"), rr("b"), rr("c")], many));
    expect(rich.description.view?.shown).toBe("rockridge");
  });

  it("opens what has a Joliet tree and no primary one", () => {
    const iso = joliet([file(ucs2("only"), "o")]);
    iso[16 * 2048] = 3;
    const volume = volumeOf(iso);
    expect(textAt(volume, "/only")).toBe("o");
    expect(volume.description.warnings).toContain("no primary volume descriptor");
  });
});

describe("probe", () => {
  const probe = (bytes: Uint8Array) => iso9660.probe(probeWindow(new MemorySource(bytes), "x.iso"));

  it("knows both standards and their labels", () => {
    const tree = folder("", []);
    expect(probe(buildIso(tree, { label: "MY DISC" }))).toEqual({
      confidence: Confidence.certain,
      title: 'ISO 9660 "MY DISC"',
    });
    expect(probe(buildIso(tree, { highSierra: true }))?.title).toBe('High Sierra "TEST"');
  });

  it("knows nothing else, however short", () => {
    for (const length of [0, 1, 32_768, 32_770, 36_000, 200_000]) {
      expect(probe(new Uint8Array(length))).toBeUndefined();
    }
  });
});
