/**
 * A thread that opens the image and then serves it: blocked in read(2) on /dev/fuse whenever
 * nothing is asked. The first one talks with the supervisor, which says what to open; further ones
 * know that when they start.
 */
import { parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import { opcodeName } from "../../fs-adapter/dev-fuse/abi.js";
import { SharedChunks } from "../../image-core/cache/shared-chunks.js";
import { ImageError } from "../../image-core/errors.js";
import { withOverrides } from "../../image-core/filesystem/overrides.js";
import type { Volume } from "../../image-core/filesystem/volume.js";
import { type OpenedImage, openImage } from "../../image-core/open/open-image.js";
import { FileSource } from "../../image-core/source/file-source.js";
import type { Need } from "../rpc/protocol.js";
import { DecodingLoad } from "./decoding-load.js";
import { openContext } from "./open-context.js";
import type {
  Answer,
  FirstThreadStart,
  FromThread,
  FurtherThreadStart,
  OpenOrder,
  ThreadOrder,
  ThreadStart,
  ToThread,
} from "./thread-messages.js";
import { verify } from "./verify.js";

const start = workerData as ThreadStart;
const load = new DecodingLoad();
const chunks = new SharedChunks(start.chunks, decoded);
/** Whether it is of interest how much this thread decodes. */
let watchesLoad = false;

if ("met" in start) await runFurther(start);
else await runFirst(start);

async function runFirst(start: FirstThreadStart): Promise<void> {
  const early = setTimeout(loadServe, SPARE_AFTER_MILLISECONDS);
  const image = (await nextOrder()) as OpenOrder;
  clearTimeout(early);
  let opened: OpenedImage;
  try {
    opened = await open(image, (need) => askSupervisor(start, need));
  } catch (error) {
    const kind = error instanceof ImageError ? error.kind : "internal";
    tell({ type: "failed", failure: { kind, message: describe(error) } });
    return;
  }
  const { volume, description, layers } = opened;
  tell({ type: "opened", description, statistics: volume.statistics() });
  // Loaded while the supervisor mounts.
  const loading = loadServe();
  const order = await nextOrder();
  if (order.type === "verify") {
    const formats = description.containers.map(({ format }) => format);
    const checked = layers.map((medium, i) => ({ format: formats[i], medium }));
    verify(checked, (progress) => tell({ type: "verified", ...progress }));
    return;
  }
  tell({ type: "serving" });
  await loading;
  await serveVolume(volume, order as ThreadOrder, () => {
    watchesLoad = true;
  });
}

/** A server that hears nothing for so long is a spare one, and has the time to load the rest. */
const SPARE_AFTER_MILLISECONDS = 100;

function loadServe(): Promise<typeof import("../../fs-adapter/dev-fuse/serve.js")> {
  return import("../../fs-adapter/dev-fuse/serve.js");
}

function nextOrder(): Promise<ToThread> {
  return new Promise((resolve) => parentPort?.once("message", resolve));
}

async function runFurther({ image, met, order }: FurtherThreadStart): Promise<void> {
  let opened: OpenedImage;
  try {
    opened = await open(image, (need) => {
      const wanted = JSON.stringify(need);
      const known = met.find((each) => JSON.stringify(each.need) === wanted);
      return { type: "supply", error: known?.error ?? "not known", fd: known?.fd };
    });
  } catch (error) {
    // The first thread serves on alone.
    const message = `serving thread ${start.index} could not open the image: ${describe(error)}`;
    tell({ type: "defect", message });
    return;
  }
  await serveVolume(opened.volume, order, () => {});
}

function tell(message: FromThread): void {
  parentPort?.postMessage(message);
}

/** Longer than a person needs to type a passphrase: beyond it the client is gone. */
const ANSWER_MILLISECONDS = 10 * 60 * 1000;

function askSupervisor({ answered, answers }: FirstThreadStart, need: Need): Answer {
  const before = Atomics.load(answered, 0);
  tell({ type: "need", need });
  Atomics.wait(answered, 0, before, ANSWER_MILLISECONDS);
  const answer = receiveMessageOnPort(answers)?.message as Answer | undefined;
  return answer ?? { type: "supply", error: "nobody answered" };
}

async function open({ config, fd }: OpenOrder, ask: (need: Need) => Answer): Promise<OpenedImage> {
  const file = new FileSource(fd, config.size);
  const opened = await openImage(file, openContext(config, ask, chunks.makeStore));
  chunks.seal();
  return opened;
}

function decoded(milliseconds: number): void {
  if (!watchesLoad || !load.add(milliseconds, performance.now())) return;
  watchesLoad = false;
  tell({ type: "loaded" });
}

async function serveVolume(volume: Volume, order: ThreadOrder, onReady: () => void): Promise<void> {
  const { serve } = await loadServe();
  const { index, counters } = start;
  const shown = withOverrides(volume, order.overrides);
  // What killed an earlier server may have been done ahead of any request.
  const storeQueue = "storeQueue" in start && !order.cautious ? start.storeQueue : undefined;
  const onStores = () => tell({ type: "stores" });
  const workAhead = () => !order.cautious && chunks.workAhead();
  const surroundings = { slotIndex: index, counters, storeQueue };
  serve(shown, { ...order, ...surroundings, onError, onReady, onStores, workAhead });
  tell({ type: "unmounted" });
}

/** Names in it may be as long as the image pleases. */
const MAX_MESSAGE = 16 * 1024;
/** One request after the other may meet the same one. */
const DEFECTS_A_SECOND = 10;
const defects = { second: 0, told: 0 };

/** What is the image's fault is the reader's to see; what is ours belongs in the log as well. */
function onError(error: unknown, opcode: number, node: number): void {
  if (error instanceof ImageError) return;
  const second = Math.floor(Date.now() / 1000);
  if (second !== defects.second) Object.assign(defects, { second, told: 0 });
  if (++defects.told > DEFECTS_A_SECOND) return;
  tell({ type: "defect", message: `${opcodeName(opcode)} of node ${node}: ${describe(error)}` });
}

/** Ours with the stack. */
function describe(error: unknown): string {
  if (error instanceof ImageError) return error.message.slice(0, MAX_MESSAGE);
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return text.slice(0, MAX_MESSAGE);
}
