/** The first words that are commands and not images; `./list` is an image. */
export const commandNames: ReadonlySet<string> = new Set([
  "mount",
  "umount",
  "unmount",
  "list",
  "ls",
  "info",
  "verify",
  "open",
  "daemon",
  "doctor",
  "watch",
  "desktop",
  "completion",
  "help",
]);
