/** An image as the supervisor holds it: descriptors and what the client said, nothing parsed. */
import { closeForeign } from "../../fs-adapter/system/close-foreign.js";
import type { Need } from "../rpc/protocol.js";
import type { ServerConfig } from "../server/messages.js";

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

/** More neighbours than that are no disc image; a sparse bundle of 8 TiB has a million bands. */
const MAX_SUPPLIES = 1024 * 1024;
/** Of what it asked for, in characters: twenty for each of those bands. */
const MAX_NEED_LENGTH = 64 * 1024 * 1024;

export class Image {
  /** Answers by need, so that a later server asks nobody. */
  private readonly supplies = new Map<string, MetNeed>();
  private needLength = 0;

  constructor(
    /** For people. */
    readonly path: string,
    readonly fd: number,
    readonly config: ServerConfig,
    readonly timeZone: string,
    readonly sandbox: boolean,
    met: readonly MetNeed[] = [],
  ) {
    for (const { need, supply } of met) this.remember(need, supply);
  }

  remembered(need: Need): Supply | undefined {
    return this.supplies.get(JSON.stringify(need))?.supply;
  }

  remember(need: Need, supply: Supply): void {
    const key = JSON.stringify(need);
    this.needLength += key.length;
    if (this.supplies.size >= MAX_SUPPLIES || this.needLength > MAX_NEED_LENGTH) {
      throw new Error(`${this.path}: too many neighbours`);
    }
    this.supplies.set(key, { need, supply });
  }

  /** In the order in which they were met. */
  metNeeds(): MetNeed[] {
    return [...this.supplies.values()];
  }

  close(): void {
    const supplied = this.metNeeds().flatMap(({ supply: { fd } }) => fd ?? []);
    closeForeign([this.fd, ...supplied]);
    this.supplies.clear();
  }
}
