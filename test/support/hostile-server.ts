/**
 * What a server may be once an image has taken it over: a program that holds a server's descriptors
 * and does its worst with them. The name of the image says which. Bundled, it takes the place of
 * `server.js` in a build.
 */
import { ftruncateSync, writeSync } from "node:fs";
import { confine } from "../../fs-adapter/seccomp/install.js";
import { execv } from "../../fs-adapter/system/libc.js";
import {
  acceptUnix,
  receiveMessage,
  sendMessage,
  setBlocking,
} from "../../fs-adapter/system/unix-socket.js";

const LISTENER_FD = 3;
const volume = {
  format: "iso9660",
  title: "ISO 9660",
  label: "",
  blockSize: 2048,
  features: [],
  warnings: [],
};
const description = {
  name: "x.iso",
  size: 1,
  containers: [{ format: "raw", title: "Raw", details: {} }],
  sectorSize: 2048,
  volume,
  boot: [],
  warnings: [],
};
const statistics = { blockSize: 2048, blocks: 1, freeBlocks: 0, files: 1, maxNameBytes: 255 };

setBlocking(LISTENER_FD);
const link = acceptUnix(LISTENER_FD)!;
const buffer = Buffer.alloc(192 * 1024);

function hear() {
  const { bytes, descriptors } = receiveMessage(link, buffer)!;
  if (bytes.length === 0) process.exit(0);
  return { message: JSON.parse(Buffer.from(bytes).toString()), descriptors };
}
const say = (text: string, descriptors: number[] = []) =>
  sendMessage(link, Buffer.from(text), descriptors);
const tell = (message: unknown) => say(JSON.stringify(message));
const open = (changes: object = {}) =>
  tell({ type: "opened", description: { ...description, ...changes }, statistics });

/** Listens on, so that its end is not the reason for anything. */
function stay(): never {
  for (;;) hear();
}

/** As soon as it is to serve. */
function serving(act: (slots: number) => void): () => void {
  return () => {
    open();
    const { descriptors } = hear();
    tell({ type: "serving" });
    act(descriptors[1]);
    stay();
  };
}

const pong = { type: "pong", counters: {}, busyMilliseconds: 0 };

const deeds: Record<string, () => void> = {
  "no-json": () => say("}{"),
  null: () => say("null"),
  "no-type": () => tell({}),
  prototype: () => tell({ type: "__proto__" }),
  "no-need": () => tell({ type: "need" }),
  "odd-need": () => tell({ type: "need", need: { kind: "neighbour", path: 7 } }),
  "other-need": () => tell({ type: "need", need: { kind: "root", path: "/" } }),
  "no-failure": () => tell({ type: "failed" }),
  "no-description": () => tell({ type: "opened" }),
  "odd-description": () => open({ volume: null, containers: 7, warnings: "none" }),
  "odd-volume": () => open({ volume: { ...volume, label: { toString: 1 } } }),
  "odd-container": () => open({ containers: [null] }),
  "no-statistics": () => tell({ type: "opened", description }),
  "odd-findings": () => {
    open();
    hear();
    tell({ type: "verified", formats: [], share: 0, findings: 7, finished: false });
  },
  "odd-pong": serving(() => tell({ type: "pong" })),
  "wrong-pong": serving(() =>
    tell({ ...pong, counters: { requests: "many", reads: null }, busyMilliseconds: "none" }),
  ),
  "no-defect": serving(() => tell({ type: "defect" })),
  flood: serving(() => {
    for (;;) tell(pong);
  }),
  defects: serving(() => {
    for (;;) tell({ type: "defect", message: "x".repeat(100_000) });
  }),
  complaints: serving(() => {
    for (;;) writeSync(2, "x".repeat(1000) + "\n".repeat(30_000));
  }),
  "long-complaint": serving(() => {
    for (;;) writeSync(2, "x".repeat(60_000));
  }),
  gone: serving(() => tell({ type: "unmounted" })),
  shrink: serving((slots) => {
    try {
      ftruncateSync(slots, 0);
    } catch (error) {
      writeSync(2, `slots: ${(error as NodeJS.ErrnoException).code}\n`);
    }
  }),
  program: serving(() => {
    const problem = confine([0, 1, 2, LISTENER_FD]);
    if (problem !== undefined) writeSync(2, `${problem}\n`);
    execv("/bin/true", ["/bin/true", null]);
  }),
  needs: () => {
    const path = "x".repeat(100_000);
    for (let i = 0; ; i++) tell({ type: "need", need: { kind: "neighbour", path: i + path } });
  },
  "patient-needs": () => {
    const path = "/x".repeat(30_000);
    for (let i = 0; ; i++) {
      tell({ type: "need", need: { kind: "neighbour", path: i + path } });
      hear();
    }
  },
};

const { message } = hear();
const deed = message.config.name.replace(".iso", "");
deeds[deed]();
stay();
