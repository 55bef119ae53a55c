/** The filter's programs, run by a machine of our own over calls of both architectures. */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, constants as files, readFileSync } from "node:fs";
import { constants } from "node:os";
import { describe, expect, it } from "vitest";
import {
  type Architecture,
  earlyFilter,
  serverFilter,
} from "../../../fs-adapter/seccomp/filter.js";
import { allowed, deadly, type Numbers, testedCalls } from "../../../fs-adapter/seccomp/rules.js";
import { runFilter } from "../../support/bpf-machine.js";

const ALLOW = 0x7fff0000;
const KILL = 0x80000000;
const ERRNO = 0x50000;
const { EACCES, EINVAL, ENOSYS, ENOTTY, EPERM } = constants.errno;
const PID = 4711;

const architectures: [Architecture, number, 0 | 1][] = [
  ["x64", 0xc000003e, 0],
  ["arm64", 0xc00000b7, 1],
];
const I386 = 0x40000003;

const numbersOf: Record<string, Numbers> = {
  ...allowed,
  ...deadly,
  ...Object.fromEntries(
    Object.entries(testedCalls(PID)).map(([name, call]) => [name, call.numbers]),
  ),
};

describe.each(architectures)("on %s", (architecture, arch, index) => {
  const filter = serverFilter(architecture, PID);
  const verdict = (nr: number, ...args: bigint[]) => runFilter(filter, { arch, nr, args });
  const call = (name: string, ...args: bigint[]) => {
    const nr = numbersOf[name]?.[index];
    if (nr === undefined) throw new Error(`no number of ${name}`);
    return verdict(nr, ...args);
  };
  const here = (calls: Record<string, Numbers>) =>
    Object.entries(calls).flatMap(([name, numbers]) =>
      numbers[index] === undefined ? [] : [[name, numbers[index]] as [string, number]],
    );

  it("answers each call as the rules have it, and every other number with ENOSYS", () => {
    const known = new Map<number, number>();
    for (const [, nr] of here(allowed)) known.set(nr, ALLOW);
    for (const [, nr] of here(deadly)) known.set(nr, KILL);
    const tested = new Set(
      Object.values(testedCalls(PID)).flatMap(({ numbers }) => numbers[index] ?? []),
    );
    for (const nr of tested) expect(known.has(nr)).toBe(false);
    expect(known.size).toBe(here(allowed).length + here(deadly).length);
    for (let nr = 0; nr < 1000; nr++) {
      if (!tested.has(nr)) expect([nr, verdict(nr)]).toEqual([nr, known.get(nr) ?? ERRNO | ENOSYS]);
    }
    expect(verdict(-1)).toBe(ERRNO | ENOSYS);
  });

  it("has nothing done by numbers of another architecture, nor of x32", () => {
    for (const [, nr] of here(allowed)) {
      expect(runFilter(filter, { arch: I386, nr })).toBe(KILL);
      expect(verdict(nr | 0x40000000)).toBe(ERRNO | ENOSYS);
    }
  });

  it("lets files be opened for reading alone", () => {
    const { O_RDONLY, O_WRONLY, O_RDWR, O_CREAT, O_TRUNC, O_DIRECTORY } = files;
    const O_CLOEXEC = 0o2000000;
    const O_TMPFILE = 0o20000000;
    const open = (flags: number) => call("openat", -100n, 0n, BigInt(flags));
    for (const flags of [O_RDONLY, O_CLOEXEC, O_DIRECTORY | O_CLOEXEC]) {
      expect([flags, open(flags)]).toEqual([flags, ALLOW]);
    }
    for (const flags of [O_WRONLY, O_RDWR, 3, O_CREAT, O_TRUNC, O_TMPFILE, O_WRONLY | O_CREAT]) {
      expect([flags, open(flags)]).toEqual([flags, ERRNO | EACCES]);
    }
    if (architecture === "x64") {
      expect(call("open", 0n, BigInt(O_CLOEXEC))).toBe(ALLOW);
      expect(call("open", 0n, BigInt(O_RDWR))).toBe(ERRNO | EACCES);
    }
  });

  it("lets threads be started, and no processes nor namespaces", () => {
    // As glibc and musl start a thread; and as they fork.
    for (const flags of [0x3d0f00n, 0x7d0f00n]) expect(call("clone", flags)).toBe(ALLOW);
    for (const flags of [17n, 0x1200011n, 0x4111n]) expect(call("clone", flags)).toBe(KILL);
    for (const bit of [12n, 13n, 14n, 17n, 25n, 26n, 27n, 28n, 29n, 30n]) {
      expect([bit, call("clone", 0x3d0f00n | (1n << bit))]).toEqual([bit, KILL]);
    }
    // clone3 and openat2 hide their flags; libc falls back.
    for (const nr of [435, 437]) expect(verdict(nr)).toBe(ERRNO | ENOSYS);
  });

  it("lets signals be sent to itself alone", () => {
    for (const name of ["kill", "tgkill"]) {
      expect(call(name, BigInt(PID), 6n)).toBe(ALLOW);
      for (const other of [0n, 1n, -1n, BigInt(-PID), BigInt(PID + 1)]) {
        expect([name, other, call(name, other, 6n)]).toEqual([name, other, KILL]);
      }
    }
  });

  it("lets limits be asked for and set of itself alone", () => {
    expect(call("prlimit64", 0n, 3n)).toBe(ALLOW);
    expect(call("prlimit64", BigInt(PID), 3n)).toBe(ALLOW);
    expect(call("prlimit64", 1n, 3n)).toBe(ERRNO | EPERM);
  });

  it("lets threads wait for each other, but not by priority", () => {
    const PRIVATE = 128n;
    for (const operation of [0n, 1n, 3n, 4n, 5n, 9n, 10n]) {
      for (const flags of [0n, PRIVATE, PRIVATE | 256n]) {
        expect(call("futex", 0n, operation | flags)).toBe(ALLOW);
      }
    }
    for (const operation of [2n, 6n, 7n, 8n, 11n, 12n, 13n, 14n]) {
      expect(call("futex", 0n, operation | PRIVATE)).toBe(ERRNO | ENOSYS);
    }
  });

  it.each([
    ["fcntl", 1, [0n, 1n, 2n, 3n, 4n, 1030n, 1031n], [5n, 6n, 8n, 10n, 1024n, 1026n, 1033n], EPERM],
    ["ioctl", 1, [0x5421n, 0x5451n], [0x5401n, 0x5412n, 0x541cn, 0xe500n, 0x4c00n], ENOTTY],
    ["prctl", 0, [15n, 16n, 0x53564d41n], [1n, 4n, 8n, 22n, 23n, 24n, 35n, 38n, 47n], EINVAL],
  ] as const)("lets %s do what libuv and libc do with it", (name, place, fine, others, errno) => {
    const by = (value: bigint) => call(name, ...(place === 0 ? [value] : [5n, value]));
    for (const value of fine) expect([value, by(value)]).toEqual([value, ALLOW]);
    for (const value of others) expect([value, by(value)]).toEqual([value, ERRNO | errno]);
    // The kernel looks at 32 bits: so does the filter.
    expect(by(fine[0] | (1n << 40n))).toBe(ALLOW);
    expect(by(others[0] | (1n << 40n))).toBe(ERRNO | errno);
  });

  it("has Node start without io_uring, and with all else", () => {
    const early = earlyFilter(architecture);
    expect(runFilter(early, { arch, nr: 425 })).toBe(ERRNO | ENOSYS);
    for (let nr = 0; nr < 1000; nr++) {
      if (nr !== 425) expect(runFilter(early, { arch, nr })).toBe(ALLOW);
    }
    expect(runFilter(early, { arch: I386, nr: 425 })).toBe(KILL);
  });
});

