/** The flags of the command line that are not options of a mount. */

export interface Flag {
  name: string;
  alias?: string;
  help: string;
}

export const json: Flag = { name: "json", help: "print JSON, errors (on standard error) too" };

/** Of every command that asks a daemon. */
export const systemFlag: Flag = {
  name: "system",
  help: "ask the system's daemon, which serves the members of a group",
};

export const mountFlags: readonly Flag[] = [
  { name: "foreground", alias: "f", help: "stay until it is unmounted; Ctrl-C unmounts" },
  { name: "verbose", alias: "v", help: "tell what was mounted, and every warning" },
  json,
];

export const umountFlags: readonly Flag[] = [
  { name: "all", alias: "a", help: "unmount everything that this user mounted" },
  {
    name: "lazy",
    alias: "l",
    help: "detach at once, even while in use; it ends with the last use",
  },
  json,
];

export const openFlags: readonly Flag[] = [
  { name: "unmount", alias: "u", help: "unmount the image instead" },
];

export const desktopFlags: readonly Flag[] = [
  { name: "user", help: "for this user only; for root, who else installs for everybody" },
];

export const daemonFlags: readonly Flag[] = [
  { name: "user", help: "install and uninstall: for this user's systemd, not the system's" },
  json,
];

export const watchFlags: readonly Flag[] = [
  { name: "keep", help: "leave what was mounted mounted at the end" },
];

export const listFlags: readonly Flag[] = [
  { name: "quiet", alias: "q", help: "print the mountpoints only, one a line" },
  json,
];
