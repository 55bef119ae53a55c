/**
 * How a server is started: in bubblewrap where it is there, with nothing but its descriptors, the
 * runtime and our own code, read-only, and no /proc (through /proc/self/fd a read-only descriptor
 * can be opened again for writing).
 */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, realpathSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { isAddressSpaceLimited } from "./address-space.js";

/** `nobody`: owns nothing, on every distribution. */
const UNPRIVILEGED_ID = 65534;

export interface SandboxPlan {
  program: string;
  /** Before the server's own arguments. */
  parameters: string[];
  uid?: number;
  gid?: number;
  sandboxed: boolean;
  /** bubblewrap is to find this at FILTER_FD. */
  filter?: Buffer;
}

/** The descriptor on which bubblewrap tells the server's real process id. */
const INFO_FD = 4;
/** Where bubblewrap reads what filter Node is to be started behind. */
const FILTER_FD = 5;

const serverFile = fileURLToPath(new URL("./server.js", import.meta.url));

/** Changes when an upgrade replaces the program: a server that runs can load no more of it then. */
export function programIdentity(): string {
  const stat = statSync(serverFile, { throwIfNoEntry: false });
  return `${stat?.dev}:${stat?.ino}:${stat?.mtimeMs}`;
}

/** The folders of code that a server loads: our own and koffi's, which holds the native part. */
function codeFolders(): string[] {
  const require = createRequire(import.meta.url);
  const koffi = dirname(require.resolve("koffi"));
  const folders = [dirname(serverFile), koffi];
  const native = join(dirname(koffi), "@koromix");
  if (existsSync(native)) folders.push(native);
  return folders.map((folder) => realpathSync(folder));
}

/**
 * Runtime flags: a server's heap is small by design, so is the room that V8 keeps for the young; and
 * without /proc V8 cannot map its built-in code near ours, it would copy 1.6 MiB for each thread.
 */
const NODE_FLAGS = [
  "--max-semi-space-size=1",
  "--no-short-builtin-calls",
  "--no-warnings",
  // V8 reserves 10 GiB of addresses for each WebAssembly memory, or checks bounds, a tenth slower.
  ...(isAddressSpaceLimited() ? ["--disable-wasm-trap-handler"] : []),
];

function unsandboxed(file = serverFile): SandboxPlan {
  return { program: process.execPath, parameters: [...NODE_FLAGS, file], sandboxed: false };
}

/** The server that mounts by itself: libfuse needs files, a mountpoint and fusermount. */
export const nativePlan = unsandboxed(
  fileURLToPath(new URL("./native-server.js", import.meta.url)),
);

function bubblewrap(options: { disableUserns: boolean; drop: boolean }): SandboxPlan {
  const bind = (path: string) => ["--ro-bind", path, path];
  const system = ["/usr", "/lib", "/lib64", "/lib32"].filter((path) => existsSync(path));
  const ids = options.drop ? { uid: UNPRIVILEGED_ID, gid: UNPRIVILEGED_ID } : {};
  return {
    program: "bwrap",
    parameters: [
      "--unshare-all",
      "--unshare-user",
      ...(options.disableUserns ? ["--disable-userns"] : []),
      ...["--uid", String(UNPRIVILEGED_ID), "--gid", String(UNPRIVILEGED_ID)],
      "--cap-drop",
      "ALL",
      "--new-session",
      "--as-pid-1",
      ...["--info-fd", String(INFO_FD)],
      ...system.flatMap(bind),
      ...bind(process.execPath),
      ...codeFolders().flatMap(bind),
      // bubblewrap's root is a tmpfs: writable, it would be memory without limit.
      ...["--remount-ro", "/"],
      ...["--chdir", "/"],
      "--",
      process.execPath,
      ...NODE_FLAGS,
      serverFile,
    ],
    ...ids,
    sandboxed: true,
  };
}

/** Why servers of this daemon run without a sandbox, if they do. */
export interface Sandbox {
  plan: SandboxPlan;
  plain: SandboxPlan;
  missing?: string;
}

/**
 * Finds out once, by trying, what this machine permits: bubblewrap may be absent, older than
 * `--disable-userns`, or forbidden to make namespaces; and root's code may lie where nobody else
 * can read it. `filter`: what Node is to be started behind.
 */
export function findSandbox(filter?: Buffer): Sandbox {
  const plain = unsandboxed();
  try {
    execFileSync("bwrap", ["--version"], { stdio: "ignore" });
  } catch {
    return {
      plan: plain,
      plain,
      missing: "bubblewrap is not installed: images are read without a sandbox",
    };
  }
  const root = process.geteuid?.() === 0;
  for (const drop of root ? [true, false] : [false]) {
    for (const disableUserns of [true, false]) {
      const plan = bubblewrap({ disableUserns, drop });
      if (works(plan)) return { plan: behind(filter, plan), plain };
    }
  }
  return {
    plan: plain,
    plain,
    missing: "bubblewrap may not make namespaces here: images are read without a sandbox",
  };
}

function behind(filter: Buffer | undefined, plan: SandboxPlan): SandboxPlan {
  if (filter === undefined) return plan;
  return { ...plan, filter, parameters: ["--seccomp", String(FILTER_FD), ...plan.parameters] };
}

function works(plan: SandboxPlan): boolean {
  const end = plan.parameters.indexOf(NODE_FLAGS[0]);
  const { status } = spawnSync(plan.program, [...plan.parameters.slice(0, end), "--version"], {
    // INFO_FD must be open: bubblewrap writes to it.
    stdio: ["ignore", "ignore", "ignore", "ignore", "pipe"],
    uid: plan.uid,
    gid: plan.gid,
    cwd: "/",
    timeout: 10_000,
  });
  if (status !== 0) return false;
  // `node --version` reads no file of ours: whether the dropped user may is another question.
  return plan.uid === undefined || readableBy(plan);
}

function readableBy(plan: SandboxPlan): boolean {
  const { status } = spawnSync("test", ["-r", serverFile], {
    stdio: "ignore",
    uid: plan.uid,
    gid: plan.gid,
    cwd: "/",
    timeout: 10_000,
  });
  return status === 0;
}
