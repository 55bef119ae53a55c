/** Who writes to a file, as the kernel knows it. */
import { closeSync, openSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { isBeingWritten } from "../../../daemon/watch/writer-check.js";
import { scratch } from "../../support/tools.js";

const folder = scratch("writer");

it("tells a file that is open for writing from one that is not", () => {
  const path = join(folder, "a.iso");
  writeFileSync(path, "bytes");
  expect(isBeingWritten(path)).toBe(false);
  const reader = openSync(path, "r");
  expect(isBeingWritten(path)).toBe(false);
  closeSync(reader);
  const writer = openSync(path, "a");
  expect(isBeingWritten(path)).toBe(true);
  closeSync(writer);
  expect(isBeingWritten(path)).toBe(false);
});

it("leaves no lease behind that a writer would wait for", () => {
  const path = join(folder, "b.iso");
  writeFileSync(path, "bytes");
  isBeingWritten(path);
  const started = Date.now();
  closeSync(openSync(path, "r+"));
  expect(Date.now() - started).toBeLessThan(1000);
});

it("does not know about a file that is gone", () => {
  expect(isBeingWritten(join(folder, "none.iso"))).toBeUndefined();
});
