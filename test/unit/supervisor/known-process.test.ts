/** Against real processes, by what proc(5) and waitpid(2) say of them. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  bringDown,
  isEnding,
  isProcess,
  killProcess,
  processStartTime,
} from "../../../daemon/supervisor/known-process.js";
import { eventually } from "../../support/processes.js";

function started(...[program, ...parameters]: string[]) {
  const child = spawn(program, parameters, { stdio: ["ignore", "pipe", "inherit"] });
  const pid = child.pid as number;
  return { child, pid, startTime: processStartTime(pid) };
}

describe("a process that is known", () => {
  it("is killed, and no other that got its pid", async () => {
    const sleep = started("sleep", "60");
    const other = { pid: sleep.pid, startTime: `${Number(sleep.startTime) - 1}` };
    expect([isProcess(sleep), isProcess(other)]).toEqual([true, false]);
    expect([isEnding(sleep), isEnding(other)]).toEqual([false, true]);
    killProcess(other);
    const exit = once(sleep.child, "exit");
    await bringDown(other);
    expect(isEnding(sleep)).toBe(false);
    await bringDown(sleep);
    expect(isEnding(sleep)).toBe(true);
    expect(await exit).toEqual([null, "SIGKILL"]);
    expect(isProcess(sleep)).toBe(false);
  });

  it("is ending as soon as it is a zombie, though nobody has asked how it ended", async () => {
    // sh starts it and becomes a program that asks nobody.
    const parent = started("sh", "-c", "sleep 60 & echo $!; exec sleep 60");
    const [text] = await once(parent.child.stdout!, "data");
    const pid = Number(text);
    const comm = `/proc/${parent.pid}/comm`;
    await eventually("it asks nobody", () => readFileSync(comm, "latin1") === "sleep\n");
    const child = { pid, startTime: processStartTime(pid) };
    expect(isProcess(child)).toBe(true);
    await bringDown(child);
    expect([isProcess(child), isEnding(child)]).toEqual([true, true]);
    killProcess(parent);
    await once(parent.child, "exit");
  });

  it("is none where nobody knows of one", async () => {
    const none = { pid: 0, startTime: "" };
    expect([isProcess(none), isEnding(none), processStartTime(0)]).toEqual([false, true, ""]);
    killProcess(none);
    await bringDown(none);
  });
});
