/** Another server for a mount that has none: tried until one has the image open, or cannot any more. */
import { RpcErrorCode } from "../rpc/protocol.js";
import { RequestFailure } from "./failure.js";
import type { OpenedServer } from "./opening.js";

/** An image that cannot be opened any more is tried so often, at growing intervals. */
const MAX_ATTEMPTS = 6;
const PAUSE_MILLISECONDS = 100;
const MAX_PAUSE_MILLISECONDS = 2_000;
/** A server that does not even start, or get so far, lacks what may be there again soon: memory. */
const PATIENCE_MILLISECONDS = 30_000;

export interface RevivalOptions {
  reopen(): Promise<OpenedServer>;
  /** Told of each failure; the last is thrown. */
  failed(message: string): void;
  /** The mount is gone: nobody needs the server any more. */
  isOver(): boolean;
}

/** That of the image itself: no other server will think otherwise. */
export function isVerdict(error: unknown): boolean {
  return error instanceof RequestFailure && error.code === RpcErrorCode.image;
}

/** Resolves with nothing where it is over meanwhile. Rejects where no server can be started. */
export async function openAnother(options: RevivalOptions): Promise<OpenedServer | undefined> {
  const began = performance.now();
  for (let attempt = 1; !options.isOver(); attempt++) {
    const isPatient = performance.now() - began < PATIENCE_MILLISECONDS;
    try {
      return await options.reopen();
    } catch (error) {
      if (options.isOver()) return undefined;
      if (attempt >= MAX_ATTEMPTS && !(isPatient && !isVerdict(error))) throw error;
      options.failed((error as Error).message);
    }
    const milliseconds = Math.min(attempt * PAUSE_MILLISECONDS, MAX_PAUSE_MILLISECONDS);
    await new Promise((done) => setTimeout(done, milliseconds));
  }
  return undefined;
}
