/**
 * The link to the supervisor, one at a time: a new one replaces the old, which is dead or about to
 * be. The old link is read to its end, since what a supervisor said before it died still holds.
 */
import { POLLIN, type Poller } from "../../fs-adapter/system/poller.js";
import { acceptUnix } from "../../fs-adapter/system/unix-socket.js";
import { PacketLink } from "./packet-link.js";

export interface LatestLinkEvents<Incoming> {
  /** Somebody is there to hear. */
  connected(): void;
  received(message: Incoming, descriptors: number[]): void;
  /** Nobody is. */
  gone(): void;
}

export class LatestLink<Incoming, Outgoing> {
  private link: PacketLink<Incoming, Outgoing> | undefined;

  constructor(
    private readonly poller: Poller,
    /** A unix seqpacket socket that listens. */
    private readonly listener: number,
    private readonly events: LatestLinkEvents<Incoming>,
  ) {}

  get isThere(): boolean {
    return this.link !== undefined;
  }

  /** To nobody where there is none. */
  send(message: Outgoing, descriptors: readonly number[] = []): void {
    this.link?.send(message, descriptors);
  }

  /** From now on; who has connected before is taken in at once. */
  accept(): void {
    const fd = acceptUnix(this.listener);
    if (fd !== undefined) {
      const link: PacketLink<Incoming, Outgoing> = new PacketLink(
        this.poller,
        fd,
        (message, descriptors) => this.events.received(message, descriptors),
        () => {
          if (this.link !== link) return;
          this.link = undefined;
          this.events.gone();
        },
      );
      this.link = link;
      this.events.connected();
    }
    this.poller.watch(this.listener, POLLIN, () => this.accept());
  }
}
