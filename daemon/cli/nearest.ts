/** Guesses what somebody meant who misspelled a word. */

/** The word with the least edits, if that few look like a slip: at most a third of the letters. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  let best: string | undefined;
  let least = Math.max(1, Math.floor(word.length / 3)) + 1;
  for (const candidate of known) {
    const edits = distance(word, candidate);
    if (edits < least) {
      best = candidate;
      least = edits;
    }
  }
  return best;
}

/** Insertions, deletions, substitutions and swaps of neighbours ("optimal string alignment"). */
function distance(from: string, to: string): number {
  let beforeThat: number[] = [];
  let previous = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row++) {
    const current = [row];
    for (let column = 1; column <= to.length; column++) {
      const substitution = previous[column - 1] + (from[row - 1] === to[column - 1] ? 0 : 1);
      let edits = Math.min(substitution, previous[column] + 1, current[column - 1] + 1);
      if (from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1]) {
        edits = Math.min(edits, beforeThat[column - 2] + 1);
      }
      current.push(edits);
    }
    beforeThat = previous;
    previous = current;
  }
  return previous[to.length];
}
