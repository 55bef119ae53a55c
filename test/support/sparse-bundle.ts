/** Sparse bundles: images of as many files as a test wants. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Returns how many bands it has. */
export function writeSparseBundle(path: string, disk: Buffer, bandSize: number): number {
  mkdirSync(join(path, "bands"), { recursive: true });
  const plist = [
    "<key>diskimage-bundle-type</key><string>com.apple.diskimage.sparsebundle</string>",
    `<key>band-size</key><integer>${bandSize}</integer>`,
    `<key>size</key><integer>${disk.length}</integer>`,
  ].join("");
  writeFileSync(
    join(path, "Info.plist"),
    `<?xml version="1.0"?><plist version="1.0"><dict>${plist}</dict></plist>`,
  );
  for (let at = 0; at < disk.length; at += bandSize) {
    const name = (at / bandSize).toString(16);
    writeFileSync(join(path, "bands", name), disk.subarray(at, at + bandSize));
  }
  return Math.ceil(disk.length / bandSize);
}
