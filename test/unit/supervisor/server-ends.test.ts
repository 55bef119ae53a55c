/** Servers that end again and again. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ServerEnds } from "../../../daemon/supervisor/server-ends.js";

beforeEach(() => vi.useFakeTimers({ toFake: ["performance"] }));
afterEach(() => vi.useRealTimers());

describe("ends of servers", () => {
  it("are beyond help where there are more than sixty in a minute", () => {
    const ends = new ServerEnds();
    for (let end = 0; end < 60; end++) expect(ends.note()).toBeUndefined();
    expect(ends.note()).toBe("61 servers ended within 60 seconds");
  });

  it("are many from the tenth in a minute on", () => {
    const ends = new ServerEnds();
    for (let end = 1; end < 10; end++) ends.note();
    expect(ends.areMany).toBe(false);
    ends.note();
    expect(ends.areMany).toBe(true);
    vi.advanceTimersByTime(60_000);
    expect(ends.areMany).toBe(false);
  });

  it("are forgotten after a minute", () => {
    const ends = new ServerEnds();
    expect(ends.isAnyRecent).toBe(false);
    for (let end = 0; end < 600; end++) {
      expect(ends.note()).toBeUndefined();
      vi.advanceTimersByTime(1_001);
    }
    expect(ends.isAnyRecent).toBe(true);
    vi.advanceTimersByTime(60_000);
    expect(ends.isAnyRecent).toBe(false);
  });
});
