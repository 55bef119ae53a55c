/** Unmounting what somebody uses. Any filesystem will do. */
import { closeSync, mkdirSync, openSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { unmountFuse } from "../../../fs-adapter/mounting/mount.js";
import { run, scratch } from "../../support/tools.js";

const isRoot = process.getuid!() === 0;
if (!isRoot) console.log("skipped: only root mounts");

describe.skipIf(!isRoot)("a mount in use", () => {
  const place = join(scratch("unmount"), "mnt");

  it("for an instant is unmounted, for longer it is not", async () => {
    mkdirSync(place);
    run("mount", ["-t", "tmpfs", "tmpfs", place]);
    const instant = openSync(place, "r");
    setTimeout(() => closeSync(instant), 80);
    await unmountFuse(place, false);

    run("mount", ["-t", "tmpfs", "tmpfs", place]);
    const longer = openSync(place, "r");
    const busy = expect.objectContaining({ code: "EBUSY" });
    await expect(unmountFuse(place, false)).rejects.toEqual(busy);
    closeSync(longer);
    await unmountFuse(place, false);
    await expect(unmountFuse(place, false)).rejects.toMatchObject({ code: "EINVAL" });
  });
});
