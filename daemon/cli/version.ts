/** The version in package.json, which lies above the built and the unbuilt program alike. */
import { readFileSync } from "node:fs";

export function version(): string {
  const depth = import.meta.url.endsWith(".ts") ? "../.." : "..";
  const description = readFileSync(new URL(`${depth}/package.json`, import.meta.url), "utf8");
  return (JSON.parse(description) as { version: string }).version;
}
