/** A process that reads one mount and compares every byte, until a file called `stop` appears. */
import { spawn } from "node:child_process";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";

const script = resolve(fileURLToPath(import.meta.url), "../reader.py");

export interface ReaderResult {
  reads: number;
  bytes: number;
  listings: number;
  /** Of opening a file, eight reads and, now and then, a listing. */
  slowestMilliseconds: number;
  errors: string[];
  wrong: string[];
}

export class Reader {
  private readonly child;
  private readonly ended: Promise<number | null>;
  private output = "";

  constructor(
    source: string,
    private readonly mount: string,
    stop: string,
    seed: number,
  ) {
    // Last: where there is one slow processor, readers would leave none to the servers they wait for.
    const words = ["-n", "19", "python3", script, source, mount, stop, String(seed)];
    this.child = spawn("nice", words, {
      stdio: ["ignore", "pipe", "inherit"],
    });
    this.child.stdout.on("data", (part: Buffer) => {
      this.output += part.toString();
    });
    this.ended = new Promise((resolve, reject) => {
      this.child.on("error", reject);
      this.child.on("close", resolve);
    });
  }

  /** After `stop` is there. A read that nobody answers is an error like any other. */
  async result(milliseconds: number): Promise<ReaderResult> {
    const timer = setTimeout(() => this.child.kill("SIGKILL"), milliseconds);
    const status = await this.ended;
    clearTimeout(timer);
    if (status === 0) return JSON.parse(this.output) as ReaderResult;
    const what =
      status === null ? `waited longer than ${milliseconds / 1000} seconds` : `exit ${status}`;
    return {
      reads: 0,
      bytes: 0,
      listings: 0,
      slowestMilliseconds: milliseconds,
      errors: [`reader of ${this.mount}: ${what}`],
      wrong: [],
    };
  }
}
