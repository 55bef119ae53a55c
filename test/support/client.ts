/** The parts of the command without the command: many mounts in little time, and pauses between the steps. */
import { afterAll } from "vitest";
import { Connection } from "../../daemon/client/connection.js";
import {
  closeMountpoint,
  type Mountpoint,
  openMountpoint,
} from "../../daemon/client/mountpoint.js";
import { openImage } from "../../daemon/client/opener.js";
import { openSession } from "../../daemon/client/session.js";
import type { MountInfo } from "../../daemon/rpc/protocol.js";
import { controlSocket } from "../../daemon/rpc/runtime-folder.js";
import type { Isomount } from "./isomount.js";

export class Client {
  private constructor(private readonly connection: Connection) {}

  static of(isomount: Isomount): Client {
    isomount.succeed("daemon", "start");
    // Not `connect`, which would refuse the folder of another user's daemon.
    const connection = Connection.open(controlSocket(isomount.runtime));
    afterAll(() => connection.close());
    return new Client(connection);
  }

  /** Throws RpcFailure. */
  async mount(image: string, mountpoint: string): Promise<MountInfo> {
    const opened = openMountpoint(mountpoint);
    try {
      return await this.mountOn(image, opened);
    } finally {
      closeMountpoint(opened);
    }
  }

  async mountOn(path: string, { fd }: Mountpoint): Promise<MountInfo> {
    const image = openImage(path);
    try {
      const { id } = await openSession(this.connection, {
        image,
        options: {},
        passphrase: {},
        ask: async () => undefined,
      });
      return this.connection.call("mount", { session: id, options: {} }, [fd]);
    } finally {
      image.close();
    }
  }

  umount(target: string): void {
    this.connection.call("umount", { target });
  }

  list(): MountInfo[] {
    return this.connection.call("list", {});
  }
}
