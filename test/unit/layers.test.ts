/** Imports run one way: daemon > fs-adapter > image-core, and within that towards the bytes. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const project = resolve(dirname(fileURLToPath(import.meta.url)), "../..");

/** A folder may import from those of its own rank and from lower ones. The longest prefix counts. */
const ranks: Record<string, number> = {
  daemon: 7,
  "fs-adapter": 6,
  // What puts the layers together: registry, probing, opening.
  "image-core": 5,
  "image-core/filesystem": 4,
  "image-core/partition": 3,
  "image-core/container": 2,
  "image-core/codec": 1,
  // Each of the two stands on the other: sources that decode keep what they decoded.
  "image-core/cache": 0,
  "image-core/source": 0,
  "image-core/text": 0,
  "image-core/errors.ts": 0,
  // Types alone: what the layers hand each other. They name `Volume`, the topmost.
  "image-core/format.ts": 0,
};

/** `image-core/format.ts` names these; nothing is loaded by that. */
const typesOnly = new Set(["image-core/filesystem/volume.ts"]);

function rank(file: string): number {
  for (let prefix = file; prefix !== "."; prefix = dirname(prefix)) {
    if (prefix in ranks) return ranks[prefix];
  }
  throw new Error(`${file} belongs to no layer`);
}

interface Import {
  specifier: string;
  typeOnly: boolean;
}

/** Static and dynamic imports and re-exports, comments left out. */
function importsOf(source: string): Import[] {
  const code = source.replace(/\/\*[\s\S]*?\*\/|(?<=^|[^:"'`])\/\/.*$/gm, "");
  const found: Import[] = [];
  const statement =
    /\b(?:import|export)\b(\s+type\b)?(?:[\s\w*{},$]+\bfrom\b)?\s*\(?\s*["']([^"'\n]+)["']/g;
  for (const [, typeOnly, specifier] of code.matchAll(statement)) {
    found.push({ specifier, typeOnly: typeOnly !== undefined });
  }
  return found;
}

/** What breaks the rule in one file; `file` is relative to the project. */
function violations(file: string, source: string): string[] {
  const wrong: string[] = [];
  for (const { specifier, typeOnly } of importsOf(source)) {
    if (!specifier.startsWith(".")) continue;
    const target = join(dirname(file), specifier).replace(/\.js$/, ".ts");
    if (typeOnly && typesOnly.has(target)) continue;
    if (rank(target) > rank(file)) wrong.push(`${file} imports ${target}`);
  }
  return wrong;
}

function sourcesBelow(folder: string): string[] {
  return readdirSync(join(project, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
    .map((entry) => relative(project, join(entry.parentPath, entry.name)));
}

describe("layers", () => {
  const files = ["daemon", "fs-adapter", "image-core"].flatMap(sourcesBelow);

  it("finds the sources and what they import", () => {
    expect(files.length).toBeGreaterThan(50);
    const imports = files.flatMap((file) => importsOf(readFileSync(join(project, file), "utf8")));
    expect(imports.length).toBeGreaterThan(files.length);
  });

  it("import one way only", () => {
    const wrong = files.flatMap((file) =>
      violations(file, readFileSync(join(project, file), "utf8")),
    );
    expect(wrong).toEqual([]);
  });

  it.each([
    ["fs-adapter/mounting/mount.ts", 'import { version } from "../../daemon/version.js";'],
    ["image-core/probe.ts", 'import { mountFuse } from "../fs-adapter/mounting/mount.js";'],
    ["image-core/container/udif/udif.ts", 'export * from "../../partition/mbr/format.js";'],
    ["image-core/container/udif/udif.ts", 'const x = await import("../../filesystem/fat/fat.js");'],
    ["image-core/partition/mbr/mbr.ts", 'import "../../filesystem/fat/fat.js";'],
    ["image-core/source/slice-source.ts", 'import {\n  a,\n  type B,\n} from "../codec/zlib.js";'],
    ["image-core/codec/zlib.ts", 'import type { Medium } from "../container/medium.js";'],
    ["image-core/container/x.ts", 'import { ROOT_NODE } from "../filesystem/volume.js";'],
  ])("does not let %s say %s", (file, source) => {
    expect(violations(file, source)).toHaveLength(1);
  });

  it.each([
    ["daemon/cli/isomount.ts", 'import { at } from "../../image-core/errors.js";'],
    ["image-core/format.ts", 'import type { Volume } from "./filesystem/volume.js";'],
    ["image-core/source/a.ts", '// import "../filesystem/fat/fat.js"\n/* from "../codec/z.js" */'],
  ])("lets %s say %s", (file, source) => {
    expect(violations(file, source)).toEqual([]);
  });
});
