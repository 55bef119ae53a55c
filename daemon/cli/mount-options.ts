/** The options of a mount, whether they come with `-o`, as flags or from fstab. */
import { usage } from "../client/failure.js";
import type { PassphraseSource } from "../client/passphrase.js";
import type { ImageOptions, MountOptions } from "../rpc/protocol.js";
import { nearest } from "./nearest.js";
import type { RawOption } from "./option-string.js";
import { parseCount, parseDescriptor, parseId, parseMode, parseSize } from "./values.js";

export interface MountSettings {
  image: ImageOptions;
  mount: MountOptions;
  passphrase: PassphraseSource;
  /** What was asked for and is not done; one sentence each. */
  warnings: string[];
}

export interface OwnOption {
  name: string;
  /** What stands behind `=`; absent for options without a value. */
  value?: string;
  choices?: readonly string[];
  help: string;
  set(settings: MountSettings, value: string, name: string): void;
}

const transports = ["dev-fuse", "fuse-native"] as const;

/** In the order in which help shows them. Every one is also a flag: `--view=joliet`. */
export const ownOptions: readonly OwnOption[] = [
  {
    name: "view",
    value: "NAME",
    help: "which of several trees to show: auto, udf, rockridge, joliet, iso9660, hfs, boot, audio, or all as folders",
    set: ({ image }, value) => {
      image.view = value;
    },
  },
  {
    name: "charset",
    value: "NAME",
    help: "how names are encoded where the image does not say: shift_jis, gbk, cp437, macroman",
    set: ({ image }, value) => {
      image.charset = value;
    },
  },
  {
    name: "session",
    value: "N",
    help: "a session of a multi-session disc, from 1; the last by default",
    set: ({ image }, value, name) => {
      image.session = parseCount(name, value);
    },
  },
  {
    name: "partition",
    value: "N",
    help: "one partition instead of all as folders",
    set: ({ image }, value) => {
      image.partition = value;
    },
  },
  {
    name: "offset",
    value: "BYTES",
    help: "where in the file the image begins; K, M and G are understood",
    set: ({ image }, value, name) => {
      image.offset = parseSize(name, value);
    },
  },
  {
    name: "sizelimit",
    value: "BYTES",
    help: "how much of the file counts",
    set: ({ image }, value, name) => {
      image.sizelimit = parseSize(name, value);
    },
  },
  {
    name: "uid",
    value: "ID",
    help: "owner of everything",
    set: ({ mount }, value, name) => {
      mount.uid = parseId(name, value);
    },
  },
  {
    name: "gid",
    value: "ID",
    help: "group of everything",
    set: ({ mount }, value, name) => {
      mount.gid = parseId(name, value);
    },
  },
  {
    name: "mode",
    value: "OCTAL",
    help: "permission bits of files",
    set: ({ mount }, value, name) => {
      mount.mode = parseMode(name, value);
    },
  },
  {
    name: "dmode",
    value: "OCTAL",
    help: "permission bits of folders",
    set: ({ mount }, value, name) => {
      mount.dmode = parseMode(name, value);
    },
  },
  {
    name: "private",
    help: "only you see the mount, and all of it; the default unless you are root",
    set: ({ mount }) => {
      mount.private = true;
    },
  },
  {
    name: "allow_other",
    help: "everybody sees the mount, as far as permission bits allow; root's default",
    set: ({ mount }) => {
      mount.private = false;
    },
  },
  {
    name: "noexec",
    help: "programs in the image cannot be run",
    set: ({ mount }) => {
      mount.noexec = true;
    },
  },
  {
    name: "fsname",
    value: "TEXT",
    help: "shown by df and in /proc/mounts instead of the image's path",
    set: ({ mount }, value) => {
      mount.fsname = value;
    },
  },
  {
    name: "idle-timeout",
    value: "SECONDS",
    help: "unmount when nobody has used it for that long",
    set: ({ mount }, value, name) => {
      mount.idleTimeout = value === "0" ? 0 : parseCount(name, value);
    },
  },
  {
    name: "sleep-timeout",
    value: "SECONDS",
    help: "end the server after that long without requests (default 600, 0 for never); the next request starts another",
    set: ({ mount }, value, name) => {
      mount.sleepTimeout = value === "0" ? 0 : parseCount(name, value);
    },
  },
  {
    name: "transport",
    value: "NAME",
    choices: transports,
    help: "how the kernel is spoken to: dev-fuse (the default) or fuse-native",
    set: ({ mount }, value, name) => {
      mount.transport = oneOf(transports, name, value);
    },
  },
  {
    name: "sandbox",
    help: "run the server in bubblewrap, which is the default where bubblewrap is installed",
    set: ({ mount }) => {
      mount.sandbox = true;
    },
  },
  {
    name: "nosandbox",
    help: "run the server without bubblewrap",
    set: ({ mount }) => {
      mount.sandbox = false;
    },
  },
  {
    name: "passphrase-file",
    value: "FILE",
    help: "a file with the passphrase of an encrypted image",
    set: ({ passphrase }, value) => {
      passphrase.file = value;
    },
  },
  {
    name: "passphrase-fd",
    value: "N",
    help: "an open file descriptor to read the passphrase from",
    set: ({ passphrase }, value, name) => {
      passphrase.descriptor = parseDescriptor(name, value);
    },
  },
  {
    name: "passphrase-command",
    value: "COMMAND",
    help: "a shell command that prints the passphrase",
    set: ({ passphrase }, value) => {
      passphrase.command = value;
    },
  },
];

