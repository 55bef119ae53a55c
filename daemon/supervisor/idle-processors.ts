/** How much of this machine nobody uses. */
import { availableParallelism, cpus } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";

const LOOK_MILLISECONDS = 100;

/** Whether what is started now takes no processor from anybody: by what was idle for 0.1 s. */
export async function hasIdleProcessors(): Promise<boolean> {
  const before = idleMilliseconds();
  const start = performance.now();
  await sleep(LOOK_MILLISECONDS);
  const idle = (idleMilliseconds() - before) / (performance.now() - start);
  // A reader and its server take turns: on two cores more than one must be idle.
  return idle >= Math.min(ENOUGH, availableParallelism() * SHARE);
}

const ENOUGH = 1.6;
const SHARE = 0.75;

function idleMilliseconds(): number {
  return cpus().reduce((sum, { times }) => sum + times.idle, 0);
}
