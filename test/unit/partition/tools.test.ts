/** Partition tables made by sfdisk, sgdisk and parted, against what sfdisk and parted read from them. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ImageError } from "../../../image-core/errors.js";
import { Confidence, type Partition } from "../../../image-core/format.js";
import { candidates, probeWindow } from "../../../image-core/probe.js";
import { partitionFormats } from "../../../image-core/registry.js";
import { MemorySource } from "../../../image-core/source/memory-source.js";
import { buildGpt } from "../../fixtures/partition/gpt.js";
import { testContext } from "../../support/context.js";
import { run, scratch } from "../../support/tools.js";

const folder = scratch("partition");
const MIB = 1 << 20;

async function openBest(bytes: Uint8Array, sectorSize = 512): Promise<Partition[]> {
  const source = new MemorySource(bytes);
  const [best] = candidates(partitionFormats, probeWindow(source, "disk"));
  if (best === undefined) return [];
  return (await best.format.load!()).open(source, testContext({ sectorSize }));
}

function made(name: string, size: number, script: string): string {
  const path = join(folder, name);
  writeFileSync(path, new Uint8Array(size));
  run("sfdisk", ["--quiet", "--no-reread", "--no-tell-kernel", path], {
    input: script,
    stdio: ["pipe", "pipe", "pipe"],
  });
  return path;
}

interface Listed {
  node: string;
  start: number;
  size: number;
  type: string;
  uuid?: string;
  name?: string;
  bootable?: boolean;
}

function listed(path: string): Listed[] {
  const { partitiontable } = JSON.parse(run("sfdisk", ["--json", path]).toString());
  return partitiontable.partitions;
}

const number = (node: string) => Number(node.match(/\d+$/)?.[0]);

test("primary and logical partitions of a DOS label", async () => {
  const script = `label: dos
label-id: 0xcafe1234
2048,4096,83,*
,4096,c
,40960,${"5"}
,4096,ef
,2048,83
,4096,82
,8192,7
,2048,b
`;
  const path = made("dos", 64 * MIB, script);
  const expected = listed(path).filter(({ type }) => type !== "5");
  const found = await openBest(readFileSync(path));
  expect(expected).toHaveLength(7);
  expect(
    found.map(({ number, start, size, type, bootable }) => [number, start, size, type, bootable]),
  ).toEqual(
    expected.map(({ node, start, size, type, bootable }) => [
      number(node),
      start * 512,
      size * 512,
      `0x${type.padStart(2, "0")}`,
      bootable === true,
    ]),
  );
  expect(found.map(({ uuid }) => uuid)).toEqual(
    ["01", "02", "04", "05", "06", "07", "08"].map((n) => `cafe1234-${n}`),
  );
});

const gptScript = `label: gpt
size=1MiB, type=U, name="EFI"
size=2MiB, type=L, name="Größe — 中", attrs="LegacyBIOSBootable"
start=9MiB, size=2MiB, type=S
`;

test("GUID partition table, whatever sector size the medium claims", async () => {
  const path = made("gpt", 16 * MIB, gptScript);
  const expected = listed(path);
  expect(expected).toHaveLength(3);
  for (const sectorSize of [512, 2048, 4096]) {
    const found = await openBest(readFileSync(path), sectorSize);
    expect(
      found.map((one) => [one.number, one.start, one.size, one.type, one.uuid, one.label]),
    ).toEqual(
      expected.map(({ node, start, size, type, uuid, name }) => [
        number(node),
        start * 512,
        size * 512,
        type,
        uuid?.toLowerCase(),
        name,
      ]),
    );
    expect(found.map(({ bootable }) => bootable)).toEqual([true, true, false]);
    expect(found.map(({ typeTitle }) => typeTitle)).toEqual([
      "EFI system",
      "Linux filesystem",
      "Linux swap",
    ]);
  }
});

test("backup header, where the first or its entries are bad", async () => {
  const bytes = readFileSync(made("backup", 16 * MIB, gptScript));
  const whole = await openBest(bytes);
  for (const position of [512, 512 + 17, 512 + 72, 1024 + 40]) {
    const copy = new Uint8Array(bytes);
    copy[position] ^= 0xff;
    const found = await openBest(copy);
    expect(found.map(({ start, size }) => [start, size])).toEqual(
      whole.map(({ start, size }) => [start, size]),
    );
  }
});

for (const [sectorSize, entrySize] of [
  [4096, 128],
  [4096, 256],
  [2048, 512],
]) {
  test(`GUID partition table, ${sectorSize}-byte sectors, ${entrySize}-byte entries`, async () => {
    const type = Uint8Array.from({ length: 16 }, (_, i) => i + 1);
    const disk = buildGpt(sectorSize, 512, entrySize, [
      { type, startingLBA: 64, endingLBA: 99, name: "one" },
      { type: new Uint8Array(16), startingLBA: 100, endingLBA: 120, name: "not used" },
      { type, startingLBA: 200, endingLBA: 2000, name: "beyond the end" },
      { type, startingLBA: 512, endingLBA: 600, name: "behind the end" },
    ]);
    const expected = [
      [1, 64 * sectorSize, 36 * sectorSize, "one"],
      [3, 200 * sectorSize, 312 * sectorSize, "beyond the end"],
    ];
    const seen = async () =>
      (await openBest(disk)).map(({ number, start, size, label }) => [number, start, size, label]);
    expect(await seen()).toEqual(expected);
    expect((await openBest(disk))[0].type).toBe("04030201-0605-0807-090A-0B0C0D0E0F10");
    disk.fill(0, sectorSize, 4 * sectorSize);
    expect(await seen()).toEqual(expected);
  });
}

test("a protective MBR without a valid GPT says so; with other entries, those are taken", async () => {
  const path = made("protective", 16 * MIB, "label: gpt\nsize=1MiB\n");
  const bytes = new Uint8Array(readFileSync(path));
  bytes[512 + 16] ^= 1;
  bytes[bytes.length - 512 + 16] ^= 1;
  await expect(openBest(bytes)).rejects.toThrow(ImageError);
  // A second entry, as hybrid MBRs have: type 0x0c, from sector 2048, 100 sectors.
  bytes.set([0, 0, 0, 0, 0x0c, 0, 0, 0, 0, 8, 0, 0, 100, 0, 0, 0], 446 + 16);
  const found = await openBest(bytes);
  expect(found.map(({ number, start, size }) => [number, start, size])).toEqual([[2, MIB, 51_200]]);
});

test("sgdisk's 256 entries and its hybrid MBR: the GPT wins", async () => {
  const path = join(folder, "hybrid");
  writeFileSync(path, new Uint8Array(32 * MIB));
  run("sgdisk", [
    "-S",
    "256",
    "-n",
    "1:0:+4M",
    "-n",
    "200:0:+4M",
    "-t",
    "200:ef00",
    "-h",
    "1",
    path,
  ]);
  const found = await openBest(readFileSync(path));
  expect(found.map(({ number, scheme, size }) => [number, scheme, size])).toEqual([
    [1, "gpt", 4 * MIB],
    [200, "gpt", 4 * MIB],
  ]);
});

for (const [label, types] of [
  ["sun", ["2", "131"]],
  ["sgi", ["10", "131"]],
] as const) {
  test(`${label} label`, async () => {
    const hex = types.map((type) => Number(type).toString(16));
    const path = made(label, 64 * MIB, `label: ${label}\n,16MiB,${hex[0]}\n,8MiB,${hex[1]}\n`);
    const found = await openBest(readFileSync(path));
    const expected = listed(path).filter(({ type }) => hex.includes(type));
    expect(expected).toHaveLength(2);
    expect(found.map(({ number, start, size, type }) => [number, start, size, type])).toEqual(
      expected.map(({ node, start, size, type }) => [
        number(node),
        start * 512,
        size * 512,
        Number.parseInt(type, 16).toString(),
      ]),
    );
  });
}

test("Apple partition map, as parted makes and reads it", async () => {
  const path = join(folder, "mac");
  writeFileSync(path, new Uint8Array(32 * MIB));
  const parted = (...commands: string[]) =>
    run("parted", ["-s", "-m", path, ...commands]).toString();
  parted("mklabel", "mac", "mkpart", "first", "hfs", "1MiB", "5MiB");
  parted("mkpart", "second", "ext2", "6MiB", "9MiB");
  const expected = parted("unit", "B", "print", "free")
    .split("\n")
    .map((line) => line.replace(";", "").split(":"))
    .filter((fields) => /^\d+$/.test(fields[0]) && fields[4] !== "free")
    .map(([n, start, , size]) => [
      Number(n),
      Number.parseInt(start, 10),
      Number.parseInt(size, 10),
    ]);
  const found = await openBest(readFileSync(path));
  const used = found.filter(({ type }) => type !== "Apple_Free");
  expect(expected).toHaveLength(3);
  expect(used.map(({ number, start, size }) => [number, start, size])).toEqual(expected);
  expect(used.map(({ type, label }) => [type, label])).toEqual([
    ["Apple_partition_map", "Apple"],
    ["Apple_HFS", "first"],
    ["Apple_UNIX_SVR2", "second"],
  ]);
});

test("mmls finds the same as we do in a DOS label", async () => {
  const path = made("mmls", 32 * MIB, "label: dos\n2048,8192,83\n,16384,5\n,4096,c\n,2048,83\n");
  const rows = [
    ...run("mmls", ["-t", "dos", "-a", path])
      .toString()
      .matchAll(/^\d+:\s+\d+:\d+\s+(\d+)\s+\d+\s+(\d+)/gm),
  ];
  const found = await openBest(readFileSync(path));
  expect(found.map(({ start, size }) => [start / 512, size / 512])).toEqual(
    rows.map(([, start, size]) => [Number(start), Number(size)]),
  );
});

test("boot sectors of filesystems, and 0xAA55 alone, are no partition table", () => {
  for (const args of [
    ["-F", "12"],
    ["-F", "32", "-S", "2048"],
  ]) {
    const path = join(folder, "fat");
    writeFileSync(path, new Uint8Array(64 * MIB));
    run("mkfs.fat", [...args, path]);
    const window = probeWindow(new MemorySource(readFileSync(path)), "");
    expect(candidates(partitionFormats, window)).toEqual([]);
  }
  const sector = new Uint8Array(MIB);
  sector.set([0x55, 0xaa], 510);
  expect(candidates(partitionFormats, probeWindow(new MemorySource(sector), ""))).toEqual([]);
  // Code where the table would be.
  for (let i = 446; i < 510; i++) sector[i] = (i * 37) & 0xff;
  expect(candidates(partitionFormats, probeWindow(new MemorySource(sector), ""))).toEqual([]);
});

test("a filesystem's certainty is not reached by an MBR", () => {
  const path = made("confidence", 4 * MIB, "label: dos\n2048,2048,83\n");
  const [best] = candidates(
    partitionFormats,
    probeWindow(new MemorySource(readFileSync(path)), ""),
  );
  expect([best.format.id, best.confidence]).toEqual(["mbr", Confidence.likely]);
});
