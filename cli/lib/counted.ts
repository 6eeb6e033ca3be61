/**
 * A number with its noun, for example "1 push" or "2 pushes".
 *
 * @param plural default: the noun with an s
 */
export function counted(number: number, noun: string, plural = `${noun}s`): string {
  return `${number} ${number === 1 ? noun : plural}`;
}
