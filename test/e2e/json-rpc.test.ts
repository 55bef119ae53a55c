/** The control socket as JSON-RPC 2.0 has it, asked by a client that is not ours. */
import { closeSync, openSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { MAX_LINE_BYTES } from "../../daemon/rpc/protocol.js";
import { controlSocket } from "../../daemon/rpc/runtime-folder.js";
import { close } from "../../fs-adapter/system/libc.js";
import {
  connectUnix,
  receiveMessage,
  sendMessage,
  setTimeouts,
} from "../../fs-adapter/system/unix-socket.js";
import { buildIso, file, folder } from "../fixtures/iso9660/iso-builder.js";
import { startIsomount } from "../support/isomount.js";
import { descriptors, eventually } from "../support/processes.js";

const isomount = startIsomount();
beforeAll(() => {
  isomount.succeed("daemon", "start");
});

interface Answer {
  jsonrpc: string;
  id: unknown;
  result?: unknown;
  error?: { code: number; message: string };
}

/** Sends it, says that there is no more, and takes what comes until the daemon has closed. */
function ask(text: string | Buffer): Promise<Answer[]> {
  return new Promise((resolve, reject) => {
    let said = "";
    const client = connect({ path: controlSocket(isomount.runtime), allowHalfOpen: true });
    client.setEncoding("utf8").on("data", (part) => {
      said += part;
    });
    client.on("error", reject).on("end", () => {
      client.destroy();
      resolve(said.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line)])));
    });
    client.end(text);
  });
}

const request = (id: unknown, method = "list", params: unknown = {}) =>
  `${JSON.stringify({ jsonrpc: "2.0", id, method, params })}\n`;

describe("the control socket", () => {
  it("answers who has sent all that they had to say", async () => {
    const [answer] = await ask(request(1, "metrics"));
    expect(answer).toMatchObject({ jsonrpc: "2.0", id: 1 });
    expect(answer.result).toHaveProperty("text");
  });

  it("answers each of many at once by its id", async () => {
    const ids = Array.from({ length: 50 }, (_, i) => `r${i}`);
    const answers = await ask(ids.map((id) => request(id)).join(""));
    expect(answers.map(({ id }) => id).sort()).toEqual(ids.sort());
  });

  it.each([7, -1, 0, "7", "", "\u{1f4bf}", null])("gives the id %j back", async (id) => {
    expect(await ask(request(id))).toMatchObject([{ id, result: [] }]);
  });

  it.each([true, {}, [], 1.5, 2 ** 60])("takes no id like %j", async (id) => {
    expect(await ask(request(id))).toMatchObject([{ id: null, error: { code: -32600 } }]);
  });

  it("answers no notification, be it right or wrong", async () => {
    const notifications = ["list", "nonsense", "umount"].map((each) => request(undefined, each));
    expect(await ask(notifications.join("") + request("last"))).toMatchObject([{ id: "last" }]);
  });

  it.each<[string, string, number]>([
    ["no JSON", "{", -32700],
    ["no JSON, at all", "\u0000", -32700],
    ["a batch", `[${request(1).trim()}]`, -32600],
    ["an empty batch", "[]", -32600],
    ["no object", "1", -32600],
    ["another version", '{"jsonrpc":"1.0","id":null,"method":"list"}', -32600],
    ["no version", '{"id":null,"method":"list"}', -32600],
    ["no method", '{"jsonrpc":"2.0","id":null}', -32600],
    ["an unknown method", request(null, "toString").trim(), -32601],
    ["positions", request(null, "wait", ["m1"]).trim(), -32602],
    ["nesting", `${"[".repeat(1000)}${"]".repeat(1000)}`, -32700],
  ])("refuses %s", async (_, line, code) => {
    expect(await ask(`${line}\n`)).toMatchObject([{ id: null, error: { code } }]);
  });

  it("refuses numbers that no owner, group or mode can be", async () => {
    const owner = { uid: 2 ** 32 - 1, gid: 0 };
    const answers = await ask(request(1, "open", { image: "/x", owner, timeZone: "UTC" }));
    expect(answers[0].error?.message).toBe("params.owner.uid is more than 4294967294");
  });
});

