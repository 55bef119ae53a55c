/** A server at work on an image's checksums, and what it has said that nobody has asked for yet. */
import { RpcErrorCode, type VerifyProgress } from "../rpc/protocol.js";
import { RequestFailure } from "./failure.js";
import type { OpenedServer } from "./opening.js";

const MAX_FINDINGS = 1001;

export class Verification {
  private said: VerifyProgress | undefined;
  private failure: Error | undefined;
  private wake: (() => void) | undefined;

  constructor(opened: OpenedServer) {
    opened.server.handOver({
      message: (message) => {
        if (message.type !== "verified") return;
        const { type: _, ...progress } = message;
        // As many as a server tells in all, should one go on without end while nobody asks.
        const findings = [...(this.said?.findings ?? []), ...progress.findings].slice(
          0,
          MAX_FINDINGS,
        );
        this.said = { ...progress, findings };
        this.wake?.();
      },
      gone: () => {
        this.failure = new RequestFailure(
          RpcErrorCode.image,
          "the server ended while it checked the image",
        );
        this.wake?.();
      },
    });
    opened.server.send({ type: "verify" });
  }

  async next(): Promise<VerifyProgress> {
    if (this.said === undefined && this.failure === undefined) {
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
      this.wake = undefined;
    }
    if (this.said === undefined) throw this.failure;
    const { said } = this;
    this.said = undefined;
    return said;
  }
}
