/** Whether Argo holds a workflow back because as many run as its ConfigMap allows: only the English of status.message tells. */
export function postponed(message: string | undefined): boolean {
  return message?.includes("too many workflows are already running") ?? false;
}

/** What a person does about that. */
export const roomForRuns =
  'Argo runs no more workflows at once than its ConfigMap says (parallelism, namespaceParallelism), and main workflows that wait at gates count: npm run doctor says how many, docs/troubleshooting.md, "Too many workflows are running", the ways out';
