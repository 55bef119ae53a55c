/** The programs that decide which system calls a server may make. Pure: see install.ts. */
import { Action, anyOf, assemble, callOf, end, type Instruction, ifCalled } from "./bpf.js";
import { allowed, deadly, ENOSYS, IO_URING_SETUP, type Numbers, testedCalls } from "./rules.js";

/** What Node calls an architecture, its place in `Numbers`, and its AUDIT_ARCH of linux/audit.h. */
const architectures = {
  x64: { index: 0, audit: 0xc000003e },
  arm64: { index: 1, audit: 0xc00000b7 },
} as const;

export type Architecture = keyof typeof architectures;

/** Whether numbers are known for it. */
export function isKnown(architecture: string): architecture is Architecture {
  return architecture in architectures;
}

/** For a server that is loaded. `pid`: its own, as it sees it. */
export function serverFilter(architecture: Architecture, pid: number): Buffer {
  const { index, audit } = architectures[architecture];
  const program: Instruction[] = [
    ...callOf(audit, Action.KILL_PROCESS),
    ...anyOf(numbersOf(allowed, index), Action.ALLOW),
  ];
  for (const { numbers, test } of Object.values(testedCalls(pid))) {
    const number = numbers[index];
    if (number !== undefined) program.push(...ifCalled(number, test));
  }
  program.push(...anyOf(numbersOf(deadly, index), Action.KILL_PROCESS), end(ENOSYS));
  return assemble(program);
}

/**
 * For Node before it starts: later libuv would have an io_uring to wait by, and could not go on
 * without. Whoever may use that can make most system calls past every filter.
 */
export function earlyFilter(architecture: Architecture): Buffer {
  const { index, audit } = architectures[architecture];
  return assemble([
    ...callOf(audit, Action.KILL_PROCESS),
    ...anyOf([IO_URING_SETUP[index] as number], ENOSYS),
    end(Action.ALLOW),
  ]);
}

function numbersOf(calls: Record<string, Numbers>, index: 0 | 1): number[] {
  return Object.values(calls).flatMap((numbers) => numbers[index] ?? []);
}
