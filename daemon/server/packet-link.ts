/** JSON packets and descriptors over a seqpacket socket, without blocking the main thread. */
import { close, SystemError } from "../../fs-adapter/system/libc.js";
import { POLLIN, POLLOUT, type Poller } from "../../fs-adapter/system/poller.js";
import { receiveMessage, sendMessage } from "../../fs-adapter/system/unix-socket.js";
import { MAX_PACKET_BYTES } from "./messages.js";

/** Taken in at once; a peer that never stops must leave time for the others. */
const MAX_PACKETS_A_ROUND = 64;

/** What is received lies here until it is decoded, at once: one for all links. */
const buffer = Buffer.allocUnsafeSlow(MAX_PACKET_BYTES);

/** All descriptors of the largest image are not as many; who reads none of them is not waited for. */
const MAX_UNSENT = 32 * 1024;

function closeAll(descriptors: readonly number[]): void {
  for (const fd of descriptors) close(fd);
}

export class PacketLink<Incoming, Outgoing> {
  private open = true;
  /** Packets that found no room. */
  private unsent: { bytes: Buffer; descriptors: readonly number[] }[] = [];
  /** Told once there is room. */
  private onRoom: (() => void) | undefined;

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

  /**
   * Never blocks: what finds no room is sent later, so its descriptors must stay open. A peer that
   * does not read for long, or is gone, ends the link.
   */
  send(packet: Outgoing, descriptors: readonly number[] = []): void {
    if (!this.open) return;
    const bytes = Buffer.from(JSON.stringify(packet));
    if (this.unsent.length === 0 && this.tryToSend(bytes, descriptors)) return;
    // It has closed itself.
    if (!this.open) return;
    if (this.unsent.length >= MAX_UNSENT) return this.end();
    this.unsent.push({ bytes, descriptors });
    this.wait();
  }

  /** As `send`, but where there is no room nothing is taken: false, and `onRoom` comes once there is. */
  offer(packet: Outgoing, descriptors: readonly number[], onRoom: () => void): boolean {
    if (!this.open) return false;
    const bytes = Buffer.from(JSON.stringify(packet));
    if (this.unsent.length === 0 && this.tryToSend(bytes, descriptors)) return true;
    this.onRoom = onRoom;
    if (this.open) this.wait();
    return false;
  }

  /** False where there is no room, or the link has ended. */
  private tryToSend(bytes: Buffer, descriptors: readonly number[]): boolean {
    try {
      sendMessage(this.fd, bytes, descriptors, false);
      return true;
    } catch (error) {
      // EPIPE, ECONNRESET: the poller reports the hang-up as well, but not what was unsent.
      if (!(error instanceof SystemError) || error.code !== "EAGAIN") this.end();
      return false;
    }
  }

  private flush(): void {
    for (;;) {
      const [first] = this.unsent;
      if (first === undefined) break;
      if (!this.tryToSend(first.bytes, first.descriptors)) return;
      this.unsent.shift();
    }
    const { onRoom } = this;
    this.onRoom = undefined;
    onRoom?.();
  }

  close(): void {
    if (!this.open) return;
    this.open = false;
    this.unsent = [];
    this.onRoom = undefined;
    this.poller.unwatch(this.fd);
    close(this.fd);
  }

  private wait(): void {
    const isFull = this.unsent.length > 0 || this.onRoom !== undefined;
    this.poller.watch(this.fd, isFull ? POLLIN | POLLOUT : POLLIN, (ready) => {
      if ((ready & POLLOUT) !== 0) this.flush();
      if (this.open) this.receive();
    });
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
