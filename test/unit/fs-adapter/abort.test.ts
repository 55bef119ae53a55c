/** Ending a FUSE connection, with the kernel's control filesystem mounted and without. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

const isRoot = process.getuid!() === 0;
if (!isRoot) console.log("skipped: only root can hide the control filesystem");
const script = join(import.meta.dirname, "../../support/abort-alone.ts");
const CONTROL = "/sys/fs/fuse/connections";

describe.skipIf(!isRoot)("a connection is ended", () => {
  it.each([
    ["by the control filesystem", `mountpoint -q ${CONTROL} || mount -t fusectl none ${CONTROL}`],
    [
      "where that is not mounted",
      `while umount ${CONTROL} 2>&-; do :; done; [ -z "$(ls ${CONTROL})" ]`,
    ],
  ])("%s", (_, prepare) => {
    const folder = mkdtempSync(join(tmpdir(), "isomount-abort-"));
    try {
      // In a mount namespace of its own, with which everything goes.
      const command = `${prepare} && exec "$0" --import tsx "$1" "$2"`;
      const words = ["--mount", "sh", "-c", command, process.execPath, script, folder];
      const options = { encoding: "utf8", timeout: 30_000 } as const;
      expect(execFileSync("unshare", words, options)).toBe("true false\n");
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
