/** JSON packets and descriptors over a seqpacket socket, without blocking the main thread. */
import { close } from "../../fs-adapter/system/libc.js";
import { POLLIN, type Poller } from "../../fs-adapter/system/poller.js";
import { receiveMessage, sendMessage } from "../../fs-adapter/system/unix-socket.js";
import { MAX_PACKET_BYTES } from "./messages.js";

/** Taken in at once; a peer that never stops must leave time for the others. */
const MAX_PACKETS_A_ROUND = 64;

/** What is received lies here until it is decoded, at once: one for all links. */
const buffer = Buffer.allocUnsafeSlow(MAX_PACKET_BYTES);

function closeAll(descriptors: readonly number[]): void {
  for (const fd of descriptors) close(fd);
}

export class PacketLink<Incoming, Outgoing> {
  private open = true;

  constructor(
    private readonly poller: Poller,
    private readonly fd: number,
    private readonly onPacket: (packet: Incoming, descriptors: number[]) => void,
    /** The peer is gone, or says what cannot be read; the link has closed itself. */
    private readonly onEnd: (problem?: string) => void,
    /** Throws where the text is no packet of the peer's. */
    private readonly read: (text: string) => Incoming = JSON.parse,
    /** Closes what came with it then. */
    private readonly discard: (descriptors: readonly number[]) => void = closeAll,
  ) {
    this.wait();
  }

  /** Never blocks. A peer that does not read, or is gone, ends the link. */
  send(packet: Outgoing, descriptors: readonly number[] = []): void {
    if (!this.open) return;
    try {
      sendMessage(this.fd, Buffer.from(JSON.stringify(packet)), descriptors, false);
    } catch {
      // EPIPE, ECONNRESET: the poller reports the hang-up as well, but not what was unsent.
      this.end();
    }
  }

  close(): void {
    if (!this.open) return;
    this.open = false;
    this.poller.unwatch(this.fd);
    close(this.fd);
  }

  private wait(): void {
    this.poller.watch(this.fd, POLLIN, () => this.receive());
  }

  private receive(): void {
    for (let packets = 0; packets < MAX_PACKETS_A_ROUND; packets++) {
      let received: ReturnType<typeof receiveMessage>;
      try {
        received = receiveMessage(this.fd, buffer, false);
      } catch {
        return this.end();
      }
      if (received === undefined) return this.wait();
      if (received.bytes.length === 0) return this.end();
      const { bytes, descriptors } = received;
      let packet: Incoming;
      try {
        packet = this.read(buffer.toString("utf8", 0, bytes.length));
      } catch (error) {
        this.discard(descriptors);
        return this.end((error as Error).message);
      }
      this.onPacket(packet, descriptors);
      if (!this.open) return;
    }
    this.wait();
  }

  private end(problem?: string): void {
    if (!this.open) return;
    this.close();
    this.onEnd(problem);
  }
}