describe("descriptors", () => {
  const image = join(isomount.folder, "disc.iso");
  const open = (id: unknown) =>
    request(id, "open", { image, owner: { uid: 0, gid: 0 }, timeZone: "UTC" });
  /** What is sent is read in one go. */
  const whileStopped = (send: () => void) => {
    const daemon = isomount.daemonPid()!;
    process.kill(daemon, "SIGSTOP");
    try {
      send();
    } finally {
      process.kill(daemon, "SIGCONT");
    }
  };
  let client: number;
  let fd: number;

  beforeAll(() => {
    writeFileSync(image, buildIso(folder("", [file("A.TXT;1", "a\n")])));
    fd = openSync(image, "r");
    return () => closeSync(fd);
  });
  beforeEach(() => {
    client = connectUnix(controlSocket(isomount.runtime));
    setTimeouts(client, 20);
    return () => close(client);
  });

  function answers(count: number): Answer[] {
    let said = "";
    const buffer = Buffer.alloc(64 * 1024);
    while (said.split("\n").length <= count) {
      const { bytes } = receiveMessage(client, buffer)!;
      if (bytes.length === 0) throw new Error(`closed after ${said}`);
      said += Buffer.from(bytes).toString("latin1");
    }
    return said
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
  }

  it("go to the line that they came with, be it read together with others", () => {
    whileStopped(() => {
      sendMessage(client, Buffer.from(request(1)));
      sendMessage(client, Buffer.from(open(2)), [fd]);
      sendMessage(client, Buffer.from(request(3) + request(4)));
      sendMessage(client, Buffer.from(open(5)), [fd]);
    });
    const opened = answers(5).filter(({ id }) => id === 2 || id === 5);
    for (const { result } of opened) expect(result).toHaveProperty("session");
    expect(opened).toHaveLength(2);
  });

  it("go to their line in however many parts it comes, and whichever part they ride with", () => {
    const line = Buffer.from(open(1));
    for (const at of [0, 1, line.length >> 1, line.length - 1]) {
      for (let i = 0; i < line.length; i++) {
        sendMessage(client, line.subarray(i, i + 1), i === at ? [fd] : []);
      }
      const [{ result }] = answers(1);
      expect(result).toHaveProperty("session");
    }
  });

  it.each([
    [
      "too many with one line",
      () => sendMessage(client, Buffer.from(request(1)), Array(253).fill(fd)),
      "more than 16 descriptors",
    ],
    [
      "a line without end",
      () => sendMessage(client, Buffer.alloc(MAX_LINE_BYTES + 1, 0x20), [fd]),
      `a line of more than ${MAX_LINE_BYTES} bytes`,
    ],
    [
      "a line one byte too long",
      () => sendMessage(client, Buffer.from(request(1).padStart(MAX_LINE_BYTES + 1))),
      `a line of more than ${MAX_LINE_BYTES} bytes`,
    ],
    [
      "more than anybody asks at once",
      () => sendMessage(client, Buffer.from(request(1, "wait", { id: "m999" }).repeat(65))),
      "64 things",
    ],
  ])("of who sends %s are closed, and the log says why", async (_, send, reason) => {
    // One line in a second is said.
    await new Promise((done) => setTimeout(done, 1100));
    const daemon = isomount.daemonPid()!;
    const before = descriptors(daemon).length;
    send();
    await eventually(
      "it is said",
      () =>
        isomount
          .daemonLog()
          .includes(
            `closed the connection of user ${process.getuid!()} (process ${process.pid}): it `,
          ) && isomount.daemonLog().includes(reason),
    );
    await eventually("they are closed", () => descriptors(daemon).length < before);
  });

  it("may come with the longest line", () => {
    const line = open(1).trim();
    sendMessage(client, Buffer.from(`${" ".repeat(MAX_LINE_BYTES - line.length - 1)}${line}\n`), [
      fd,
    ]);
    expect(answers(1)[0].result).toHaveProperty("session");
  });
});
