/** Where servers come from: the spare one if it suits, else one that is started now. */
import { join } from "node:path";
import type { Poller } from "../../fs-adapter/system/poller.js";
import type { Settings } from "../configuration/load.js";
import type { DaemonInfo } from "../rpc/protocol.js";
import type { Image } from "./image.js";
import type { Log } from "./log.js";
import { type OpenedServer, openServer } from "./opening.js";
import { nativePlan, type Sandbox, type SandboxPlan } from "./sandbox.js";
import { ServerProcess } from "./server-process.js";
import { SpareServer } from "./spare-server.js";
import { Turnstile } from "./turnstile.js";

export interface ServerPoolOptions {
  poller: Poller;
  sandbox: Sandbox;
  /** The runtime folder. */
  folder: string;
  settings: Settings;
  log: Log;
  /** Whether a server may be needed at any moment. */
  isAnyAsleep(): boolean;
}

export class ServerPool {
  private lastServer = 0;
  private readonly spare: SpareServer;
  private readonly turnstile = new Turnstile();

  constructor(private readonly options: ServerPoolOptions) {
    const { sandbox, settings, isAnyAsleep } = options;
    this.spare = new SpareServer(
      (timeZone) => this.start(sandbox.plan, timeZone),
      isAnyAsleep,
      () => settings.current.spareServer,
    );
  }

  /** Whether images are read in a sandbox. */
  get confines(): boolean {
    return this.options.sandbox.plan.sandboxed;
  }

  get spareInfo(): DaemonInfo["spare"] {
    return this.spare.info;
  }

  /** Throws SystemError for want of descriptors. */
  hire({ sandbox, timeZone }: Image): ServerProcess {
    const { plain, plan } = this.options.sandbox;
    if (!sandbox) return this.start(plain, timeZone);
    return this.spare.take(timeZone) ?? this.start(plan, timeZone);
  }

  /** Another server for an image that was open before: all it asks for is remembered. */
  reopen(image: Image): Promise<OpenedServer> {
    return this.openAgain(image, () => this.hire(image));
  }

  /** The same, by one that mounts by itself. */
  openNative(image: Image): Promise<OpenedServer> {
    return this.openAgain(image, () => this.start(nativePlan, image.timeZone));
  }

  /** Another will be needed for this image. */
  expect({ timeZone }: Image): void {
    this.spare.expect(timeZone);
  }

  /** Those that serve go on. */
  end(): void {
    this.spare.end();
  }

  private openAgain(image: Image, hire: () => ServerProcess): Promise<OpenedServer> {
    return this.turnstile.pass(() =>
      openServer({
        server: hire(),
        image,
        supply: () => Promise.reject(new Error("the image asks for something new")),
        complaint: (line) => this.options.log.warn(`${image.path}: ${line}`),
      }),
    );
  }

  private start(plan: SandboxPlan, timeZone: string): ServerProcess {
    const { poller, folder } = this.options;
    const socketPath = join(folder, `server-${process.pid}-${++this.lastServer}.sock`);
    return new ServerProcess(poller, { plan, socketPath, timeZone });
  }
}
