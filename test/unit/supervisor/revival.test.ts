/** How long a mount without a server waits for another one. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { RpcErrorCode } from "../../../daemon/rpc/protocol.js";
import { RequestFailure } from "../../../daemon/supervisor/failure.js";
import type { OpenedServer } from "../../../daemon/supervisor/opening.js";
import { openAnother } from "../../../daemon/supervisor/revival.js";

const server = {} as OpenedServer;

/** Fails as often as there are errors, then opens. */
function reopening(errors: Error[]) {
  const failures: string[] = [];
  let isOver = false;
  let calls = 0;
  return {
    failures,
    end: () => (isOver = true),
    calls: () => calls,
    options: {
      reopen: async () => {
        calls++;
        const error = errors.shift();
        if (error !== undefined) throw error;
        return server;
      },
      failed: (message: string) => failures.push(message),
      isOver: () => isOver,
    },
  };
}

const many = (error: Error) => Array<Error>(1000).fill(error);

beforeEach(() => vi.useFakeTimers({ toFake: ["setTimeout", "performance"] }));
afterEach(() => vi.useRealTimers());

describe("opening another server", () => {
  it("tries again after a failure, and says each", async () => {
    const { options, failures } = reopening([new Error("one"), new Error("two")]);
    const opened = openAnother(options);
    await vi.runAllTimersAsync();
    expect(await opened).toBe(server);
    expect(failures).toEqual(["one", "two"]);
  });

  it("gives up soon where the image itself is refused", async () => {
    const verdict = new RequestFailure(RpcErrorCode.image, "no image any more");
    const { options, calls } = reopening(many(verdict));
    const opened = openAnother(options).catch((error: Error) => error);
    await vi.advanceTimersByTimeAsync(3_000);
    expect(await opened).toBe(verdict);
    expect(calls()).toBe(6);
  });

  it("waits half a minute for what the machine may have again", async () => {
    const { options } = reopening(many(new Error("fork: Cannot allocate memory")));
    let end: unknown;
    void openAnother(options).catch((error) => (end = error));
    await vi.advanceTimersByTimeAsync(29_000);
    expect(end).toBeUndefined();
    await vi.advanceTimersByTimeAsync(5_000);
    expect(end).toEqual(new Error("fork: Cannot allocate memory"));
  });

  it("stops where the mount goes meanwhile", async () => {
    const { options, end, calls } = reopening(many(new Error("busy")));
    const opened = openAnother(options);
    await vi.advanceTimersByTimeAsync(250);
    end();
    await vi.runAllTimersAsync();
    expect(await opened).toBeUndefined();
    expect(calls()).toBe(2);
  });
});
