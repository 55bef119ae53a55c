/** Everybody who is connected, on whichever socket; and who may be. */
import { closeSync } from "node:fs";
import type { Poller } from "../../fs-adapter/system/poller.js";
import { peerCredentials, peerGroups } from "../../fs-adapter/system/unix-socket.js";
import { descriptorLimit } from "./descriptor-limit.js";
import { giveBackMemory } from "./give-back.js";
import type { Log } from "./log.js";
import type { MethodTable } from "./methods.js";
import { Allowances, type Peer, RpcConnection } from "./rpc-connection.js";

/** A daemon that a thousand broken clients connect to still answers the next one. */
const MAX_CONNECTIONS = 4096;
/** That came with lines which have not ended. */
const MAX_HELD_DESCRIPTORS = 512;
/** Of one member of the group. */
const MAX_GUEST_CONNECTIONS = 128;
/** What so many have left, tens of MiB, is given back a little later. */
const CROWD = 100;
const TIDY_AFTER_MILLISECONDS = 2_000;
/** One line in the log for all that are refused within it. */
const QUIET_MILLISECONDS = 1_000;

export class Clients {
  private readonly connections = new Set<RpcConnection>();
  private readonly allowances: Allowances;
  /** Connections at a time. */
  private readonly most: number;
  private complainedAt = Number.NEGATIVE_INFINITY;
  /** Since memory was given back. */
  private departures = 0;
  private tidying: NodeJS.Timeout | undefined;

  constructor(
    private readonly poller: Poller,
    private readonly methods: MethodTable,
    private readonly log: Log,
    limit = descriptorLimit(),
  ) {
    // A good third of the descriptors is left for mounts.
    this.most = Math.min(MAX_CONNECTIONS, Math.floor(limit / 2));
    this.allowances = new Allowances(Math.min(MAX_HELD_DESCRIPTORS, Math.floor(limit / 8)));
  }

  /** Of the private socket: whose daemon it is, and root. */
  admitOwner(fd: number): void {
    const peer = peerCredentials(fd);
    if (peer.uid === process.getuid!() || peer.uid === 0)
      this.admit(fd, { ...peer, guest: false, groups: [] });
    else this.refuse(fd, peer, "it is not theirs");
  }

  /**
   * Of the group's socket: root and the members of the group, whatever the mode of the socket lets
   * in. By what the kernel noted when they connected: they may have become somebody else since.
   */
  admitGuest(fd: number, group: number): void {
    const peer = peerCredentials(fd);
    const guest = peer.uid !== 0;
    const groups = guest ? [peer.gid, ...peerGroups(fd)] : [];
    if (guest && !groups.includes(group)) {
      this.refuse(fd, peer, `they are not of group ${group}`);
    } else if (guest && this.connectionsOf(peer.uid) >= MAX_GUEST_CONNECTIONS) {
      this.refuse(fd, peer, "they have too many");
    } else this.admit(fd, { ...peer, guest, groups });
  }

  private admit(fd: number, peer: Peer): void {
    if (this.connections.size >= this.most) {
      // Who has connected long ago and said nothing since makes room.
      const silent = [...this.connections].find((connection) => connection.silent);
      if (silent === undefined) return this.refuse(fd, peer, "there are too many");
      silent.close();
    }
    const connection = new RpcConnection(this.poller, fd, peer, this.allowances, {
      request: (request) => {
        this.log.debug(`${request.method} by user ${peer.uid} (process ${peer.pid})`);
        return this.methods.call(request);
      },
      closed: (closed) => {
        this.connections.delete(closed);
        this.methods.closed(closed);
        this.departed();
      },
      dropped: ({ peer: { uid, pid } }, reason) =>
        this.complain(`closed the connection of user ${uid} (process ${pid}): ${reason}`),
      exceeded: () => this.relieve(),
    });
    this.connections.add(connection);
  }

  /** Not for the few commands that people enter. */
  private departed(): void {
    if (++this.departures < CROWD) return;
    // After the last of them: what comes behind an earlier collection would stay.
    clearTimeout(this.tidying);
    this.tidying = setTimeout(() => {
      this.departures = 0;
      giveBackMemory();
    }, TIDY_AFTER_MILLISECONDS);
  }

  /** Who makes the daemon hold most goes, and not who happens to come last. */
  private relieve(): void {
    for (const kind of ["bytes", "descriptors"] as const) {
      while (this.allowances[kind].exceeded) {
        const heaviest = [...this.connections].reduce((most, each) =>
          each.load[kind] > most.load[kind] ? each : most,
        );
        const { uid, pid } = heaviest.peer;
        this.log.warn(`closed the connection of user ${uid} (process ${pid}): it held too much`);
        heaviest.close();
      }
    }
  }

  private connectionsOf(uid: number): number {
    return [...this.connections].filter(({ peer }) => peer.uid === uid).length;
  }

  private refuse(fd: number, { uid, pid }: { uid: number; pid: number }, why: string): void {
    closeSync(fd);
    this.complain(`refused a connection from user ${uid} (process ${pid}): ${why}`);
  }

  private complain(line: string): void {
    const now = performance.now();
    if (now - this.complainedAt < QUIET_MILLISECONDS) return;
    this.complainedAt = now;
    this.log.warn(line);
  }
}
