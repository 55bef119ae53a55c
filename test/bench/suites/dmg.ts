/** DMG: every codec against 7-Zip and against the codec's own tool, random reads, memory. */
import { execFileSync } from "node:child_process";
import { cpus } from "node:os";
import { basename, join } from "node:path";
import {
  type Bench,
  type Entrant,
  megabytesPerSecond,
  readsPerSecond,
  reasonOf,
  type Suite,
} from "../bench.js";
import { isomount, serverOf } from "../contenders.js";
import {
  type Codec,
  codecStream,
  codecs,
  dmgImage,
  FILE_BYTES,
  fileNames,
  hfsPlusImage,
} from "../images/dmg.js";
import {
  everyBlockAtRandom,
  forget,
  median,
  peakMemory,
  processorTime,
  randomReads,
  seconds,
  warm,
} from "../measure.js";

/** 192 MiB, as much as an application holds; the cache of chunks cannot hold it. */
const FILES = 24;
/** 24 MiB: they fit. */
const FITTING_FILES = 3;
/** The one that the decoder is left with where it is compared with a tool that uses one. */
const ONE_CORE = String(cpus().length - 1);

const SEVEN_ZIP = "7z x -so";
const uncompressed = { ...isomount, name: "the same volume, not compressed" };

interface Tool {
  name: string;
  goal?: number;
  /** Seconds that it takes for the chunks in this file. */
  decode(stream: string): number;
}

const onOneCore = ["-c", ONE_CORE];

const filter = (...command: string[]): Tool => ({
  name: `${command.join(" ")}, one core`,
  decode: (stream) => seconds("taskset", [...onOneCore, ...command, stream]),
});

/** Prints how long it took, without the start of Python. Members hold 256 KiB at most. */
const INFLATE = `
import sys, time, zlib
data = memoryview(open(sys.argv[1], "rb").read())
start = time.perf_counter()
while data:
    decoder = zlib.decompressobj(31)
    window = data[:272 * 1024]
    decoder.decompress(window)
    data = data[len(window) - len(decoder.unused_data):]
print(time.perf_counter() - start)
`;

/** Python's module is the C library, which has no tool of its own; gzip has its own inflate. */
const zlib: Tool = {
  name: "zlib (through Python), one core",
  decode: (stream) =>
    Number(execFileSync("taskset", [...onOneCore, "python3", "-c", INFLATE, stream])),
};

const tools: [Codec, Tool[]][] = [
  [codecs.UDZO, [{ ...zlib, goal: 0.9 }, filter("gzip", "-dc")]],
  [codecs.UDBZ, [{ ...filter("bzip2", "-dc"), goal: 0.5 }]],
  [codecs.ULFO, []],
  [codecs.ULMO, [{ ...filter("xz", "-dc", "-T1"), goal: 0.5 }]],
];

export const dmg: Suite = {
  name: "dmg",
  title: "DMG",
  async run(bench) {
    for (const [codec, codecTools] of tools) await everything(bench, codec, codecTools);
    await randomInPieces(bench);
    await decodedOnce(bench);
  },
};

const rate = (elapsed: number) => (FILES * FILE_BYTES) / elapsed / 1e6;

function cat(mountpoint: string, files: number): number {
  return seconds(
    "cat",
    fileNames(files).map((name) => join(mountpoint, name)),
  );
}

