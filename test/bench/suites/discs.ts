/** Raw sectors against the plain image, and UDF against ISO 9660 with the same files. */
import { megabytesPerSecond, readsPerSecond, type Suite } from "../bench.js";
import { isomount, isomountWith, serverOf } from "../contenders.js";
import { FILE_MEBIBYTES } from "../images/contents.js";
import { bridgeImage, rawImage } from "../images/disc.js";
import { LARGE_FILE_MEBIBYTES, largeImage } from "../images/iso.js";
import { peakMemory, warm } from "../measure.js";
import { find, fourWays, readAtRandom, readFirst } from "../work.js";

const plain = { ...isomount, name: "the plain ISO" };
const udf = isomountWith("UDF", "view=udf");
const iso9660 = isomountWith("ISO 9660, the same disc", "view=rockridge");

export const discs: Suite = {
  name: "discs",
  title: "UDF and raw discs",
  async run(bench) {
    const image = largeImage(bench.folder);
    const raw = rawImage(bench.folder, image);
    warm(image);
    warm(raw);
    const sides = (measure: (mountpoint: string) => number) => [
      bench.mounted(isomount, raw, measure),
      bench.mounted(plain, image, measure),
    ];
    await bench.compare(
      `sectors of 2352 bytes: sequential read of ${LARGE_FILE_MEBIBYTES} MiB`,
      megabytesPerSecond,
      sides((mountpoint) => readFirst(mountpoint, LARGE_FILE_MEBIBYTES)),
      { [plain.name]: 0.5 },
    );
    await bench.compare(
      "sectors of 2352 bytes: 4 KiB random reads",
      readsPerSecond,
      sides((mountpoint) => readAtRandom(mountpoint)),
      { [plain.name]: 0.9 },
    );
    const bridge = bridgeImage(bench.folder);
    const goal = { [iso9660.name]: 0.9 };
    await fourWays(
      bench,
      "UDF",
      [udf, iso9660].map((contender) => ({ contender, image: bridge })),
      FILE_MEBIBYTES,
      { sequential: goal, random: goal, find: goal, tar: goal },
    );
    const peak = await bench.whileMounted(udf, bridge, (mountpoint) => {
      find(mountpoint);
      readFirst(mountpoint, FILE_MEBIBYTES);
      return peakMemory(serverOf(mountpoint));
    });
    bench.fact(
      "server of a UDF disc after find and a sequential read",
      `${peak.toFixed(0)} MiB resident at most`,
      "150 MiB",
      peak < 150,
    );
  },
};
