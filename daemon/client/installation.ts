/** Where the programs of this installation lie. */
import { fileURLToPath } from "node:url";

/** Absolute path of a built program; also right when the sources are run unbuilt. */
export function program(name: "isomount" | "isomountd"): string {
  const folder = import.meta.url.endsWith(".ts") ? "../../dist" : ".";
  return fileURLToPath(new URL(`${folder}/${name}.js`, import.meta.url));
}
