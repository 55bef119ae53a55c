/**
 * A filesystem of one file, `image`, that can withhold one answer: `withholding.ts MOUNTPOINT IMAGE
 * CONTROL [USER]`, run as root; the mount is USER's. When CONTROL/hold is there, the next READ beyond the file's middle gets no
 * answer as long as this process lives, and CONTROL/held is written; as long as CONTROL/hold-flush is
 * there, the same goes for each FLUSH. Whoever has asked waits in the
 * kernel then, and no signal ends that: the request has been read, and with it the wait is
 * uninterruptible (the kernel's fs/fuse/dev.c, request_wait_answer).
 *
 * Answers go around the page cache (FOPEN_DIRECT_IO), so that asking again is another request.
 */
import { execFileSync } from "node:child_process";
import {
  closeSync,
  existsSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import {
  IN_HEADER_SIZE,
  InHeader,
  Opcode,
  OUT_HEADER_SIZE,
} from "../../fs-adapter/dev-fuse/abi.js";
import { mountFuse } from "../../fs-adapter/mounting/mount.js";

const O_PATH_DIRECTORY = 0o12200000;
const FOPEN_DIRECT_IO = 1;
const ENOENT = 2;
const ENOSYS = 38;
const ROOT = 1n;
const FILE = 2n;
const ATTR_SIZE = 88;

const [mountpoint, imagePath, control, user] = process.argv.slice(2);
const image = readFileSync(imagePath);
const request = Buffer.alloc(256 * 1024);

const fuse = user === undefined ? await mountOurs() : mountOf(user);
process.stdout.write("ready\n");

async function mountOurs(): Promise<number> {
  const folder = openSync(mountpoint, O_PATH_DIRECTORY);
  const { fuse } = await mountFuse({
    mountpoint: folder,
    source: "withholding",
    maxReadBytes: 128 * 1024,
    private: false,
    noexec: false,
  });
  closeSync(folder);
  return fuse;
}

function mountOf(owner: string): number {
  const fd = openSync("/dev/fuse", "r+");
  const options = `fd=3,rootmode=40000,user_id=${owner},group_id=${owner},allow_other`;
  const parameters = ["-i", "-t", "fuse", "-o", options, "withholding", mountpoint];
  execFileSync("mount", parameters, { stdio: ["ignore", "inherit", "inherit", fd] });
  return fd;
}

/** struct fuse_attr. */
function attributes(node: bigint): Buffer {
  const attr = Buffer.alloc(ATTR_SIZE);
  attr.writeBigUInt64LE(node, 0);
  attr.writeBigUInt64LE(BigInt(image.length), 8);
  attr.writeUInt32LE(node === ROOT ? 0o40755 : 0o100644, 60);
  attr.writeUInt32LE(1, 64);
  return attr;
}

/** A number is an errno. */
function answer(words: Uint32Array): Buffer | number | undefined {
  const node = request.readBigUInt64LE(4 * InHeader.node);
  const body = request.subarray(IN_HEADER_SIZE, words[InHeader.len]);
  switch (words[InHeader.opcode]) {
    case Opcode.INIT: {
      const out = Buffer.alloc(64);
      out.writeUInt32LE(7, 0);
      out.writeUInt32LE(31, 4);
      out.writeUInt32LE(4096, 20);
      return out;
    }
    case Opcode.LOOKUP: {
      if (body.toString("latin1", 0, body.length - 1) !== "image") return ENOENT;
      const out = Buffer.alloc(40);
      out.writeBigUInt64LE(FILE, 0);
      return Buffer.concat([out, attributes(FILE)]);
    }
    case Opcode.GETATTR:
      return Buffer.concat([Buffer.alloc(16), attributes(node)]);
    case Opcode.OPEN: {
      const out = Buffer.alloc(16);
      out.writeUInt32LE(FOPEN_DIRECT_IO, 8);
      return out;
    }
    case Opcode.READ: {
      const offset = Number(body.readBigUInt64LE(8));
      const hold = join(control, "hold");
      if (offset > image.length / 2 && existsSync(hold)) {
        rmSync(hold);
        writeFileSync(join(control, "held"), "");
        return undefined;
      }
      return image.subarray(offset, offset + body.readUInt32LE(16));
    }
    case Opcode.FLUSH:
      // Asked by each close(2) of a file.
      if (!existsSync(join(control, "hold-flush"))) return Buffer.alloc(0);
      writeFileSync(join(control, "held"), "");
      return undefined;
    case Opcode.RELEASE:
      return Buffer.alloc(0);
    case Opcode.FORGET:
    case Opcode.BATCH_FORGET:
    case Opcode.INTERRUPT:
      return undefined;
    default:
      return ENOSYS;
  }
}

for (;;) {
  let length = 0;
  try {
    length = readSync(fuse, request);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENODEV") break;
    // ENOENT: whoever had asked was killed.
    if (code !== "ENOENT" && code !== "EINTR") throw error;
  }
  if (length === 0) continue;
  const words = new Uint32Array(request.buffer, request.byteOffset, IN_HEADER_SIZE / 4);
  const reply = answer(words);
  if (reply === undefined) continue;
  const payload = typeof reply === "number" ? Buffer.alloc(0) : reply;
  const header = Buffer.alloc(OUT_HEADER_SIZE);
  header.writeUInt32LE(OUT_HEADER_SIZE + payload.length, 0);
  header.writeInt32LE(typeof reply === "number" ? -reply : 0, 4);
  header.writeUInt32LE(words[InHeader.uniqueLow], 8);
  header.writeUInt32LE(words[InHeader.uniqueHigh], 12);
  try {
    writeSync(fuse, Buffer.concat([header, payload]));
  } catch (error) {
    // Interrupted: nobody waits for the answer any more.
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}
