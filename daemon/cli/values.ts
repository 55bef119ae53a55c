/** Reads the values of options. Each throws a usage Failure that names the option. */
import { usage } from "../client/failure.js";

/** (uid_t)-1 means "no change" to the kernel. */
const MAX_ID = 2 ** 32 - 2;

export function parseId(name: string, value: string): number {
  const id = digits(value);
  if (id === undefined || id > MAX_ID) throw usage(`${name}=${value} is not a numeric id`);
  return id;
}

export function parseCount(name: string, value: string): number {
  const count = digits(value);
  if (count === undefined || count === 0) throw usage(`${name}=${value} is not a number from 1`);
  return count;
}

export function parseDescriptor(name: string, value: string): number {
  const descriptor = digits(value);
  if (descriptor === undefined) throw usage(`${name}=${value} is not a file descriptor`);
  return descriptor;
}

/** Permission bits, octal. */
export function parseMode(name: string, value: string): number {
  if (!/^[0-7]{1,5}$/.test(value) || Number.parseInt(value, 8) > 0o7777) {
    throw usage(`${name}=${value} is not an octal mode, such as 0644`);
  }
  return Number.parseInt(value, 8);
}

const exponents: Record<string, number> = { "": 0, K: 1, M: 2, G: 3, T: 4 };

/** Bytes: `2048`, `0x800`, `4K`, `4KiB` (1024), `4KB` (1000), as losetup(8) takes them. */
export function parseSize(name: string, value: string): number {
  const match = /^(0x[0-9a-f]+|[0-9]+)([KMGT]?)(|iB|B)$/i.exec(value);
  const [, number, suffix, unit] = match ?? [];
  const base = unit?.toUpperCase() === "B" ? 1000 : 1024;
  const size = Number(number) * base ** exponents[(suffix ?? "").toUpperCase()];
  if (!Number.isSafeInteger(size)) {
    throw usage(`${name}=${value} is not a size in bytes, such as 32768, 32K or 1M`);
  }
  return size;
}

function digits(value: string): number | undefined {
  const number = /^[0-9]+$/.test(value) ? Number(value) : Number.NaN;
  return Number.isSafeInteger(number) ? number : undefined;
}
