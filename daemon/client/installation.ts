/** Where this installation lies. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The folder of package.json, whether the sources are run or what was built of them. */
export function packageFolder(): string {
  const up = import.meta.url.endsWith(".ts") ? "../.." : "..";
  return fileURLToPath(new URL(up, import.meta.url)).replace(/\/$/, "");
}

/** Absolute path of a built program. */
export function program(name: "isomount" | "isomountd"): string {
  return join(packageFolder(), "dist", `${name}.js`);
}
