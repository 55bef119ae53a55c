/** Starts the fake supervisor, and the command or the client against it. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { afterAll, afterEach, beforeAll, vi } from "vitest";
import { main } from "../../../daemon/cli/main.js";
import { controlSocket } from "../../../daemon/rpc/runtime-folder.js";
import type { LoggedRequest, ScriptedAnswer } from "./fake-supervisor.js";

const here = resolve(fileURLToPath(import.meta.url), "..");
const project = resolve(here, "../../..");

/** Built once for a test file: a process that compiles itself takes a second to start. */
const fakeSupervisor = join(project, `.work/fake-supervisor-${process.pid}.mjs`);

beforeAll(() =>
  build({
    entryPoints: [join(here, "fake-supervisor.ts")],
    outfile: fakeSupervisor,
    bundle: true,
    platform: "node",
    format: "esm",
    external: ["koffi"],
  }),
);
afterAll(() => rmSync(fakeSupervisor, { force: true }));

export interface Outcome {
  status: number | null;
  stdout: string;
  stderr: string;
}

/** A scratch folder with a runtime folder in it, and perhaps somebody who listens there. */
export class Stage {
  readonly folder = mkdtempSync(join(tmpdir(), "isomount-cli-"));
  readonly runtime = join(this.folder, "run");
  private readonly logFile = join(this.folder, "requests.log");
  private supervisor: ChildProcess | undefined;

  constructor() {
    mkdirSync(this.runtime, { mode: 0o700 });
  }

  get socket(): string {
    return controlSocket(this.runtime);
  }

  async listen(script: Record<string, ScriptedAnswer[]>): Promise<void> {
    const scriptFile = join(this.folder, "script.json");
    writeFileSync(scriptFile, JSON.stringify(script));
    const child = spawn(process.execPath, [fakeSupervisor, this.socket, scriptFile, this.logFile], {
      cwd: project,
      stdio: ["ignore", "pipe", "inherit"],
    });
    this.supervisor = child;
    await new Promise<void>((ready, fail) => {
      child.stdout!.once("data", () => ready());
      child.once("exit", () => fail(new Error("the fake supervisor ended")));
    });
  }

  requests(): LoggedRequest[] {
    if (!existsSync(this.logFile)) return [];
    const lines = readFileSync(this.logFile, "utf8").trim().split("\n");
    return lines.map((line) => JSON.parse(line) as LoggedRequest);
  }

  file(name: string, content: string | Uint8Array = "image"): string {
    const path = join(this.folder, name);
    mkdirSync(resolve(path, ".."), { recursive: true });
    writeFileSync(path, content);
    return path;
  }

  newFolder(name: string): string {
    const path = join(this.folder, name);
    mkdirSync(path);
    return path;
  }

  /** Runs the built command to its end. */
  run(program: "isomount" | "mount.isomount", ...parameters: string[]): Outcome {
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [join(project, `dist/${program}.js`), ...parameters],
      {
        cwd: project,
        env: { ...process.env, ISOMOUNT_RUNTIME_DIR: this.runtime, HOME: this.folder },
        encoding: "utf8",
        input: "",
        timeout: 30_000,
      },
    );
    return { status, stdout, stderr };
  }

  /** Runs the command in this process: quicker, for what asks no daemon. */
  async runHere(...parameters: string[]): Promise<Outcome> {
    let [stdout, stderr] = ["", ""];
    vi.stubEnv("ISOMOUNT_RUNTIME_DIR", this.runtime);
    const note = (add: (text: string) => void) => (text: unknown) => {
      add(String(text));
      return true;
    };
    const spies = [
      vi.spyOn(process.stdout, "write").mockImplementation(
        note((text) => {
          stdout += text;
        }),
      ),
      vi.spyOn(process.stderr, "write").mockImplementation(
        note((text) => {
          stderr += text;
        }),
      ),
      // yargs prints help by this.
      vi.spyOn(console, "log").mockImplementation((text) => {
        stdout += `${text}\n`;
      }),
    ];
    try {
      return { status: await main(parameters), stdout, stderr };
    } finally {
      for (const spy of spies) spy.mockRestore();
      vi.unstubAllEnvs();
    }
  }

  end(): void {
    this.supervisor?.kill("SIGKILL");
    rmSync(this.folder, { recursive: true, force: true });
  }
}

const stages: Stage[] = [];

/** Gone after the test. */
export function newStage(): Stage {
  const stage = new Stage();
  stages.push(stage);
  return stage;
}

afterEach(() => {
  for (const stage of stages.splice(0)) stage.end();
});
