/**
 * Random-access, read-only, synchronous bytes: what every layer stands on and what most layers
 * return again (a decoded container, a partition, an extent list are byte sources too).
 */

/** Where bytes lie verbatim in an open host file. Reused by callers, so that locating allocates nothing. */
export interface HostRange {
  fd: number;
  position: number;
  length: number;
}

export interface ByteSource {
  /** In bytes; fixed for the life of the source. */
  readonly size: number;

  /**
   * Copies up to `length` bytes from `position` into `target` at `offset`.
   *
   * Returns the bytes copied: fewer than asked only where the source ends. Throws `ImageError` for
   * what cannot be decoded or read. Must not allocate on the path that serves file contents.
   */
  read(position: number, target: Uint8Array, offset: number, length: number): number;

  /**
   * If the byte at `position` lies verbatim in an open host file, fills `range` with the longest
   * run from there, at most `length` bytes, and returns true. Exact: what is not verbatim
   * (compressed, encrypted, interleaved with error codes, sparse) is never located.
   */
  locate?(position: number, length: number, range: HostRange): boolean;
}
