import { availableParallelism } from "node:os";
import { setTimeout as pause } from "node:timers/promises";
import { expect, it } from "vitest";
import { Turnstile } from "../../../daemon/supervisor/turnstile.js";

const places = Math.max(4, availableParallelism());

it("lets a few through at a time, in order, whatever becomes of them", async () => {
  const turnstile = new Turnstile();
  const order: number[] = [];
  let inside = 0;
  let most = 0;
  const passes = Array.from({ length: 3 * places }, (_, i) =>
    turnstile.pass(async () => {
      order.push(i);
      most = Math.max(most, ++inside);
      await pause(5);
      inside--;
      if (i % 3 === 0) throw new Error(`${i} failed`);
      return i;
    }),
  );
  const outcomes = await Promise.allSettled(passes);
  expect(most).toBe(places);
  expect(order).toEqual(passes.map((_, i) => i));
  expect(outcomes.map(({ status }) => status === "fulfilled")).toEqual(
    passes.map((_, i) => i % 3 !== 0),
  );
});

it("does not let those that hang keep the others out", async () => {
  const turnstile = new Turnstile();
  const hung = Array.from({ length: places }, () => turnstile.pass(() => pause(4_000)));
  const before = Date.now();
  await turnstile.pass(async () => {});
  expect(Date.now() - before).toBeLessThan(3_000);
  await Promise.all(hung);
});
