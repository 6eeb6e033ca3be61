/** The known word that differs least, by at most three letters and half of its length; undefined if none is near enough. */
export function nearest(word: string, known: string[]): string | undefined {
  const [best] = known
    .map((one) => ({ one, distance: distance(word, one) }))
    .filter(({ one, distance }) => distance <= Math.min(3, one.replace(/^-+/, "").length / 2))
    .sort((one, other) => one.distance - other.distance);
  return best?.one;
}

/** The number of letters to insert, delete or change (Levenshtein distance). */
function distance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (const [index, letter] of [...from].entries()) {
    const next = [index + 1];
    for (const [column, other] of [...to].entries()) {
      next.push(
        Math.min((next[column] ?? 0) + 1, (row[column + 1] ?? 0) + 1, (row[column] ?? 0) + (letter === other ? 0 : 1)),
      );
    }
    row = next;
  }
  return row[to.length] ?? 0;
}
