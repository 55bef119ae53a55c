/** What the image side may ask for while it opens: answered by the client, through the supervisor. */
import { fstatSync, readSync } from "node:fs";
import type { MakeChunkStore } from "../../image-core/cache/chunk-cache.js";
import { ImageError } from "../../image-core/errors.js";
import type { OpenContext } from "../../image-core/format.js";
import { FileSource } from "../../image-core/source/file-source.js";
import type { Need } from "../rpc/protocol.js";
import type { ServerConfig } from "./messages.js";
import type { Answer } from "./thread-messages.js";

/** `ask` blocks: openers are synchronous, and there is nothing else to do meanwhile. */
export function openContext(
  config: ServerConfig,
  ask: (need: Need) => Answer,
  chunkStore?: MakeChunkStore,
): OpenContext {
  return {
    chunkStore,
    options: config.options,
    name: config.name,
    owner: config.owner,
    sectorSize: 512,
    localOffset,
    neighbour(path) {
      const { fd, error } = ask({ kind: "neighbour", path });
      if (fd === undefined) {
        throw error === undefined
          ? // A descriptor that a process has no room for is dropped on the way.
            new ImageError("limit", "image", `${path}: too many files are open (see LimitNOFILE)`)
          : new ImageError("missing-neighbour", "image", `${path}: ${error}`);
      }
      return new FileSource(fd);
    },
    neighbourNames(folder = "") {
      const { fd, error } = ask({ kind: "names", folder });
      if (fd === undefined) {
        throw new ImageError("missing-neighbour", "image", `${folder || "folder"}: ${error}`);
      }
      return JSON.parse(Buffer.from(contents(fd)).toString()) as string[];
    },
    passphrase() {
      const { fd, error } = ask({ kind: "passphrase" });
      if (fd === undefined) {
        throw new ImageError("encrypted", "image", error ?? "needs a passphrase");
      }
      return contents(fd);
    },
  };
}

/** Of a memfd. Left open: a later supervisor is given it. */
function contents(fd: number): Uint8Array {
  const bytes = new Uint8Array(fstatSync(fd).size);
  readSync(fd, bytes, 0, bytes.length, 0);
  return bytes;
}

/**
 * The zone is this process's TZ, set by the supervisor to the caller's. `seconds` is a local time
 * read as if it were UTC; near a change of clocks either answer is right.
 */
function localOffset(seconds: number): number {
  const local = new Date(seconds * 1000);
  const utc = new Date(
    local.getUTCFullYear(),
    local.getUTCMonth(),
    local.getUTCDate(),
    local.getUTCHours(),
    local.getUTCMinutes(),
    local.getUTCSeconds(),
  );
  return -utc.getTimezoneOffset() * 60;
}
