/** How many files images may be made of, so that nobody takes the descriptors from the rest. */
import { describe, expect, it } from "vitest";
import { FileQuotas } from "../../../daemon/supervisor/file-quota.js";

const root = 0;
const ann = 1000;
const bob = 1001;
const room = (quotas: FileQuotas, uid: number) => {
  let most = 0;
  // As many as there is room for, to the last.
  for (let step = 2 ** 20; step >= 1; step /= 2) {
    try {
      quotas.of(uid).check(most + step, "x");
      most += step;
    } catch {
      // Too many.
    }
  }
  return most;
};

describe("of root's daemon", () => {
  it("a guest can mount a bundle of 500 GB, and takes an eighth at most", () => {
    const quotas = new FileQuotas(524_288, true);
    expect(room(quotas, ann)).toBeGreaterThan(60_000);
    expect(room(quotas, root)).toBeGreaterThan(500_000);
    quotas.of(ann).take(room(quotas, ann));
    expect(room(quotas, ann)).toBe(0);
    expect(room(quotas, bob)).toBeGreaterThan(60_000);
    expect(() => quotas.of(ann).check(1, "/home/ann/x.sparsebundle")).toThrow(
      /^\/home\/ann\/x\.sparsebundle is made of too many files: the system's daemon keeps (\d+) of a user open, and \1 are open now \(mount it without --system; root can raise LimitNOFILE=/,
    );
  });

  it("all guests together leave root a half", () => {
    const quotas = new FileQuotas(524_288, true);
    for (let uid = 1000; room(quotas, uid) > 0; uid++) quotas.of(uid).take(room(quotas, uid));
    expect(() => quotas.of(ann - 1).check(1, "x")).toThrow("of all its users open");
    expect(room(quotas, root)).toBeGreaterThan(250_000);
  });

  it("what is closed is given back", () => {
    const quotas = new FileQuotas(524_288, true);
    const before = room(quotas, ann);
    quotas.of(ann).take(before);
    quotas.of(ann).give(before);
    expect(room(quotas, ann)).toBe(before);
  });
});

describe("of a user's own daemon", () => {
  it("one image may take what is left beside clients and mounts", () => {
    expect(room(new FileQuotas(524_288, false), ann)).toBeGreaterThan(500_000);
    expect(room(new FileQuotas(1024, false), ann)).toBeGreaterThan(300);
    expect(room(new FileQuotas(64, false), ann)).toBeGreaterThan(0);
  });

  it("and says which limit it is", () => {
    const quotas = new FileQuotas(1024, false);
    quotas.of(ann).take(320);
    expect(() => quotas.of(ann).check(1, "x")).toThrow(
      "x is made of more files than isomountd can keep open: by its limit of 1024 descriptors 320 of all images, and 320 are open now (raise it (ulimit -Hn, LimitNOFILE= of the unit) and restart isomountd)",
    );
  });
});
