/** What a request is refused with: becomes a JSON-RPC error as it stands. */
import type { RpcErrorData } from "../rpc/protocol.js";

export class RequestFailure extends Error {
  override readonly name = "RequestFailure";

  constructor(
    /** Of `RpcErrorCode`. */
    readonly code: number,
    message: string,
    readonly data: RpcErrorData = {},
  ) {
    super(message);
  }
}
