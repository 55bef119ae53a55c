/**
 * Hands a file over as a client does, and stays: `hand-over.ts FILE COUNT LINE`, the connection being
 * descriptor 3. A process of its own, since whoever has such a file open can neither close it nor
 * start a program.
 */
import { openSync } from "node:fs";
import { sendMessage } from "../../fs-adapter/system/unix-socket.js";

const CONNECTION = 3;
const [path, count, line] = process.argv.slice(2);
const fd = openSync(path, "r");
sendMessage(CONNECTION, Buffer.from(line), Array<number>(Number(count)).fill(fd));
process.stdout.write("sent\n");
setInterval(() => {}, 2 ** 30);
