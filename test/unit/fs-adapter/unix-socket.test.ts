import { closeSync, fstatSync, openSync, readlinkSync, unlinkSync, writeSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { POLLIN, Poller } from "../../../fs-adapter/system/poller.js";
import {
  acceptUnix,
  connectUnix,
  listenUnix,
  peerCredentials,
  receiveMessage,
  sendMessage,
  setTimeouts,
  socketPair,
} from "../../../fs-adapter/system/unix-socket.js";
import { scratch } from "../../support/tools.js";

const folder = scratch("sockets");

it("carries descriptors with the message that they belong to", () => {
  const [left, right] = socketPair("packet");
  const file = openSync("/etc/hostname", "r");
  sendMessage(left, Buffer.from("one"));
  sendMessage(left, Buffer.from("two"), [file, file]);
  const buffer = new Uint8Array(100);
  expect(receiveMessage(right, buffer)?.descriptors).toEqual([]);
  const received = receiveMessage(right, buffer);
  expect(Buffer.from(received?.bytes ?? []).toString()).toBe("two");
  expect(received?.descriptors.length).toBe(2);
  for (const fd of received?.descriptors ?? []) {
    expect(readlinkSync(`/proc/self/fd/${fd}`)).toBe("/etc/hostname");
    closeSync(fd);
  }
  for (const fd of [left, right, file]) closeSync(fd);
});

it("says who connected", () => {
  const path = join(folder, "peer.sock");
  const listener = listenUnix(path);
  expect(acceptUnix(listener)).toBeUndefined();
  const client = connectUnix(path);
  const accepted = acceptUnix(listener) as number;
  expect(peerCredentials(accepted)).toEqual({
    pid: process.pid,
    uid: process.getuid?.(),
    gid: process.getgid?.(),
  });
  for (const fd of [client, accepted, listener]) closeSync(fd);
  unlinkSync(path);
});

it("says why it cannot connect", () => {
  expect(() => connectUnix(join(folder, "none.sock"))).toThrow(/ENOENT/);
  expect(() => connectUnix("x".repeat(108))).toThrow(/longer than 107/);
});

it("waits for no peer longer than told, and not at all if told so", () => {
  const [left, right] = socketPair("stream");
  setTimeouts(left, 1);
  expect(() => receiveMessage(left, new Uint8Array(8))).toThrow(/EAGAIN/);
  expect(receiveMessage(left, new Uint8Array(8), false)).toBeUndefined();
  const flood = () => sendMessage(left, new Uint8Array(1 << 20), [], false);
  expect(() => {
    for (let i = 0; i < 100; i++) flood();
  }).toThrow(/EAGAIN/);
  closeSync(right);
  expect(() => sendMessage(left, new Uint8Array(1))).toThrow(/EPIPE/);
  closeSync(left);
});

it("closes no descriptor behind anybody's back", () => {
  const [left, right] = socketPair("stream");
  expect(fstatSync(left).isSocket() && fstatSync(right).isSocket()).toBe(true);
  closeSync(left);
  expect(receiveMessage(right, new Uint8Array(1))?.bytes.length).toBe(0);
  closeSync(right);
});

it("polls many descriptors, each once", async () => {
  const poller = new Poller();
  const pairs = Array.from({ length: 20 }, () => socketPair("stream"));
  const ready: number[] = [];
  const all = new Promise<void>((resolve) => {
    pairs.forEach(([reader], index) => {
      poller.watch(reader, POLLIN, () => {
        if (ready.push(index) === pairs.length) resolve();
      });
    });
  });
  for (const [, writer] of pairs) {
    writeSync(writer, "x");
    writeSync(writer, "y");
  }
  await all;
  expect([...ready].sort((a, b) => a - b)).toEqual(pairs.map((_, index) => index));
  poller.close();
  for (const fd of pairs.flat()) closeSync(fd);
});
