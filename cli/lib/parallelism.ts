/** Whether Argo holds a workflow back because the limit in its ConfigMap is reached. Only the text of status.message shows that. */
export function postponed(message: string | undefined): boolean {
  return message?.includes("too many workflows are already running") ?? false;
}

/** What a person can do if Argo holds a workflow back. */
export const howToMakeRoom =
  'the ConfigMap of Argo limits the number of running workflows (parallelism, namespaceParallelism), and main workflows that wait at gates count too: scripts/rex doctor shows the numbers, and docs/troubleshooting.md, "Too many workflows are running", says what to do';
