/**
 * The thread that opens the image and then serves it: blocked in read(2) on /dev/fuse whenever
 * nothing is asked.
 */
import { parentPort, workerData } from "node:worker_threads";
import { opcodeName } from "../../fs-adapter/dev-fuse/abi.js";
import { serve } from "../../fs-adapter/dev-fuse/serve.js";
import { ImageError } from "../../image-core/errors.js";
import { OverriddenVolume } from "../../image-core/filesystem/overrides.js";
import type { Volume } from "../../image-core/filesystem/volume.js";
import { openImage } from "../../image-core/open/open-image.js";
import { FileSource } from "../../image-core/source/file-source.js";
import { IMAGE_FD } from "./messages.js";
import { openContext } from "./open-context.js";
import type { FromThread, ThreadStart, ToThread } from "./thread-messages.js";

const start = workerData as ThreadStart;

function tell(message: FromThread): void {
  parentPort?.postMessage(message);
}

async function open(): Promise<Volume | undefined> {
  try {
    const file = new FileSource(IMAGE_FD, start.config.size);
    const { volume, description } = await openImage(file, openContext(start, tell));
    tell({ type: "opened", description });
    return volume;
  } catch (error) {
    const kind = error instanceof ImageError ? error.kind : "internal";
    const message =
      error instanceof ImageError ? error.message : ((error as Error).stack ?? String(error));
    tell({ type: "failed", failure: { kind, message } });
    return undefined;
  }
}

function withOverrides(volume: Volume, order: ToThread): Volume {
  const wanted = Object.values(order.overrides).some((value) => value !== undefined);
  return wanted ? new OverriddenVolume(volume, order.overrides) : volume;
}

const volume = await open();
if (volume !== undefined) {
  parentPort?.once("message", async (order: ToThread) => {
    const shown = withOverrides(volume, order);
    tell({ type: "serving" });
    if (order.type === "serve") {
      serve(shown, { ...order, slotIndex: 0, counters: start.counters, onError });
    } else {
      const { serveNative } = await import("../../fs-adapter/fuse-native/serve.js");
      await serveNative(shown, order);
    }
    tell({ type: "unmounted" });
  });
}

/** What is the image's fault is the reader's to see; what is ours belongs in the log as well. */
function onError(error: unknown, opcode: number, node: number): void {
  if (error instanceof ImageError) return;
  const stack = error instanceof Error ? error.stack : String(error);
  tell({ type: "defect", message: `${opcodeName(opcode)} of node ${node}: ${stack}` });
}
