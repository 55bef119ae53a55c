/** What a suite measures with: contenders in turns, rows of ratios, facts. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Contender } from "./contenders.js";
import { median } from "./measure.js";
import type { Fact, Row, Section } from "./report.js";

export interface Suite {
  /** As `npm run bench -- NAME` has it. */
  name: string;
  title: string;
  run(bench: Bench): Promise<void>;
}

/** One side of a comparison. */
export interface Entrant {
  name: string;
  /** Measures once. */
  take(): Promise<number>;
}

export interface Quantity {
  format(value: number): string;
  better: "more" | "less";
}

export const megabytesPerSecond: Quantity = {
  format: (value) => `${value.toFixed(0)} MB/s`,
  better: "more",
};
export const readsPerSecond: Quantity = {
  format: (value) => `${value.toFixed(0)}/s`,
  better: "more",
};
export const duration: Quantity = { format: (value) => `${value.toFixed(2)} s`, better: "less" };

export function say(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
  else process.stderr.write(`${text}\n`);
}

/** What a program that could not be run to its end has to say for itself. */
export function reasonOf(error: unknown): string {
  const { code, path, stderr, message } = error as NodeJS.ErrnoException & { stderr?: Buffer };
  if (code === "ENOENT" && path !== undefined) return `${path} is not installed`;
  const said = stderr?.toString().trim();
  return (said || message).replace(/\s+/g, " ");
}

export class Bench {
  private readonly rows: Row[] = [];
  private readonly facts: Fact[] = [];
  private readonly reasons: string[] = [];

  constructor(
    /** Where images are kept from run to run. */
    readonly folder: string,
    readonly rounds: number,
  ) {}

  /**
   * Measures each in turn, `rounds` times, so that what disturbs the machine disturbs all alike, and
   * compares the medians of the first, which is isomount, with the others'. `goals`: ratios by name.
   */
  async compare(
    what: string,
    quantity: Quantity,
    entrants: readonly Entrant[],
    goals: Readonly<Record<string, number>> = {},
  ): Promise<void> {
    say(what);
    const values: number[][] = entrants.map(() => []);
    for (let round = 0; round < this.rounds; round++) {
      for (const [index, entrant] of entrants.entries()) values[index].push(await entrant.take());
    }
    const [own, ...others] = values.map(median);
    others.forEach((other, index) => {
      const { name } = entrants[index + 1];
      const ratio = quantity.better === "more" ? own / other : other / own;
      const measured = quantity.format(own);
      this.rows.push({ what, measured, against: name, ratio, goal: goals[name] });
    });
  }

  fact(what: string, measured: string, goal: string, reached: boolean): void {
    this.facts.push({ what, measured, goal, reached });
  }

  leftOut(reason: string): void {
    const short = reason.replaceAll(`${this.folder}/`, "");
    say(`left out: ${short}\n`);
    this.reasons.push(short);
  }

  mountpoint(contender: Contender): string {
    const path = join(this.folder, `mnt-${contender.name.replace(/\W+/g, "-")}`);
    mkdirSync(path, { recursive: true });
    return path;
  }

  /** A contender on an image, mounted anew each time: nothing is in the mount's caches. */
  mounted(contender: Contender, image: string, measure: (mountpoint: string) => number): Entrant {
    return {
      name: contender.name,
      take: () => this.whileMounted(contender, image, measure),
    };
  }

  async whileMounted<T>(
    contender: Contender,
    image: string,
    action: (mountpoint: string) => T,
  ): Promise<T> {
    const mountpoint = this.mountpoint(contender);
    await contender.mount(image, mountpoint);
    try {
      return action(mountpoint);
    } finally {
      contender.unmount(mountpoint);
    }
  }

  /**
   * Those that can mount the image here; the others are left out with what they said. Empty if the
   * first, which is isomount, cannot or nobody else can.
   */
  async able(contenders: readonly Contender[], image: string): Promise<Contender[]> {
    const able: Contender[] = [];
    for (const contender of contenders) {
      try {
        await this.whileMounted(contender, image, () => undefined);
        able.push(contender);
      } catch (error) {
        this.leftOut(`${contender.name}: ${reasonOf(error)}`);
        if (able.length === 0) return [];
      }
    }
    return able.length > 1 ? able : [];
  }

  section(title: string, loadBefore: number): Section {
    const { rounds, rows, facts, reasons } = this;
    return { title, rounds, loadBefore, rows, facts, leftOut: reasons };
  }
}
