/** Acting as somebody else, where the tests run as root. */

export interface Credentials {
  uid: number;
  gid: number;
  groups: number[];
}

/** Until `act` returns; what it opens, connections above all, stays theirs. */
export function as<T>({ uid, gid, groups }: Credentials, act: () => T): T {
  const before = process.getgroups!();
  process.setgroups!(groups);
  process.setegid!(gid);
  process.seteuid!(uid);
  try {
    return act();
  } finally {
    process.seteuid!(0);
    process.setegid!(0);
    process.setgroups!(before);
  }
}

/** A command line that runs the rest as they would. */
export function setpriv({ uid, gid, groups }: Credentials): string[] {
  const supplementary = groups.length > 0 ? `--groups=${groups.join(",")}` : "--clear-groups";
  return ["setpriv", `--reuid=${uid}`, `--regid=${gid}`, supplementary, "--"];
}
