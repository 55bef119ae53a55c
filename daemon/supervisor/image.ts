/** An image as the supervisor holds it: descriptors and what the client said, nothing parsed. */
import { cachedStat } from "../../fs-adapter/system/cached-stat.js";
import { closeForeign } from "../../fs-adapter/system/close-foreign.js";
import type { Need } from "../rpc/protocol.js";
import type { ServerConfig } from "../server/messages.js";
import type { FileQuota } from "./file-quota.js";

/** The client's answer to one need of the server. */
export interface Supply {
  error?: string;
  /** A neighbour, or a memfd with the passphrase or with names as JSON. Owned by the image that remembers it. */
  fd?: number;
}

export interface MetNeed {
  need: Need;
  supply: Supply;
}

/** A need of more characters than this, and an answer of more bytes in memory, counts for several. */
const CHARACTERS_A_FILE = 256;
const BYTES_A_FILE = 4096;

export class Image {
  /** Answers by need, so that a later server asks nobody. */
  private readonly supplies = new Map<string, MetNeed>();
  /** What they count for. */
  private files = 0;

  constructor(
    /** For people. */
    readonly path: string,
    readonly fd: number,
    readonly config: ServerConfig,
    readonly timeZone: string,
    readonly sandbox: boolean,
    private readonly quota: FileQuota,
    met: readonly MetNeed[] = [],
  ) {
    for (const each of met) this.keep(JSON.stringify(each.need), each);
  }

  remembered(need: Need): Supply | undefined {
    return this.supplies.get(JSON.stringify(need))?.supply;
  }

  /** Throws RequestFailure where the image is made of more than there is room for. */
  remember(need: Need, supply: Supply): void {
    const key = JSON.stringify(need);
    const met = { need, supply };
    this.quota.check(weight(key, met), this.path);
    this.keep(key, met);
  }

  private keep(key: string, met: MetNeed): void {
    const files = weight(key, met);
    this.supplies.set(key, met);
    this.files += files;
    this.quota.take(files);
  }

  /** In the order in which they were met. */
  metNeeds(): MetNeed[] {
    return [...this.supplies.values()];
  }

  close(): void {
    const supplied = this.metNeeds().flatMap(({ supply: { fd } }) => fd ?? []);
    closeForeign([this.fd, ...supplied]);
    this.supplies.clear();
    this.quota.give(this.files);
    this.files = 0;
  }
}

/** What is missing counts, too: it is remembered as long. */
function weight(key: string, { need, supply: { fd } }: MetNeed): number {
  const bytes = need.kind === "names" && fd !== undefined ? cachedStat(fd).size : 0;
  return 1 + Math.floor(key.length / CHARACTERS_A_FILE) + Math.floor(bytes / BYTES_A_FILE);
}
