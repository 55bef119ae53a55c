/** Where servers come from: the spare one if it suits, else one that is started now. */
import { join } from "node:path";
import type { Poller } from "../../fs-adapter/system/poller.js";
import type { Settings } from "../configuration/load.js";
import type { DaemonInfo } from "../rpc/protocol.js";
import type { Image } from "./image.js";
import { nativePlan, type Sandbox, type SandboxPlan } from "./sandbox.js";
import { ServerProcess } from "./server-process.js";
import { SpareServer } from "./spare-server.js";

export class ServerPool {
  private lastServer = 0;
  private readonly spare: SpareServer;

  constructor(
    private readonly poller: Poller,
    private readonly sandbox: Sandbox,
    /** The runtime folder. */
    private readonly folder: string,
    settings: Settings,
    /** Whether a server may be needed at any moment. */
    isExpectant: () => boolean,
  ) {
    this.spare = new SpareServer(
      (timeZone) => this.start(sandbox.plan, timeZone),
      isExpectant,
      () => settings.current.spareServer,
    );
  }

  /** Whether images are read in a sandbox. */
  get confines(): boolean {
    return this.sandbox.plan.sandboxed;
  }

  get spareInfo(): DaemonInfo["spare"] {
    return this.spare.info;
  }

  /** Throws SystemError for want of descriptors. */
  hire({ sandbox, timeZone }: Image): ServerProcess {
    if (!sandbox) return this.start(this.sandbox.plain, timeZone);
    return this.spare.take(timeZone) ?? this.start(this.sandbox.plan, timeZone);
  }

  /** One that mounts by itself. */
  hireNative({ timeZone }: Image): ServerProcess {
    return this.start(nativePlan, timeZone);
  }

  /** Another will be needed for this image. */
  expect({ timeZone }: Image): void {
    this.spare.expect(timeZone);
  }

  /** Those that serve go on. */
  end(): void {
    this.spare.end();
  }

  private start(plan: SandboxPlan, timeZone: string): ServerProcess {
    const socketPath = join(this.folder, `server-${process.pid}-${++this.lastServer}.sock`);
    return new ServerProcess(this.poller, { plan, socketPath, timeZone });
  }
}
