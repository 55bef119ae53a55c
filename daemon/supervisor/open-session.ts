/**
 * One client's way through `open` and `supply`: the server's needs come back to the client as
 * results, one at a time, until the image is open.
 */
import { closeForeign } from "../../fs-adapter/system/close-foreign.js";
import { type Need, type OpenResult, RpcErrorCode, type VerifyProgress } from "../rpc/protocol.js";
import { RequestFailure } from "./failure.js";
import type { Image, Supply } from "./image.js";
import { type OpenedServer, retire } from "./opening.js";
import { Verification } from "./verification.js";

export class OpenSession {
  /** The image is open and waits to be mounted. */
  opened: OpenedServer | undefined;
  private verification: Verification | undefined;
  private abandoned = false;
  /** Whoever is asked for something hears of it when they answer. */
  private failure: Error | undefined;
  private waiting:
    | { need: Need; resolve: (supply: Supply) => void; reject: (error: Error) => void }
    | undefined;
  /** Resolves at the next need, or at the end. */
  private next: Promise<OpenResult>;
  private settle!: { resolve: (result: OpenResult) => void; reject: (error: Error) => void };

  constructor(
    readonly id: string,
    readonly image: Image,
    open: (supply: (need: Need) => Promise<Supply>) => Promise<OpenedServer>,
  ) {
    this.next = this.arm();
    open((need) => this.ask(need)).then(
      (opened) => {
        // Nobody would end it any more.
        if (this.abandoned) return retire(opened);
        this.opened = opened;
        this.settle.resolve({ session: this.id, description: opened.description });
      },
      (error) => {
        this.failure = error;
        this.settle.reject(error);
      },
    );
  }

  result(): Promise<OpenResult> {
    return this.next;
  }

  /** Takes ownership of `fd`. */
  supply(answer: Supply): Promise<OpenResult> {
    const { waiting, failure } = this;
    if (waiting === undefined || failure !== undefined) {
      if (answer.fd !== undefined) closeForeign([answer.fd]);
      if (failure !== undefined) throw failure;
      throw new RequestFailure(RpcErrorCode.invalidParams, "the session needs nothing now");
    }
    this.waiting = undefined;
    this.next = this.arm();
    waiting.resolve(answer);
    return this.next;
  }

  /** Starts checking at the first call; each resolves with what is new since the one before. */
  verify(): Promise<VerifyProgress> {
    const { opened } = this;
    if (opened === undefined) {
      throw new RequestFailure(RpcErrorCode.invalidParams, "the image is not open yet");
    }
    this.verification ??= new Verification(opened);
    return this.verification.next();
  }

  /** The client has gone away, or gives up. */
  abandon(): void {
    this.abandoned = true;
    this.waiting?.reject(new Error("the client is gone"));
    this.waiting = undefined;
    if (this.opened !== undefined) retire(this.opened);
    this.image.close();
  }

  private ask(need: Need): Promise<Supply> {
    if (this.abandoned) return Promise.reject(new Error("the client is gone"));
    const answer = new Promise<Supply>((resolve, reject) => {
      this.waiting = { need, resolve, reject };
    });
    this.settle.resolve({ session: this.id, need });
    return answer;
  }

  private arm(): Promise<OpenResult> {
    const next = new Promise<OpenResult>((resolve, reject) => {
      this.settle = { resolve, reject };
    });
    // Whoever asks sees the failure; a client that is gone does not.
    next.catch(() => {});
    return next;
  }
}
