/** A string literal of jq; `\(` would begin an interpolation, but JSON never writes a backslash before a parenthesis unescaped. */
export function jqText(text: string): string {
  return JSON.stringify(text);
}
