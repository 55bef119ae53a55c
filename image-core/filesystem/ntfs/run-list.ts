/** Where the clusters of a non-resident attribute lie: mapping pairs, decoded. */
import { ImageError } from "../../errors.js";
import { FORMAT } from "./boot-sector.js";

/** Runs of one attribute: 24 bytes of memory each. */
const MAX_RUNS = 1_000_000;

/** Of a run that is a hole. */
export const HOLE = -1;

export class RunList {
  /** First virtual cluster of each run; rising. */
  private starts = new Float64Array(4);
  /** First cluster on disk, or HOLE. */
  private clusters = new Float64Array(4);
  /** In runs. */
  length = 0;
  /** One behind the last virtual cluster. */
  end = 0;

  /**
   * Adds the runs of one piece. Throws `corrupt`, naming `structure`, for runs that leave the disk
   * and for pieces that do not join, `limit` for more than a million runs.
   */
  append(pairs: Uint8Array, lowestVcn: number, clustersOnDisk: number, structure: string): void {
    const wrong = (problem: string) =>
      new ImageError("corrupt", FORMAT, `run list of ${structure}: ${problem}`);
    if (lowestVcn !== this.end) throw wrong(`a piece begins at ${lowestVcn}, not at ${this.end}`);
    let cluster = 0;
    for (let at = 0; at < pairs.length && pairs[at] !== 0; ) {
      const lengthBytes = pairs[at] & 15;
      const offsetBytes = pairs[at] >>> 4;
      at++;
      if (lengthBytes === 0 || lengthBytes > 8 || offsetBytes > 8) {
        throw wrong(`fields of ${lengthBytes} and ${offsetBytes} bytes`);
      }
      if (at + lengthBytes + offsetBytes > pairs.length) throw wrong("is cut off");
      const length = signed(pairs, at, lengthBytes);
      at += lengthBytes;
      let first = HOLE;
      if (offsetBytes > 0) {
        cluster += signed(pairs, at, offsetBytes);
        at += offsetBytes;
        first = cluster;
      }
      if (length <= 0 || !Number.isSafeInteger(this.end + length)) {
        throw wrong(`a run of ${length} clusters`);
      }
      // Before NTFS 3 a hole was a run at cluster -1.
      if (first === -1) first = HOLE;
      else if (offsetBytes > 0 && (first < 0 || first + length > clustersOnDisk)) {
        throw wrong(`clusters ${first} to ${first + length - 1} of ${clustersOnDisk}`);
      }
      this.push(first, length, wrong);
    }
  }

  /** Index of the run that holds a virtual cluster before `end`. */
  find(vcn: number): number {
    let low = 0;
    let high = this.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.starts[middle] <= vcn) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  /** First virtual cluster of a run. */
  start(run: number): number {
    return this.starts[run];
  }

  /** One behind the last virtual cluster of a run. */
  endOf(run: number): number {
    return run + 1 < this.length ? this.starts[run + 1] : this.end;
  }

  /** First cluster on disk of a run, or HOLE. */
  cluster(run: number): number {
    return this.clusters[run];
  }

  private push(first: number, length: number, wrong: (problem: string) => ImageError): void {
    const last = this.length - 1;
    if (last >= 0) {
      // Pieces of one run, as a list in several records has: made one again.
      const joined =
        first === HOLE
          ? this.clusters[last] === HOLE
          : this.clusters[last] !== HOLE &&
            this.clusters[last] + this.end - this.starts[last] === first;
      if (joined) {
        this.end += length;
        return;
      }
    }
    if (this.length === MAX_RUNS) {
      throw new ImageError("limit", FORMAT, wrong(`more than ${MAX_RUNS} runs`).message);
    }
    if (this.length === this.starts.length) {
      this.starts = grown(this.starts);
      this.clusters = grown(this.clusters);
    }
    this.starts[this.length] = this.end;
    this.clusters[this.length] = first;
    this.length++;
    this.end += length;
  }
}

function grown(array: Float64Array<ArrayBuffer>): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(array.length * 2);
  larger.set(array);
  return larger;
}

/** A little-endian two's complement number of up to 8 bytes. */
function signed(bytes: Uint8Array, offset: number, length: number): number {
  let value = (bytes[offset + length - 1] << 24) >> 24;
  for (let i = length - 2; i >= 0; i--) value = value * 256 + bytes[offset + i];
  return value;
}
