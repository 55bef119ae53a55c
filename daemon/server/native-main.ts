/**
 * The server of the fuse-native transport: one thread, outside the sandbox, mounting by itself.
 * Blocks while the image is opened, as nothing else is asked of it then.
 */
import "../no-debugger.js";
import { mountNative, unmountedNative } from "../../fs-adapter/fuse-native/serve.js";
import { check, poll } from "../../fs-adapter/system/libc.js";
import { POLLIN, Poller } from "../../fs-adapter/system/poller.js";
import { acceptUnix, receiveMessage, sendMessage } from "../../fs-adapter/system/unix-socket.js";
import { ImageError } from "../../image-core/errors.js";
import { withOverrides } from "../../image-core/filesystem/overrides.js";
import { openImage } from "../../image-core/open/open-image.js";
import { FileSource } from "../../image-core/source/file-source.js";
import { type FromServer, LISTENER_FD, MAX_PACKET_BYTES, type ToServer } from "./messages.js";
import { openContext } from "./open-context.js";
import { PacketLink } from "./packet-link.js";

const supervisor = acceptSupervisor();
const packet = Buffer.allocUnsafeSlow(MAX_PACKET_BYTES);

function acceptSupervisor(): number {
  const wanted = Buffer.alloc(8);
  wanted.writeInt32LE(LISTENER_FD, 0);
  wanted.writeInt16LE(POLLIN, 4);
  for (;;) {
    check(poll(wanted, 1, -1), "poll");
    const fd = acceptUnix(LISTENER_FD);
    if (fd !== undefined) return fd;
  }
}

function tell(message: FromServer): void {
  sendMessage(supervisor, Buffer.from(JSON.stringify(message)));
}

function hear(): ToServer & { fd?: number } {
  const received = receiveMessage(supervisor, packet)!;
  // The mount is not made yet: without a supervisor there is nobody to make it for.
  if (received.bytes.length === 0) process.exit(0);
  const message = JSON.parse(packet.toString("utf8", 0, received.bytes.length)) as ToServer;
  return { ...message, fd: received.descriptors[0] };
}

try {
  const image = hear();
  if (image.type !== "open" || image.fd === undefined) throw new Error(`told to ${image.type}`);
  const { config, fd } = image;
  const context = openContext(config, (need) => {
    tell({ type: "need", need });
    for (;;) {
      const answer = hear();
      if (answer.type === "supply") return answer;
    }
  });
  const { volume, description } = await openImage(new FileSource(fd, config.size), context);
  tell({ type: "opened", description, statistics: volume.statistics() });
  const order = hear();
  const poller = new Poller();
  if (order.type !== "serve-native") throw new Error(`told to ${order.type}`);
  // From here on a supervisor that goes away takes nothing with it.
  const link = new PacketLink<ToServer, FromServer>(
    poller,
    supervisor,
    () => {},
    () => {},
  );
  await mountNative(withOverrides(volume, order.overrides), {
    ...order,
    onError(error, operation, path) {
      if (error instanceof ImageError) return;
      const text = error instanceof Error ? error.stack : String(error);
      link.send({ type: "defect", message: `${operation} of ${path}: ${text}` });
    },
  });
  link.send({ type: "serving" });
  await unmountedNative(order.mountpoint, poller);
  link.send({ type: "unmounted" });
  poller.close();
  process.exit(0);
} catch (error) {
  const kind = error instanceof ImageError ? error.kind : "internal";
  tell({ type: "failed", failure: { kind, message: (error as Error).message } });
  process.exit(1);
}
