/** Mutated images: a walk or an ImageError, never anything else, in bounded time. */
import { describe, expect, it } from "vitest";
import { ImageError } from "../../../image-core/errors.js";
import {
  Attributes,
  ROOT_NODE,
  S_IFDIR,
  S_IFLNK,
  S_IFREG,
  type Volume,
} from "../../../image-core/filesystem/volume.js";
import type { HostRange } from "../../../image-core/source/byte-source.js";
import { buildIso, file, folder, type IsoNode } from "../../fixtures/iso9660/iso-builder.js";
import * as su from "../../fixtures/iso9660/susp-entries.js";
import { volumeOf } from "./volume-of.js";

const MUTATIONS = 600;
/** Real walks of these images take about a millisecond. */
const MAX_MS = 2000;
const MAX_ENTRIES = 20_000;

/** mulberry32. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

function sample(): Uint8Array {
  const rr = (name: string, mode: number, more: Uint8Array[] = []) => ({
    systemUse: () => [su.px(mode, 2, 1, 2, 9), su.nm(name), ...more],
  });
  const compressed = Buffer.from([
    ...[0x37, 0xe4, 0x53, 0x96, 0xc9, 0xdb, 0xd6, 0x07],
    ...[...su.le32(40_000), 4, 15, 0, 0, ...su.le32(28), ...su.le32(28), ...su.le32(28)],
  ]);
  const moved = folder("MOVED", [file("IN.;1", "in", rr("in", 0o100644))], {
    systemUse: () => [su.re(), su.nm("moved")],
  });
  const home: IsoNode = folder("HOME", [], rr("home", 0o40755));
  moved.dotDot = (blockOf) => [su.pl(blockOf(home))];
  home.children?.push(
    file("MOVED", "", { systemUse: (blockOf) => [su.cl(blockOf(moved)), su.nm("moved")] }),
    folder("DEEP", [folder("DEEPER", [file("X.;1", "x")])]),
  );
  const children: IsoNode[] = [
    file("A.;1", Buffer.alloc(9000, "a"), { ...rr("multi", 0o100644), extentBytes: 4096 }),
    file("I.;1", Buffer.alloc(9000, "i"), { interleave: { unit: 1, gap: 1 } }),
    file(
      "L.;1",
      "",
      rr("link", 0o120777, [
        su.sl([
          [4, ""],
          [0, "target"],
        ]),
      ]),
    ),
    file("N.;1", "n", { ...rr("n", 0o100644), continued: [[su.nm("x", 1)], [su.nm("y")]] }),
    file("R.;1", "fork", { flags: 4 }),
    file("R.;1", "data", rr("r", 0o100644, [su.al([[3, 97], [98], [], [0x16, 0xae, 1, 5]])])),
    file("T.;1", "t", rr("t", 0o100644, [su.tf(0x0e, Array(3).fill([120, 1, 1, 1, 1, 1, 4]))])),
    file("V.TXT;2", "2"),
    file("V.TXT;1", "1"),
    file("Z.;1", compressed, rr("z", 0o100644, [su.zf("pz", 15, 40_000)])),
    home,
    folder("RR_MOVED", [moved], rr("rr_moved", 0o40755)),
  ];
  const joliet = folder("", [
    file(Buffer.from("\0J\0;\x001"), "j"),
    folder(Buffer.from("\0D"), []),
  ]);
  return buildIso(
    folder("", children, {
      dot: () => [su.sp(), su.px(0o40755, 2), su.er("RRIP_1991A")],
    }),
    {
      supplementary: [{ root: joliet, escape: "%/E" }],
      boot: {
        catalog: (blocks) => {
          const bytes = new Uint8Array(2048);
          bytes.set([1], 0);
          bytes.set([0x55, 0xaa], 30);
          bytes.set([0x88, 0, 0, 0, 0, 0, 4, 0, ...su.le32(blocks[0])], 32);
          return bytes;
        },
        images: [new Uint8Array(2048)],
      },
    },
  );
}

/** Everything a program could ask. Errors on one object leave the others to be looked at. */
function exercise(volume: Volume): number {
  const buffer = new Uint8Array(8192);
  const range: HostRange = { fd: 0, position: 0, length: 0 };
  const attributes = new Attributes();
  const pending = [ROOT_NODE];
  let entries = 0;
  const attempt = (act: () => void) => {
    try {
      act();
    } catch (error) {
      if (!(error instanceof ImageError)) throw error;
    }
  };
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    const directory = node;
    const names: [string, number][] = [];
    attempt(() =>
      volume.readDirectory(directory, 0, (name, child, type, next) => {
        expect(name).not.toMatch(/^$|^\.\.?$|[/\0]/);
        expect(Number.isSafeInteger(next) && next > 0).toBe(true);
        expect(child).toBeLessThanOrEqual(volume.maxNode);
        names.push([name, child]);
        entries++;
        if (type === S_IFDIR) pending.push(child);
        attempt(() => volume.attributes(child, attributes));
        if (type === S_IFLNK) attempt(() => volume.readLink(child));
        if (type === S_IFREG) {
          attempt(() => volume.read(child, 0, buffer, 0, buffer.length));
          attempt(() => volume.read(child, 5000, buffer, 0, 100));
          attempt(() => volume.locate?.(child, 0, 100, range));
        }
        attempt(() => {
          for (const xattr of volume.listXattrs(child)) volume.readXattr(child, xattr);
        });
        return entries < MAX_ENTRIES;
      }),
    );
    expect(new Set(names.map(([name]) => name)).size).toBe(names.length);
    for (const [name, child] of names) {
      attempt(() => expect(volume.lookup(directory, name)).toBe(child));
    }
    attempt(() => volume.parent(directory));
    if (entries >= MAX_ENTRIES) break;
  }
  volume.statistics();
  return entries;
}

describe("mutated images", () => {
  const original = sample();
  const end = original.length;

  it("are walkable before they are mutated", () => {
    expect(exercise(volumeOf(original))).toBe(15);
    expect(exercise(volumeOf(original, { options: { view: "all" } }))).toBeGreaterThan(25);
  });

  it(`end in a walk or an ImageError (${MUTATIONS} of them)`, () => {
    const next = random(9660);
    let opened = 0;
    for (let i = 0; i < MUTATIONS; i++) {
      let iso = original.slice();
      const changes = 1 + Math.floor(next() * 12);
      for (let c = 0; c < changes; c++) {
        const at = 16 * 2048 + Math.floor(next() * (end - 16 * 2048));
        const kind = next();
        if (kind < 0.4) iso[at] = Math.floor(next() * 256);
        else if (kind < 0.6) iso[at] = next() < 0.5 ? 0 : 255;
        else if (kind < 0.8) iso.copyWithin(at, Math.floor(next() * end), Math.floor(next() * end));
        else iso.set(su.both32(Math.floor(next() * 40)).slice(0, Math.min(8, end - at)), at);
      }
      if (next() < 0.15) iso = iso.subarray(0, 17 * 2048 + Math.floor(next() * (end - 17 * 2048)));
      const view = ["auto", "iso9660", "joliet", "boot", "all"][i % 5];
      const start = performance.now();
      try {
        exercise(volumeOf(iso, { options: { view } }));
        opened++;
      } catch (error) {
        if (!(error instanceof ImageError)) throw error;
      }
      expect(performance.now() - start).toBeLessThan(MAX_MS);
    }
    expect(opened).toBeGreaterThan(MUTATIONS / 4);
  });
});
