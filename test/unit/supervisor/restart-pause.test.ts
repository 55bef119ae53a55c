/** What ends again as soon as it is started must not keep the machine, or the log, busy. */
import { expect, it } from "vitest";
import { RestartPause } from "../../../daemon/supervisor/restart-pause.js";

it("grows to a minute where each ends at once, and starts anew after one that lived", () => {
  const restarts = new RestartPause();
  const pauses = Array.from({ length: 8 }, () => restarts.after(50) / 1000);
  expect(pauses).toEqual([1, 2, 4, 8, 16, 32, 60, 60]);
  expect([restarts.after(3_600_000), restarts.after(50)]).toEqual([1_000, 2_000]);
});