const byName = new Map(ownOptions.map((option) => [option.name, option]));

/** What mount(8), fstab and systemd say to themselves or to any filesystem, and what always holds. */
const ignored = new Set(
  (
    "ro defaults nofail _netdev auto noauto user nouser users owner group suid nosuid dev nodev " +
    "sync async dirsync atime noatime relatime norelatime strictatime nostrictatime diratime " +
    "nodiratime lazytime nolazytime iversion noiversion mand nomand silent loud loop " +
    "default_permissions comment uhelper helper"
  ).split(" "),
);

const READ_ONLY = "images are mounted read-only: 'rw' is ignored";

/**
 * Throws a usage Failure for what is unknown, incomplete or contradictory; with `sloppy` (mount -s)
 * what is unknown is passed over.
 */
export function parseOptions(options: readonly RawOption[], sloppy = false): MountSettings {
  const settings: MountSettings = { image: {}, mount: {}, passphrase: {}, warnings: [] };
  for (const { name, value } of options) {
    const own = byName.get(name);
    if (own !== undefined) apply(own, value, settings);
    else if (name === "rw") settings.warnings.push(READ_ONLY);
    // After `user`, which implies `noexec`, too.
    else if (name === "exec") delete settings.mount.noexec;
    else if (!sloppy && !ignored.has(name) && !/^x-/i.test(name)) throw unknown(name);
  }
  if (Object.keys(settings.passphrase).length > 1) {
    throw usage("the passphrase has more than one source: give one of the passphrase options");
  }
  return settings;
}

function apply(option: OwnOption, value: string | undefined, settings: MountSettings): void {
  const { name } = option;
  if (option.value === undefined) {
    if (value !== undefined) throw usage(`option '${name}' takes no value`);
    option.set(settings, "", name);
  } else {
    if (value === undefined || value === "")
      throw usage(`option '${name}' needs a value: ${name}=${option.value}`);
    option.set(settings, value, name);
  }
}

function unknown(name: string): Error {
  const meant = nearest(name, [...byName.keys()]);
  return usage(
    `unknown option '${name}'`,
    meant === undefined ? "'isomount --help' lists them" : `did you mean '${meant}'?`,
  );
}

function oneOf<T extends string>(choices: readonly T[], name: string, value: string): T {
  const choice = choices.find((candidate) => candidate === value);
  if (choice === undefined) throw usage(`${name}=${value} is none of ${choices.join(", ")}`);
  return choice;
}
