/** What a person may have meant by a word that is not in a list. */

/** The member of `words` (not empty) that the fewest insertions, deletions and changes lead to. */
export function nearestWord(word: string, words: Iterable<string>): string {
  // A person's typing error is short; this only bounds the work.
  const typed = word.slice(0, 64);
  let nearest = "";
  let least = Number.POSITIVE_INFINITY;
  for (const candidate of words) {
    const distance = editDistance(typed, candidate);
    if (distance < least) {
      least = distance;
      nearest = candidate;
    }
  }
  return nearest;
}

/** Levenshtein distance, one row of the table at a time. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, row[j] + 1, next[j - 1] + 1));
    }
    row = next;
  }
  return row[b.length];
}
