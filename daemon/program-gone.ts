/** What is loaded late is not there any more. */

/** This program was replaced by another version, or taken away, while it runs. */
export function isProgramGone(error: Error): boolean {
  const { code = "" } = error as NodeJS.ErrnoException;
  return code === "MODULE_NOT_FOUND" || code === "ERR_MODULE_NOT_FOUND";
}
