/** From an open image to its mount: the folder, the kernel's mount, the server that serves it. */
import { join } from "node:path";
import { SLOTS_SIZE } from "../../fs-adapter/dev-fuse/slot.js";
import { MAX_SPLICE_BYTES } from "../../fs-adapter/dev-fuse/splicer.js";
import {
  descriptorPath,
  type MountRequest as FuseMountRequest,
  MountError,
  mountFuse,
} from "../../fs-adapter/mounting/mount.js";
import { close } from "../../fs-adapter/system/libc.js";
import { createMemfd } from "../../fs-adapter/system/memfd.js";
import type { Settings } from "../configuration/load.js";
import { type MountOptions, RpcErrorCode } from "../rpc/protocol.js";
import { imageIdentity } from "./adopted-server.js";
import { RequestFailure } from "./failure.js";
import type { LiveMounts } from "./live-mounts.js";
import type { Log } from "./log.js";
import { type MadeFolder, removeMadeFolder } from "./made-folder.js";
import { makeFolder } from "./make-folder.js";
import type { MountAttempts } from "./mount-attempts.js";
import type { MountFacts } from "./mount-facts.js";
import type { MountedImage } from "./mounted-image.js";
import type { OpenedSession } from "./open-sessions.js";
import { type OpenedServer, retire } from "./opening.js";
import { raiseReadAhead } from "./read-ahead.js";
import type { ServerPool } from "./server-pool.js";

type CommonFacts = Omit<
  MountFacts,
  "mountpoint" | "device" | "source" | "transport" | "fuse" | "slots"
>;

/** Whatever is read travels without a copy if it can. */
const MAX_READ_BYTES = MAX_SPLICE_BYTES;
/** So that several whole requests are under way: threads that decode, and the next splice, need not wait. */
const READ_AHEAD_BYTES = 4 * MAX_READ_BYTES;

export interface MountRequest {
  session: string;
  options: MountOptions;
  uid: number;
  /** O_PATH; the caller closes it. Without one, `made` is yet to be made. */
  mountpoint?: number;
  /** Owned by the supervisor from here on. */
  made?: MadeFolder;
}

export interface MountingOptions {
  attempts: MountAttempts;
  servers: ServerPool;
  mounts: LiveMounts;
  settings: Settings;
  log: Log;
}

export class Mounting {
  constructor(private readonly options: MountingOptions) {}

  /** Ends the session where it fails, with a RequestFailure. */
  async mount(session: OpenedSession, request: MountRequest): Promise<MountedImage> {
    const { opened, image } = session;
    const { options } = request;
    const { uid, gid, mode, dmode } = options;
    const id = this.options.mounts.table.newId();
    const { mountpoint, made } = await this.placeOf(request, id).catch((error) => {
      session.abandon();
      throw refusal(error);
    });
    try {
      const facts = {
        id,
        image,
        uid: request.uid,
        description: opened.description,
        overrides: { uid, gid, mode, dmode },
        maxReadBytes: MAX_READ_BYTES,
        imageIdentity: imageIdentity(image.fd),
        idleTimeout: options.idleTimeout ?? this.options.settings.current.idleTimeout,
        statistics: opened.statistics,
        sleepTimeout: options.sleepTimeout ?? this.options.settings.current.sleepTimeout,
        made: made && { parent: descriptorPath(made.parent), name: made.name },
      };
      const fuseRequest = {
        mountpoint,
        source: options.fsname ?? image.path,
        maxReadBytes: MAX_READ_BYTES,
        private: options.private ?? process.geteuid?.() !== 0,
        noexec: options.noexec ?? false,
      };
      return options.transport === "fuse-native"
        ? await this.mountNative(facts, fuseRequest, opened, made)
        : await this.mountKernel(facts, fuseRequest, opened, made);
    } catch (error) {
      session.abandon();
      const cleared = this.giveUp(id, made);
      // Who has not made it itself may want to remove those above.
      if (request.mountpoint === undefined) await cleared;
      throw refusal(error);
    } finally {
      if (request.mountpoint === undefined) close(mountpoint);
    }
  }

  /** The folder to mount on, made if it is not there yet. Throws MountError. */
  private async placeOf(
    { mountpoint, made: wanted, uid }: MountRequest,
    id: string,
  ): Promise<{ mountpoint: number; made?: MadeFolder }> {
    if (mountpoint !== undefined) return { mountpoint, made: wanted };
    if (wanted === undefined) throw new MountError("EINVAL", "there is no folder to mount on");
    const parent = descriptorPath(wanted.parent);
    try {
      const { name, fd } = await makeFolder(wanted, (candidate) =>
        this.options.attempts.begin({
          id,
          uid,
          made: { parent, name: candidate },
          mountpoint: join(parent, candidate),
        }),
      );
      return { mountpoint: fd, made: { parent: wanted.parent, name } };
    } catch (error) {
      this.options.attempts.end(id);
      close(wanted.parent);
      throw error;
    }
  }

  /** The note goes last: a successor does by it what is not done by then. */
  private async giveUp(id: string, made: MadeFolder | undefined): Promise<void> {
    if (made !== undefined) await removeMadeFolder(made, (text) => this.options.log.warn(text));
    this.options.attempts.end(id);
  }

  private async mountKernel(
    facts: CommonFacts,
    request: FuseMountRequest,
    opened: OpenedServer,
    made: MadeFolder | undefined,
  ): Promise<MountedImage> {
    // First: a mount that cannot be served for want of descriptors must not be made.
    const slots = createMemfd("isomount-slots", SLOTS_SIZE);
    const { id, uid } = facts;
    const mountpoint = descriptorPath(request.mountpoint);
    let mounted: MountedImage;
    try {
      this.options.attempts.begin({ id, uid, made: facts.made, mountpoint });
      const making = mountFuse(request);
      this.options.mounts.expect(making);
      const { fuse, ...place } = await making;
      mounted = this.options.mounts.add(
        { ...facts, ...place, transport: "dev-fuse", fuse, slots },
        made,
      );
    } catch (error) {
      close(slots);
      throw error;
    }
    this.options.mounts.keep(mounted);
    mounted.serve(opened, false);
    this.options.attempts.end(id);
    raiseReadAhead(mounted.facts.device, READ_AHEAD_BYTES);
    return mounted;
  }

  private async mountNative(
    facts: CommonFacts,
    request: FuseMountRequest,
    opened: OpenedServer,
    made: MadeFolder | undefined,
  ): Promise<MountedImage> {
    if (request.noexec) {
      throw new MountError("EINVAL", "transport=fuse-native has no noexec: leave one of them out");
    }
    // What has opened the image cannot mount by itself: another server does both.
    retire(opened);
    const server = await this.options.servers.openNative(facts.image);
    const mountpoint = descriptorPath(request.mountpoint);
    const mounted = this.options.mounts.add(
      { ...facts, mountpoint, device: "", transport: "fuse-native", fuse: -1, slots: -1 },
      made,
    );
    try {
      await mounted.serveNative(server, { private: request.private, fsname: request.source });
    } catch (error) {
      this.options.mounts.table.remove(mounted);
      retire(server);
      throw error;
    }
    this.options.attempts.end(facts.id);
    return mounted;
  }
}

/** What the client is told. */
function refusal(error: unknown): RequestFailure {
  const details = error instanceof MountError ? { code: error.code } : {};
  return new RequestFailure(RpcErrorCode.mount, (error as Error).message, details);
}
