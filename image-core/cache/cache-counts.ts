/** How often the caches of this thread had what was wanted. Read by whoever serves. */
export const cacheCounts = {
  hits: 0,
  /** Blocks that were read, chunks that were decoded. */
  misses: 0,
};
