/** The control socket as JSON-RPC 2.0 has it, asked by a client that is not ours. */
import { connect } from "node:net";
import { beforeAll, describe, expect, it } from "vitest";
import { controlSocket } from "../../daemon/rpc/runtime-folder.js";
import { startIsomount } from "../support/isomount.js";

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
