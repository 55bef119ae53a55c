/** Where root's daemon listens for members of a group, if its configuration names one. */
import { resolve } from "node:path";

export function groupSocket(environment: NodeJS.ProcessEnv = process.env): string {
  return resolve(environment.ISOMOUNT_GROUP_SOCKET || "/run/isomountd.sock");
}
