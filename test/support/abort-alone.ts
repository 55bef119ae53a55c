/** Mounts a FUSE connection on the folder that is named, aborts it, and prints whether that ended it. */
import { openSync } from "node:fs";
import { isConnected } from "../../fs-adapter/dev-fuse/connected.js";
import { abortConnection } from "../../fs-adapter/mounting/abort.js";
import { mountFuse } from "../../fs-adapter/mounting/mount.js";

const O_PATH = 0o10000000;
const { fuse, device } = await mountFuse({
  mountpoint: openSync(process.argv[2], O_PATH),
  source: "abort-alone",
  maxReadBytes: 65_536,
  private: true,
  noexec: false,
});
const before = isConnected(fuse);
abortConnection(device);
console.log(`${before} ${isConnected(fuse)}`);
