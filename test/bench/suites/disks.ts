/** ext4, NTFS and exFAT against their FUSE drivers and, where there is one, the kernel's. */
import type { Suite } from "../bench.js";
import { type Contender, exfatFuse, fuse2fs, isomount, kernelLoop, ntfs3g } from "../contenders.js";
import { FILE_MEBIBYTES } from "../images/contents.js";
import { exfatImage, ext4Image, ntfsImage } from "../images/disk.js";
import { fourWays } from "../work.js";

interface Filesystem {
  name: string;
  image(folder: string): string;
  /** FUSE drivers are to be beaten; the kernel's is there to compare with. */
  drivers: Contender[];
}

const filesystems: Filesystem[] = [
  { name: "ext4", image: ext4Image, drivers: [fuse2fs, kernelLoop] },
  { name: "NTFS", image: ntfsImage, drivers: [ntfs3g] },
  { name: "exFAT", image: exfatImage, drivers: [exfatFuse] },
];

export const disks: Suite = {
  name: "disks",
  title: "Disks: ext4, NTFS, exFAT",
  async run(bench) {
    for (const { name, image: make, drivers } of filesystems) {
      const image = make(bench.folder);
      const able = await bench.able([isomount, ...drivers], image);
      if (able.length === 0) {
        bench.leftOut(`${name}: nothing to compare with`);
        continue;
      }
      const goal = { [fuse2fs.name]: 1, [ntfs3g.name]: 1, [exfatFuse.name]: 1 };
      const sides = able.map((contender) => ({ contender, image }));
      const goals = { sequential: goal, random: goal, find: goal, tar: goal };
      await fourWays(bench, name, sides, FILE_MEBIBYTES, goals);
    }
  },
};
