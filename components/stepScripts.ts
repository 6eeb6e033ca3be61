import { readFileSync } from "node:fs";
import { join } from "node:path";

/** The steps of a remediation, each a file of bash in components/steps. `record` runs in the container that Argo wants to be `main`. */
export type Step = "plan" | "cancel-agents" | "remove-label" | "reset-stage" | "resume" | "record" | "failed";

/**
 * A step as the argument of `bash -c`: lib.sh, then the step.
 *
 * @param directory where the files are; default: components/steps
 * @throws Error if Argo would read a part of it as its own
 */
export function stepScript(step: Step, directory = join(import.meta.dirname, "steps")): string {
  const script = ["lib.sh", `${step}.sh`]
    .map((file) => {
      const path = join(directory, file);
      const text = readFileSync(path, "utf8");
      refuseTemplateTags(path, text);
      return text.endsWith("\n") ? text : `${text}\n`;
    })
    .join("\n");
  return untouchedByKubelet(script);
}

function refuseTemplateTags(path: string, text: string): void {
  const line = text.split("\n").findIndex((words) => words.includes("{{"));
  if (line >= 0) {
    throw new Error(`${path}:${line + 1}: Argo Workflows would expand "{{" here; write it as '{''{'`);
  }
}

/**
 * The kubelet expands `$(NAME)` in arguments and environment where NAME is a variable of the container, and makes `$$` a single `$`.
 * Doubled, each `$` that it would look at comes out as written.
 * @see https://kubernetes.io/docs/tasks/inject-data-application/define-interdependent-environment-variables/
 */
export function untouchedByKubelet(text: string): string {
  return text.replace(/\$(?=\$)|(?<=\$)\$|\$(?=\([A-Z_][A-Z0-9_]*\))/g, "$$$$");
}
