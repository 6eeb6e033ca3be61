/** Full names of repositories, each with this many characters, divided among this many owners. */
export function repositoryNames(count: number, { characters, owners }: { characters: number; owners: number }) {
  return Array.from({ length: count }, (_, index) => {
    // No name is longer than 100 characters, and a label's value shows the first 63 of owner and name together.
    const owner = `t${index % owners}`.padEnd(characters > 101 ? 39 : 5, "x");
    return `${owner}/${`${index}`.padEnd(characters - owner.length - 1, "-shop")}`.replace(/-$/, "x");
  });
}
