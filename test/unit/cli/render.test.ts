/** What people see: the list, the tree of `info`, and that no image can steer their terminal. */
import { describe, expect, it } from "vitest";
import { jsonText, printable, width } from "../../../daemon/cli/printable.js";
import { formatSize, renderInfo } from "../../../daemon/cli/render-info.js";
import { renderList } from "../../../daemon/cli/render-list.js";
import { imageDescription, mountInfo, volumeDescription } from "./samples.js";

describe("list", () => {
  it("says when there is nothing", () => {
    expect(renderList([])).toBe("nothing is mounted\n");
  });

  it("is a table whose columns stand below each other", () => {
    const text = renderList([
      mountInfo(),
      mountInfo({
        id: "m22",
        image: "/images/\u5149\u76d8.dmg",
        mountpoint: "/mnt/e\u0301",
        container: "encrypted/udif",
        filesystem: "hfsplus",
        label: "",
        view: "",
        state: "reviving",
        sandboxed: false,
        transport: "fuse-native",
        restarts: 2,
      }),
    ]);
    expect(text).toBe(
      [
        "ID   IMAGE             MOUNTPOINT  CONTENTS                    STATE",
        'm1   /images/disk.iso  /mnt/iso    iso9660 (rockridge) "DISK"  serving',
        "m22  /images/\u5149\u76d8.dmg  /mnt/e\u0301      encrypted/udif > hfsplus    " +
          "reviving, not sandboxed, fuse-native, 2 restarts",
        "",
      ].join("\n"),
    );
  });

  it("keeps every mount on its line", () => {
    const text = renderList([mountInfo({ label: "a\nb\u001b[2J", mountpoint: "/mnt/\u202ex" })]);
    expect(text.split("\n")).toHaveLength(3);
    expect(text).toContain('"a\\x0ab\\x1b[2J"');
    expect(text).toContain("/mnt/\\u202ex");
  });
});

describe("info", () => {
  it("shows a plain image", () => {
    expect(renderInfo(imageDescription())).toBe(
      [
        "disk.iso, 1.5 KiB (1536 bytes), sectors of 512 bytes",
        "\u251c\u2500 Raw image",
        '\u2502  \u2514\u2500 ISO 9660 with Rock Ridge "DISK"',
        "\u2502     \u2514\u2500 blocks of 2048 bytes",
        "\u2514\u2500 not bootable",
        "",
      ].join("\n"),
    );
  });

  it("shows containers within each other, partitions, volumes, ways to boot and warnings", () => {
    const text = renderInfo(
      imageDescription({
        containers: [
          { format: "encrypted", title: "Encrypted image", details: { cipher: "AES-256" } },
          { format: "udif", title: "UDIF", details: { chunks: 12 } },
        ],
        partitions: [
          {
            number: 1,
            scheme: "gpt",
            type: "c12a7328",
            typeTitle: "EFI System",
            label: "EFI",
            uuid: "u-1",
            bootable: true,
            start: 20480,
            size: 1048576,
            filesystem: { format: "fat", title: "FAT32", readable: true },
          },
          {
            number: 2,
            scheme: "gpt",
            type: "0x99",
            bootable: false,
            start: 2097152,
            size: 512,
            filesystem: { format: "zfs", title: "ZFS", readable: false },
            partitions: [
              { number: 1, scheme: "bsd", type: "7", bootable: false, start: 0, size: 512 },
            ],
          },
        ],
        volume: volumeDescription({ title: "2 volumes" }),
        volumes: [
          {
            folder: "1 EFI",
            volume: volumeDescription({
              title: "FAT32",
              label: "",
              uuid: "1234-ABCD",
              created: -1,
              view: { shown: "long", available: ["long", "short"], reason: "it has all names" },
              features: ["long names"],
              boot: ["BIOS"],
              warnings: ["FAT copies differ"],
            }),
          },
        ],
        boot: ["El Torito BIOS"],
        warnings: ["cut off\nat the end"],
      }),
    );
    for (const line of [
      "   \u2502  chunks: 12",
      'gpt partition 1: EFI System (c12a7328) "EFI", 1 MiB (1048576 bytes) at 20480, bootable',
      "UUID u-1",
      "ZFS: recognised, but not read",
      "bsd partition 1: 7, 512 bytes at 0",
      "1 EFI/: FAT32\n",
      "created 1969-12-31 23:59:59 UTC",
      "shows long of long, short: it has all names",
      "long names",
      "boots: BIOS",
      "warning: FAT copies differ",
      "\u251c\u2500 bootable\n\u2502  \u2514\u2500 El Torito BIOS",
      "\u2514\u2500 warning: cut off\\x0aat the end\n",
    ]) {
      expect(text.replace("\u251c\u2500 chunks", "\u2502  chunks")).toContain(line.trim());
    }
    expect(text).not.toContain("2 volumes");
  });

  it("shows tracks by session", () => {
    const text = renderInfo(
      imageDescription({
        tracks: [
          { number: 1, session: 1, kind: "mode1", startLba: 0, sectors: 300 },
          { number: 2, session: 2, kind: "audio", startLba: 11700, sectors: 75, title: "Song" },
        ],
      }),
    );
    expect(text).toMatch(/session 1\n.*track 1: mode1, 300 sectors from LBA 0\n/);
    expect(text).toMatch(/session 2\n.*track 2: audio "Song", 75 sectors from LBA 11700\n/);
  });

  it("survives a year that no calendar has", () => {
    const volume = volumeDescription({ created: 1e15 });
    expect(renderInfo(imageDescription({ volume }))).toContain(
      "created 1000000000000000 s since 1970",
    );
  });

  it.each([
    [0, "0 bytes"],
    [1023, "1023 bytes"],
    [1024, "1 KiB (1024 bytes)"],
    [734003200, "700 MiB (734003200 bytes)"],
    [2 ** 52, "4 PiB (4503599627370496 bytes)"],
  ])("formats %d", (size, text) => {
    expect(formatSize(size)).toBe(text);
  });
});

describe("printable", () => {
  it("leaves letters of all scripts", () => {
    const text = "a\u00e9 \u65e5\u672c\u8a9e \u0639\u0631\u0628\u064a \u{1f4bf} 'quoted' $(x)";
    expect(printable(text)).toBe(text);
  });

  it("shows control characters", () => {
    expect(printable("\u0000\u0007\u001b\u007f\u009b\u2028")).toBe(
      "\\x00\\x07\\x1b\\x7f\\x9b\\u2028",
    );
  });

  it("is JSON where a program may be a person after all", () => {
    const value = { label: "\u0007\u001b[2J\u007f\u009b31m\u202e\n", list: ["\u65e5"] };
    for (const indent of [undefined, 2]) {
      const text = jsonText(value, indent);
      expect(JSON.parse(text)).toEqual(value);
      expect(text.replaceAll("\n", "")).not.toMatch(/[\p{Cc}\u202e]/u);
      expect(text).toContain("\u65e5");
    }
  });

  it("knows how wide letters are", () => {
    expect(width("abc")).toBe(3);
    expect(width("\u65e5\u672c")).toBe(4);
    expect(width("e\u0301")).toBe(1);
    expect(width("\u{1f4bf}")).toBe(2);
  });
});