describe("the numbers are the kernel's", () => {
  // Numbers that these headers define for all 64-bit machines behind conditions of their own.
  const prelude = [
    "#define __ARCH_WANT_RENAMEAT",
    "#define __ARCH_WANT_NEW_STAT",
    "#define __ARCH_WANT_SET_GET_RLIMIT",
    "#define __ARCH_WANT_SYS_CLONE3",
    "#define __ARCH_WANT_MEMFD_SECRET",
  ];
  const headers: [string, string, 0 | 1][] = [
    ["x86_64", "/usr/include/x86_64-linux-gnu/asm/unistd_64.h", 0],
    ["aarch64", "/usr/include/asm-generic/unistd.h", 1],
  ];

  it.each(headers)("of %s (%s)", (_, header, index) => {
    if (!existsSync(header) || spawnSync("gcc", ["--version"]).status !== 0) {
      console.log(`skipped: no gcc, or no ${header} (linux-libc-dev)`);
      return;
    }
    const text = index === 0 ? readFileSync(header, "utf8") : expanded(prelude, header);
    const theirs = new Map(
      [...text.matchAll(/^#define (__NR\w+)\s+(\w+)$/gm)].map(([, name, value]) => [name, value]),
    );
    const number = (name: string): number | undefined => {
      const value = theirs.get(name);
      if (value === undefined) return undefined;
      return /^\d/.test(value) ? Number(value) : number(value);
    };
    for (const [name, numbers] of Object.entries(numbersOf)) {
      const known = number(`__NR_${name}`);
      // Newer than these headers.
      if (known === undefined && numbers[index] !== undefined && numbers[index] > NEWEST) continue;
      if (name === "uretprobe") continue;
      expect([name, numbers[index]]).toEqual([name, known]);
    }
  });

  /** Every header on the way has those that came before Linux 6.1. */
  const NEWEST = 450;

  function expanded(lines: string[], header: string): string {
    const input = [...lines, `#include "${header}"`, ""].join("\n");
    return execFileSync("gcc", ["-E", "-dM", "-"], { input, encoding: "utf8" });
  }
});