/** Every file of an image, once with all cores and once with the server on one. */
async function everything(bench: Bench, codec: Codec, codecTools: readonly Tool[]): Promise<void> {
  const image = dmgImage(bench.folder, codec, FILES);
  warm(image);
  const measure = (mountpoint: string) => rate(cat(mountpoint, FILES));
  const plain = hfsPlusImage(bench.folder, FILES);
  warm(plain);
  const entrants = [
    bench.mounted(isomount, image, measure),
    bench.mounted(uncompressed, plain, measure),
  ];
  if (readsEverything(bench, image)) {
    entrants.push({
      name: SEVEN_ZIP,
      take: async () => rate(seconds("7z", ["x", "-so", image])),
    });
  }
  const all = `${codec.name}: cat of all files, ${(FILES * FILE_BYTES) >> 20} MiB`;
  await bench.compare(all, megabytesPerSecond, entrants, { [SEVEN_ZIP]: 1.5 });
  const stream = codecStream(bench.folder, codec, FILES);
  if (stream === undefined) {
    bench.leftOut(`a tool for ${codec.name}: Debian has none`);
  } else {
    const bound = bench.mounted(isomount, image, (mountpoint) => {
      bind(serverOf(mountpoint));
      return rate(cat(mountpoint, FILES));
    });
    const what = `${codec.name}: cat of all files, the server on one core`;
    for (const { name, goal, decode } of codecTools) {
      const tool: Entrant = { name, take: async () => rate(decode(stream)) };
      const goals = goal === undefined ? {} : { [name]: goal };
      await bench.compare(what, megabytesPerSecond, [bound, tool], goals);
    }
  }
  const peak = await bench.whileMounted(isomount, image, (mountpoint) => {
    cat(mountpoint, FILES);
    return peakMemory(serverOf(mountpoint));
  });
  bench.fact(
    `server after cat of all files of ${codec.name}`,
    `${peak.toFixed(0)} MiB resident at most`,
    "150 MiB",
    peak < 150,
  );
}

/** All threads of a process stay on one core from now on. */
function bind(pid: number): void {
  execFileSync("taskset", ["-a", "-p", "-c", ONE_CORE, String(pid)], { stdio: "ignore" });
}

/** Whether 7-Zip unpacks as much as there is: a failure that is fast is no comparison. */
function readsEverything(bench: Bench, image: string): boolean {
  try {
    const script = '7z x -so "$0" | wc -c';
    const stdio: ["ignore", "pipe", "pipe"] = ["ignore", "pipe", "pipe"];
    const count = Number(execFileSync("bash", ["-o", "pipefail", "-c", script, image], { stdio }));
    if (count === FILES * FILE_BYTES) return true;
    bench.leftOut(`7z on ${basename(image)}: it unpacks ${count} bytes`);
  } catch (error) {
    bench.leftOut(`7z on ${basename(image)}: ${reasonOf(error)}`);
  }
  return false;
}

async function randomInPieces(bench: Bench): Promise<void> {
  const plain = hfsPlusImage(bench.folder, FITTING_FILES);
  warm(plain);
  const measure = (mountpoint: string) => randomReads(join(mountpoint, fileNames(1)[0]), 1, 2);
  for (const codec of [codecs.UDZO, codecs.UDBZ]) {
    const image = dmgImage(bench.folder, codec, FITTING_FILES);
    warm(image);
    await bench.compare(`${codec.name}: 4 KiB random reads, 8 MiB`, readsPerSecond, [
      bench.mounted(isomount, image, measure),
      bench.mounted(uncompressed, plain, measure),
    ]);
  }
}

/**
 * What decoding costs when every 4 KiB block is read at random, against when the files are read in
 * order. A second pass over the same mount costs the same but for decoding, so the difference
 * between passes is the decoding. Decoding anew for each read would make it 64 times as much.
 */
async function decodedOnce(bench: Bench): Promise<void> {
  // The slowest of codecs shows best.
  const image = dmgImage(bench.folder, codecs.UDBZ, FITTING_FILES);
  warm(image);
  const ratios: number[] = [];
  for (let round = 0; round < bench.rounds; round++) {
    const inOrder = await decodingTime(bench, image, (mountpoint) => {
      cat(mountpoint, FITTING_FILES);
    });
    const atRandom = await decodingTime(bench, image, (mountpoint) => {
      for (const name of fileNames(FITTING_FILES)) everyBlockAtRandom(join(mountpoint, name));
    });
    ratios.push(atRandom / inOrder);
  }
  const ratio = median(ratios);
  bench.fact(
    "decoding for 4 KiB random reads of every block while chunks fit the cache, UDBZ",
    `${ratio.toFixed(2)} times that for reading in order`,
    "each chunk once (under 2 times)",
    ratio < 2,
  );
}

/** Seconds of the server's processor time. */
function decodingTime(
  bench: Bench,
  image: string,
  pass: (mountpoint: string) => void,
): Promise<number> {
  return bench.whileMounted(isomount, image, (mountpoint) => {
    const server = serverOf(mountpoint);
    const cost = () => {
      for (const name of fileNames(FITTING_FILES)) forget(join(mountpoint, name));
      const before = processorTime(server);
      pass(mountpoint);
      return processorTime(server) - before;
    };
    const first = cost();
    return first - cost();
  });
}
