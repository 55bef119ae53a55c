/** The short run; `npm run torture` is the long one. */
import { expect, it } from "vitest";
import { startIsomount } from "../support/isomount.js";
import { scratch } from "../support/tools.js";
import { makeImages, makeSource } from "../torture/images.js";
import { torture } from "../torture/torture.js";

const SECONDS = 12;
const MIN_KILLS = 15;

const folder = scratch("torture");
const isomount = startIsomount();

it("shows readers no error and no wrong byte while servers, daemon and keeper are killed", async () => {
  const source = makeSource(folder);
  const images = makeImages(folder, source);
  const result = await torture({
    isomount,
    source,
    images,
    seconds: SECONDS,
    minKills: MIN_KILLS,
    slowness: 1,
    tell: () => {},
  });
  expect(result).toMatchObject({ errors: [], wrong: [], leftovers: [] });
  expect(result.totalKills).toBeGreaterThanOrEqual(MIN_KILLS);
  expect(result.restarts).toBeGreaterThan(0);
  expect(result.reads).toBeGreaterThan(100);
}, 180_000);
