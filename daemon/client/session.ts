/** Has the daemon open an image, and hands it what it asks for on the way. */
import { closeSync } from "node:fs";
import { memfdWith } from "../../fs-adapter/system/memfd.js";
import type { ImageDescription } from "../../image-core/description.js";
import {
  type ImageOptions,
  MAX_LINE_BYTES,
  type Need,
  type SupplyParams,
} from "../rpc/protocol.js";
import type { Connection } from "./connection.js";
import { systemFailure } from "./failure.js";
import { neighbourNames, openNeighbour } from "./neighbours.js";
import type { OpenedImage } from "./opener.js";
import { type PassphraseSource, readPassphrase } from "./passphrase.js";
import { timeZone } from "./time-zone.js";

/** A sparse bundle of 8 TiB has a million bands; nothing sane asks for more. */
const MAX_NEEDS = 1024 * 1024;

export interface OpenRequest {
  image: OpenedImage;
  options: ImageOptions;
  sandbox?: boolean;
  passphrase: PassphraseSource;
  /** Asks a person for it; undefined where nobody answers. */
  ask(): Promise<Buffer | undefined>;
}

export interface Session {
  id: string;
  description: ImageDescription;
}

/** Throws RpcFailure where the image cannot be read, Failure where the daemon is lost. */
export async function openSession(connection: Connection, request: OpenRequest): Promise<Session> {
  const { image, options, sandbox } = request;
  const supplier = new Supplier(request);
  try {
    let opened = connection.call(
      "open",
      {
        image: image.path,
        options,
        owner: { uid: process.getuid!(), gid: process.getgid!() },
        timeZone: timeZone(),
        sandbox,
        size: image.size,
      },
      [image.fd],
    );
    for (let needs = 0; "need" in opened; needs++) {
      if (needs === MAX_NEEDS) throw systemFailure("the image asks for files without end");
      opened = await supplier.supply(connection, opened.session, opened.need);
    }
    return { id: opened.session, description: opened.description };
  } finally {
    supplier.close();
  }
}

class Supplier {
  /** The image's folder, opened when first needed. */
  private folder: number | undefined;

  constructor(private readonly request: OpenRequest) {}

  async supply(connection: Connection, session: string, need: Need) {
    if (need.kind === "passphrase") {
      return connection.call("supply", { session, ...(await this.passphrase()) });
    }
    if (need.kind === "names") return this.names(connection, session, need.folder);
    let file: number;
    try {
      file = openNeighbour(this.openFolder(), need.path, this.request.image.fd);
    } catch (error) {
      return connection.call("supply", { session, error: (error as Error).message });
    }
    try {
      return connection.call("supply", { session }, [file]);
    } finally {
      closeSync(file);
    }
  }

  close(): void {
    if (this.folder !== undefined) closeSync(this.folder);
  }

  private openFolder(): number {
    this.folder ??= this.request.image.openFolder();
    return this.folder;
  }

  private names(connection: Connection, session: string, folder: string) {
    let names: string[];
    try {
      names = neighbourNames(this.openFolder(), folder);
    } catch (error) {
      return connection.call("supply", { session, error: (error as Error).message });
    }
    const bytes = Buffer.from(JSON.stringify(names));
    // Room for the rest of the message.
    if (bytes.length <= MAX_LINE_BYTES - 4096) return connection.call("supply", { session, names });
    const memory = memfdWith("isomount-names", bytes);
    try {
      return connection.call("supply", { session }, [memory]);
    } finally {
      closeSync(memory);
    }
  }

  private async passphrase(): Promise<Omit<SupplyParams, "session">> {
    const given = await readPassphrase(this.request.passphrase);
    const bytes = given ?? (await this.request.ask());
    if (bytes === undefined) return { error: "no passphrase was given" };
    const answer = { passphrase: bytes.toString("base64") };
    bytes.fill(0);
    return answer;
  }
}
