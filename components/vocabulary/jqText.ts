/** A jq string literal. JSON escapes every backslash, so no `\(` can begin an interpolation. */
export function jqText(text: string): string {
  return JSON.stringify(text);
}
