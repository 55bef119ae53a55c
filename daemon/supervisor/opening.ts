/** A server on its way to having its image open: needs are met, then it says what it found. */
import { closeForeign } from "../../fs-adapter/system/close-foreign.js";
import type { ImageDescription } from "../../image-core/description.js";
import type { VolumeStatistics } from "../../image-core/filesystem/volume.js";
import { type Need, RpcErrorCode } from "../rpc/protocol.js";
import type { FromServer } from "../server/messages.js";
import { RequestFailure } from "./failure.js";
import type { Image, Supply } from "./image.js";
import type { Server } from "./server.js";
import type { ServerProcess } from "./server-process.js";

/** Between two words of the server: no image takes this long to open. */
const SILENCE_MILLISECONDS = 45_000;

export interface OpenedServer {
  server: Server;
  description: ImageDescription;
  statistics: VolumeStatistics;
}

export interface OpeningOptions {
  /** Of which nobody has asked anything yet. */
  server: ServerProcess;
  image: Image;
  /** Asked for what the image does not remember from an earlier server. */
  supply(need: Need): Promise<Supply>;
  complaint(line: string): void;
}

/** Ends a server that is not needed any more. */
export function retire(opened: OpenedServer): void {
  opened.server.handOver({ message: () => {}, gone: () => {} });
  opened.server.kill();
}

/** Resolves when the image is open. Rejects with RequestFailure, the server ended. */
export function openServer(options: OpeningOptions): Promise<OpenedServer> {
  const { image, server } = options;
  return new Promise((resolve, reject) => {
    let lastWords = "";
    server.employ({
      message: opening,
      gone: died,
      complaint: (line) => {
        lastWords = line;
        options.complaint(line);
      },
    });
    server.send({ type: "open", config: image.config }, [image.fd]);
    let timer = setTimeout(tooSlow, SILENCE_MILLISECONDS);
    let isAsking = false;

    function opening(message: FromServer): void {
      clearTimeout(timer);
      if (message.type === "need") {
        // It waits for the answer before it goes on; one that does not has been taken over.
        return isAsking
          ? fail(new Error("the server asks for two things at once"))
          : meet(message.need);
      }
      if (message.type === "opened") {
        const { description, statistics } = message;
        // Nothing that it says counts until somebody has use for it.
        server.handOver({ message: () => {}, gone: () => {} });
        return resolve({ server, description, statistics });
      }
      if (message.type === "failed") {
        const { kind, message: text } = message.failure;
        return fail(new RequestFailure(RpcErrorCode.image, text, { kind }));
      }
      timer = setTimeout(tooSlow, SILENCE_MILLISECONDS);
    }

    function meet(need: Need): void {
      isAsking = true;
      const known = image.remembered(need);
      const answer = known === undefined ? options.supply(need) : Promise.resolve(known);
      answer.then(
        (supply) => {
          isAsking = false;
          const { fd, error } = supply;
          try {
            if (known === undefined) image.remember(need, supply);
          } catch (failure) {
            if (fd !== undefined) closeForeign([fd]);
            return fail(failure as Error);
          }
          server.send({ type: "supply", error }, fd === undefined ? [] : [fd]);
          timer = setTimeout(tooSlow, SILENCE_MILLISECONDS);
        },
        (error) => fail(error),
      );
    }

    function died(): void {
      fail(
        new RequestFailure(
          RpcErrorCode.internalError,
          `the server ended while it opened ${image.path}${lastWords && `: ${lastWords}`}`,
        ),
      );
    }

    function tooSlow(): void {
      fail(
        new RequestFailure(
          RpcErrorCode.image,
          `${image.path} was not open after ${SILENCE_MILLISECONDS / 1000} seconds`,
          { kind: "limit" },
        ),
      );
    }

    function fail(error: Error): void {
      clearTimeout(timer);
      server.handOver({ message: () => {}, gone: () => {} });
      server.kill();
      reject(error);
    }
  });
}
