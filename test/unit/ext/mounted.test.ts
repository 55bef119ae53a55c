/** What only Linux itself writes (large directories, extent trees, access lists, encryption), against Linux. */
import { spawnSync } from "node:child_process";
import { mkdirSync, openSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ROOT_NODE } from "../../../image-core/filesystem/volume.js";
import { FileSource } from "../../../image-core/source/file-source.js";
import { makeImage, openSource } from "../../fixtures/ext/images.js";
import { run, scratch } from "../../support/tools.js";
import { differences } from "./mounted.js";

const folder = scratch("ext-mounted");
const mountpoint = join(folder, "mnt");
mkdirSync(mountpoint);

/** Everything here needs root and a loop device. */
const cannotMount = (() => {
  const image = makeImage(join(folder, "try"), undefined, "4M", []);
  const tried = spawnSync("mount", ["-o", "loop", image, mountpoint]);
  if (tried.status !== 0) return `cannot loop-mount here: ${tried.stderr}`;
  run("umount", [mountpoint]);
  return undefined;
})();
if (cannotMount !== undefined) console.log(`skipped: ${cannotMount}`);

const POPULATE = String.raw`
set -e
mkdir -p d/e/f few; echo hello > d/a; ln d/a d/e/hard
for n in 1 59 60 61 300; do ln -s "$(head -c $n /dev/zero | tr '\0' y)" link$n; done
mknod new c 300 70000; mknod old b 8 255; mkfifo fifo
chown 100000:70000 d/a; chmod 4755 d/a; chmod 1777 d
touch -d '1905-01-01T01:02:03.5Z' past; touch -d '2400-06-01T00:00:00.123456789Z' future
for n in 0 1 59 60 61 100 150 156 157 160 1000 5000; do head -c $n /dev/urandom > in$n; done
head -c 3000000 /dev/urandom > big
python3 -c 'f = open("fragments", "wb"); [(f.seek(n * 2048), f.write(b"%d" % n)) for n in range(600)]'
truncate -s 20M fragments
fallocate -l 200000 preallocated && printf abc | dd of=preallocated bs=1 seek=5000 conv=notrunc status=none
mkdir many; cd many; for n in $(seq 1500); do : > "file $n with a rather long name to fill blocks"; done; rm *7*; cd ..
for n in 1 2 3 4 5 6 7; do echo $n > few/$n; done
setfattr -n user.a -v one d/a; setfattr -n trusted.t -v q d; setfattr -n security.s -v 1 d/e; setfattr -n user.empty past
for n in 1 2 3 4 5 6; do setfattr -n user.n$n -v v$n in60; done
setfattr -n user.long -v "$(head -c 600 /dev/zero | tr '\0' z)" big
setfacl -m u:1000:rw,g:5:r big; setfacl -d -m u:7:rwx d
if [ -n "$EA_INODE" ]; then setfattr -n user.huge -v "$(head -c 50000 /dev/zero | tr '\0' h)" in0; fi
`;

const kinds: string[][] = [
  ["-t", "ext2", "-b", "1024"],
  ["-t", "ext3", "-b", "1024"],
  ["-t", "ext4", "-b", "1024"],
  ["-t", "ext4", "-b", "4096", "-O", "inline_data,ea_inode"],
  ["-t", "ext4", "-b", "2048", "-I", "512", "-O", "inline_data,bigalloc,ea_inode,orphan_file"],
];

for (const options of kinds) {
  test.skipIf(cannotMount !== undefined)(`mke2fs ${options.join(" ")}`, () => {
    const image = makeImage(join(folder, "image"), undefined, "64M", options);
    run("mount", ["-o", "loop,acl,user_xattr", image, mountpoint]);
    try {
      const eaInode = options.join().includes("ea_inode") ? "1" : "";
      run("sh", ["-c", POPULATE], { cwd: mountpoint, env: { ...process.env, EA_INODE: eaInode } });
    } finally {
      run("umount", [mountpoint]);
    }
    run("mount", ["-o", "ro,loop", image, mountpoint]);
    try {
      const volume = openSource(new FileSource(openSync(image, "r")));
      expect(differences(mountpoint, volume)).toEqual([]);
      expect(volume.description.warnings).toEqual([]);
    } finally {
      run("umount", [mountpoint]);
    }
  });
}

test.skipIf(cannotMount !== undefined)("fast commits are named, not applied", () => {
  const image = makeImage(join(folder, "image"), undefined, "32M", [
    "-t",
    "ext4",
    "-O",
    "fast_commit",
  ]);
  run("mount", ["-o", "loop", image, mountpoint]);
  try {
    // An fsync of a small change is a fast commit; the copy is what a power cut would leave.
    const script = 'echo a > a; sync; echo b > b; sync b; cp "$0" "$0.cut"';
    run("sh", ["-c", script, image], { cwd: mountpoint });
  } finally {
    run("umount", [mountpoint]);
  }
  const volume = openSource(new FileSource(openSync(`${image}.cut`, "r")));
  expect(volume.description.warnings.join()).toMatch(
    /fast commits after the last full one are not applied/,
  );
  expect(volume.lookup(ROOT_NODE, "a")).toBeGreaterThan(0);
});

/** Sets a v2 policy with a made-up key on a folder, as fscryptctl would. */
const ENCRYPT = `
import fcntl, os, struct, sys
os.chdir(sys.argv[1])
key = bytearray(struct.pack("<II32sII32s", 2, 0, bytes(32), 64, 0, bytes(32)) + bytes(range(64)))
top = os.open(".", os.O_RDONLY)
fcntl.ioctl(top, 0xc0506617, key)
os.mkdir("secret")
fcntl.ioctl(os.open("secret", os.O_RDONLY), 0x800c6613, struct.pack("<BBBB4x16s", 2, 1, 4, 0, bytes(key[8:24])))
for n in range(int(sys.argv[2])):
    open("secret/file%d%s" % (n, "x" * (n * 7 % 240)), "w").write("secret")
`;

for (const files of [10, 1000]) {
  test.skipIf(cannotMount !== undefined)(`an encrypted directory of ${files} files`, () => {
    const image = makeImage(join(folder, "image"), undefined, "32M", [
      "-t",
      "ext4",
      "-O",
      "encrypt",
    ]);
    run("mount", ["-o", "loop", image, mountpoint]);
    try {
      run("python3", ["-c", ENCRYPT, mountpoint, `${files}`]);
    } finally {
      run("umount", [mountpoint]);
    }
    run("mount", ["-o", "ro,loop", image, mountpoint]);
    try {
      const volume = openSource(new FileSource(openSync(image, "r")));
      expect(differences(mountpoint, volume)).toEqual([]);
    } finally {
      run("umount", [mountpoint]);
    }
  });
}
