/** Where records lie while they cannot be written, and that they get to the disk in the end. */
import { describe, expect, it } from "vitest";
import { MountRecords } from "../../../daemon/supervisor/mount-records.js";
import type { NewRecord } from "../../../daemon/supervisor/state-record.js";

function stage() {
  const disk: string[] = [];
  const memory = new Set<string>();
  const told: string[] = [];
  const say = (level: string) => (text: string) => void told.push(`${level} ${text}`);
  const full = { disk: true, memory: false };
  const records = new MountRecords(
    {
      save({ id }: NewRecord) {
        if (full.disk) throw new Error("ENOSPC");
        disk.push(id);
      },
    },
    {
      keepRecord(id: string) {
        if (full.memory) throw new Error("EMFILE");
        memory.add(id);
      },
      forgetRecord: (id: string) => void memory.delete(id),
    },
    { info: say("info"), warn: say("warn"), error: say("error") } as never,
  );
  const mount = (id: string) => ({
    id,
    facts: { mountpoint: `/mnt/${id}` },
    record: () => ({ id }) as NewRecord,
  });
  return { records, disk, memory, told, full, mount };
}

describe("a record that cannot be written", () => {
  it("is kept in memory until it can be, which is said once each", () => {
    const { records, disk, memory, told, full, mount } = stage();
    const first = mount("m1");
    records.save(first);
    records.save(first);
    records.saveTheRest();
    expect([...memory]).toEqual(["m1"]);
    full.disk = false;
    records.saveTheRest();
    records.saveTheRest();
    expect(disk).toEqual(["m1"]);
    expect([...memory]).toEqual([]);
    expect(told).toEqual([
      "warn /mnt/m1: its record cannot be written, so it is kept in memory: ENOSPC",
      "info /mnt/m1: its record is written now",
    ]);
  });

  it("and cannot be kept either, costs the mount nothing but the next restart", () => {
    const { records, disk, told, full, mount } = stage();
    full.memory = true;
    records.save(mount("m1"));
    expect(told).toHaveLength(1);
    expect(told[0]).toMatch(
      /^error \/mnt\/m1: .* will not survive a restart of isomountd: ENOSPC$/,
    );
    full.disk = false;
    records.saveTheRest();
    expect(disk).toEqual(["m1"]);
  });

  it("is written when another mount has given its room back, and not once its own is gone", () => {
    const { records, disk, full, mount } = stage();
    const [first, second, third] = ["m1", "m2", "m3"].map(mount);
    for (const each of [first, second]) records.save(each);
    full.disk = false;
    records.save(third);
    records.forget(first);
    expect(disk).toEqual(["m3", "m2"]);
  });
});
