/** Folders of small files, read as programs read them: most of it needs no request, all of it is right. */
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, it } from "vitest";
import type { MountStatistics } from "../../daemon/rpc/protocol.js";
import { startIsomount } from "../support/isomount.js";
import { eventually } from "../support/processes.js";
import { run } from "../support/tools.js";

const FOLDERS = 20;
const FILES = 100;
const isomount = startIsomount();
const image = join(isomount.folder, "small files.iso");
const source = join(isomount.folder, "source");

beforeAll(() => {
  for (let folder = 0; folder < FOLDERS; folder++) {
    const path = join(source, `folder ${folder}`);
    mkdirSync(path, { recursive: true });
    for (let i = 0; i < FILES; i++) {
      writeFileSync(
        join(path, `file ${i}`),
        `${folder}/${i} `.repeat((folder * 211 + i * 97) % 3000),
      );
    }
  }
  run("xorriso", ["-outdev", image, "-map", source, "/", "-commit"]);
});

async function statisticsOf(mountpoint: string): Promise<MountStatistics> {
  const now = () => isomount.list().find((each) => each.mountpoint === mountpoint)?.statistics;
  let before = -1;
  // The server tells from time to time.
  await eventually(
    "the server has told of all",
    () => {
      const requests = now()?.requests ?? 0;
      const settled = requests > 0 && requests === before;
      before = requests;
      return settled;
    },
    30,
  );
  return now() as MountStatistics;
}

function same(copy: string): void {
  execFileSync("diff", ["-r", source, copy]);
}

it("copies a tree with few requests", async () => {
  const path = isomount.mount(image);
  const copy = join(isomount.folder, "copy");
  execFileSync("cp", ["-r", path, copy]);
  same(copy);
  const { reads, filesAhead, errors } = await statisticsOf(path);
  expect(errors).toBe(0);
  // Nine of ten where nothing else runs; on a busy machine the reader overtakes more often.
  expect(filesAhead).toBeGreaterThan(FOLDERS * FILES * 0.3);
  expect(reads).toBeLessThan(FOLDERS * FILES * 0.9);
  isomount.succeed("umount", path);
});

it("gives several readers at once the right bytes, and is unmounted after them", async () => {
  const path = isomount.mount(image);
  const copies = Array.from({ length: 4 }, (_, i) => join(isomount.folder, `copy ${i}`));
  const ended = await Promise.all(
    copies.map((copy) => isomount.startProgram("cp", "-r", path, copy)),
  );
  expect(ended.map(({ status, stderr }) => `${status}${stderr}`)).toEqual(copies.map(() => "0"));
  for (const copy of copies) same(copy);
  expect(isomount.list()[0].restarts).toBe(0);
  isomount.succeed("umount", path);
});

it("gives the right bytes while servers die in the middle", async () => {
  const path = isomount.mount(image);
  let copying = true;
  const killing = (async () => {
    while (copying) {
      await new Promise((resolve) => setTimeout(resolve, 150));
      const { pid } = isomount.list()[0];
      if (pid > 0) process.kill(pid, "SIGKILL");
      await eventually("another serves", () => isomount.list()[0].state === "serving");
    }
  })();
  for (const name of ["a", "b", "c"]) {
    const copy = join(isomount.folder, name);
    const { status, stderr } = await isomount.startProgram("cp", "-r", path, copy);
    expect(`${status}${stderr}`).toBe("0");
    same(copy);
  }
  copying = false;
  await killing;
  expect(readdirSync(path)).toHaveLength(FOLDERS);
  isomount.succeed("umount", path);
});
