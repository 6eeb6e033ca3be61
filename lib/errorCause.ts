/** Why something failed, for a person: a request's own message is only that it failed. */
export function causeOf(error: unknown): string {
  const { cause, message, code } = error as { cause?: unknown; message?: string; code?: string };
  if (cause !== undefined) return causeOf(cause);
  return (message || code || `${error}`).trim().replaceAll(/\s+/g, " ");
}
