/**
 * A lock between threads, over one word of shared memory: free, held, or held and waited for.
 *
 * A thread that waits sleeps in the kernel. Not reentrant, not fair. Threads end only with their
 * process, so nobody dies holding it.
 */

const FREE = 0;
const HELD = 1;
const WAITED_FOR = 2;

export class FutexLock {
  /** The word is zero before the first use. */
  constructor(
    private readonly words: Int32Array,
    private readonly index: number,
  ) {}

  acquire(): void {
    const { words, index } = this;
    if (Atomics.compareExchange(words, index, FREE, HELD) === FREE) return;
    // From here on it is marked as waited for, even by a holder that nobody follows: that costs one
    // needless wake-up, where the contrary would lose one.
    while (Atomics.exchange(words, index, WAITED_FOR) !== FREE) {
      Atomics.wait(words, index, WAITED_FOR);
    }
  }

  release(): void {
    const { words, index } = this;
    if (Atomics.exchange(words, index, FREE) === WAITED_FOR) Atomics.notify(words, index, 1);
  }
}
