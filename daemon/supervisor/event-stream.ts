/** What happens to mounts, told to whoever listens. */
import type { DaemonEvent } from "../rpc/protocol.js";

export class EventStream {
  private readonly listeners = new Set<(event: DaemonEvent) => void>();

  /** Returns what ends it. */
  listen(listener: (event: DaemonEvent) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  publish(event: Omit<DaemonEvent, "time">): void {
    if (this.listeners.size === 0) return;
    const dated = { ...event, time: Date.now() / 1000 };
    for (const listener of this.listeners) listener(dated);
  }
}
