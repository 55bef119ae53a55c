/**
 * The thread that opens the image and then serves it: blocked in read(2) on /dev/fuse whenever
 * nothing is asked.
 */
import { parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import { opcodeName } from "../../fs-adapter/dev-fuse/abi.js";
import { ImageError } from "../../image-core/errors.js";
import { withOverrides } from "../../image-core/filesystem/overrides.js";
import type { Volume } from "../../image-core/filesystem/volume.js";
import { openImage } from "../../image-core/open/open-image.js";
import { FileSource } from "../../image-core/source/file-source.js";
import type { Need } from "../rpc/protocol.js";
import { IMAGE_FD } from "./messages.js";
import { openContext } from "./open-context.js";
import type { Answer, FromThread, ThreadStart, ToThread } from "./thread-messages.js";
import { type CheckedLayer, verify } from "./verify.js";

const start = workerData as ThreadStart;

function tell(message: FromThread): void {
  parentPort?.postMessage(message);
}

/** Longer than a person needs to type a passphrase: beyond it the client is gone. */
const ANSWER_MILLISECONDS = 10 * 60 * 1000;

function ask(need: Need): Answer {
  const { answered, answers } = start;
  const before = Atomics.load(answered, 0);
  tell({ type: "need", need });
  Atomics.wait(answered, 0, before, ANSWER_MILLISECONDS);
  const answer = receiveMessageOnPort(answers)?.message as Answer | undefined;
  return answer ?? { type: "supply", error: "nobody answered" };
}

async function open(): Promise<{ volume: Volume; layers: CheckedLayer[] } | undefined> {
  try {
    const file = new FileSource(IMAGE_FD, start.config.size);
    const { volume, description, layers } = await openImage(file, openContext(start.config, ask));
    tell({ type: "opened", description });
    const formats = description.containers.map(({ format }) => format);
    return { volume, layers: layers.map((medium, i) => ({ format: formats[i], medium })) };
  } catch (error) {
    const kind = error instanceof ImageError ? error.kind : "internal";
    const message =
      error instanceof ImageError ? error.message : ((error as Error).stack ?? String(error));
    tell({ type: "failed", failure: { kind, message } });
    return undefined;
  }
}

const opened = await open();
if (opened !== undefined) {
  const { volume, layers } = opened;
  // Loaded while the supervisor mounts.
  const loading = import("../../fs-adapter/dev-fuse/serve.js");
  parentPort?.once("message", async (order: ToThread) => {
    if (order.type === "verify") {
      verify(layers, (progress) => tell({ type: "verified", ...progress }));
      return;
    }
    tell({ type: "serving" });
    const { serve } = await loading;
    const shown = withOverrides(volume, order.overrides);
    serve(shown, { ...order, slotIndex: 0, counters: start.counters, onError });
    tell({ type: "unmounted" });
  });
}

/** What is the image's fault is the reader's to see; what is ours belongs in the log as well. */
function onError(error: unknown, opcode: number, node: number): void {
  if (error instanceof ImageError) return;
  const stack = error instanceof Error ? error.stack : String(error);
  tell({ type: "defect", message: `${opcodeName(opcode)} of node ${node}: ${stack}` });
}
