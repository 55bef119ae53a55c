/** Everything that is mounted, the earliest first, and who waits for the end of what. */
import { readMountinfo } from "../../fs-adapter/mounting/mountinfo.js";
import { RpcErrorCode } from "../rpc/protocol.js";
import { RequestFailure } from "./failure.js";
import type { MountedImage } from "./mounted-image.js";

export class MountTable {
  private readonly mounts = new Map<string, MountedImage>();
  private readonly waiters = new Map<string, Set<(reason: string) => void>>();
  private lastId = 0;

  /** Never given twice. */
  newId(): string {
    return `m${++this.lastId}`;
  }

  /** Whatever became of the mount that had it under an earlier supervisor. */
  reserveId(id: string): void {
    this.lastId = Math.max(this.lastId, numberOf(id));
  }

  get size(): number {
    return this.mounts.size;
  }

  [Symbol.iterator](): Iterator<MountedImage> {
    return this.mounts.values();
  }

  has(id: string): boolean {
    return this.mounts.has(id);
  }

  some(isSo: (mounted: MountedImage) => boolean): boolean {
    return [...this].some(isSo);
  }

  /** How many images this user has mounted. */
  countOf(uid: number): number {
    return [...this].filter(({ facts }) => facts.uid === uid).length;
  }

  add(mounted: MountedImage): void {
    this.mounts.set(mounted.id, mounted);
  }

  remove({ id }: MountedImage): void {
    this.mounts.delete(id);
  }

  /** To whoever waits for it. */
  tellEnd(id: string, reason: string): void {
    for (const waiter of this.waiters.get(id) ?? []) waiter(reason);
    this.waiters.delete(id);
  }

  /** The latest comes last, whichever was restored first: it may lie on an earlier one. */
  sort(): void {
    const byAge = [...this.mounts].sort(([a], [b]) => numberOf(a) - numberOf(b));
    this.mounts.clear();
    for (const [id, mounted] of byAge) this.mounts.set(id, mounted);
  }

  /** Folders above a mountpoint are renamed, and lazily unmounted mounts lie nowhere. */
  locate(): void {
    const there = readMountinfo();
    for (const mounted of this) mounted.locate(there);
  }

  /**
   * Whether the kernel still has it. The device of one that has gone may by now be that of the next
   * mount, even of the same image on the same folder.
   */
  isShown({ id, facts }: MountedImage): boolean {
    const { device, source } = facts;
    if ([...this].some((other) => other.id !== id && other.facts.device === device)) return false;
    return readMountinfo().some(
      (entry) => entry.device === device && (entry.source === source || source === undefined),
    );
  }

  /**
   * What is meant by an id, a mountpoint or an image; the latest last. `by`: only what this user has
   * mounted. Throws RequestFailure where there is none.
   */
  meant(target: string, by?: number): MountedImage[] {
    this.locate();
    const there = [...this].filter(({ facts }) =>
      [facts.id, facts.mountpoint, facts.image.path].includes(target),
    );
    const matching = there.filter(({ facts }) => by === undefined || facts.uid === by);
    if (there.length > 0 && matching.length === 0) {
      throw new RequestFailure(RpcErrorCode.denied, `${target} was mounted by another user`, {
        code: "EPERM",
      });
    }
    if (matching.length === 0) {
      throw new RequestFailure(RpcErrorCode.target, `${target} is not mounted by isomount`, {
        code: "EINVAL",
      });
    }
    return matching;
  }

  /** Resolves at its end. Who asks may go away before; then it never resolves. */
  wait(id: string, gone?: AbortSignal): Promise<{ reason: string }> {
    if (!this.has(id)) return Promise.resolve({ reason: "unmounted" });
    return new Promise((resolve) => {
      const waiters = this.waiters.get(id) ?? new Set();
      const waiter = (reason: string) => resolve({ reason });
      waiters.add(waiter);
      this.waiters.set(id, waiters);
      gone?.addEventListener("abort", () => waiters.delete(waiter), { once: true });
    });
  }
}

function numberOf(id: string): number {
  return Number(id.slice(1));
}
