// @ts-check
/** Shows on an image of its own that everything works: mount, list, read, unmount. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { demoImage } from "./demo-image.mjs";
import { outputOf, StepFailed, say } from "./steps.mjs";

const files = {
  "Hello from the image.txt": "If you can read this, isomount works here.\n",
  "Überraschung.txt": "Names are kept as they are.\n",
};

/**
 * Throws StepFailed where a mount does not work or does not show what the image holds.
 *
 * @param {readonly string[]} isomount the command
 * @returns {void}
 */
export function demonstrate(isomount) {
  const folder = mkdtempSync(join(tmpdir(), "isomount-demo-"));
  const image = join(folder, "demo.iso");
  const mountpoint = join(folder, "mnt");
  const ranBefore = outputOf([...isomount, "daemon", "status"]) !== undefined;
  try {
    mkdirSync(mountpoint);
    writeFileSync(image, demoImage("DEMO", files, new Date()));
    say(`made a small image: ${image}`);
    run([...isomount, image, mountpoint]);
    say(`mounted it on:      ${mountpoint}`);
    try {
      readBack(mountpoint);
    } finally {
      run([...isomount, "umount", mountpoint]);
    }
    if (!ranBefore) run([...isomount, "daemon", "stop"], "ignore");
    say(
      "unmounted it.\n\nisomount works here. Mount your own image: npm start -- disk.iso /mnt/iso",
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** @param {string} mountpoint */
function readBack(mountpoint) {
  const names = readdirSync(mountpoint).sort();
  say(`it holds:           ${names.join(", ")}`);
  const [name, text] = Object.entries(files)[0];
  const read = readFileSync(join(mountpoint, name), "utf8");
  say(`read ${name}: ${read.trim()}`);
  if (names.join("/") !== Object.keys(files).sort().join("/") || read !== text) {
    throw new StepFailed("the mount does not show what the image holds", 1);
  }
}

/**
 * @param {readonly string[]} command
 * @param {"inherit" | "ignore"} output
 */
function run([program, ...parameters], output = "inherit") {
  const { status, error } = spawnSync(program, parameters, {
    stdio: ["ignore", output, "inherit"],
  });
  if (error !== undefined) throw error;
  if (status !== 0) throw new StepFailed("the demonstration failed", status ?? 1);
}
