import { existsSync, readFileSync } from "node:fs";
import { parseAllDocuments } from "yaml";
import { Refusal } from "../lib/installation.ts";
import { argoWorkflowsKindsCheck } from "./argo.ts";
import type { Check } from "./check.ts";
import type { DoctorContext } from "./context.ts";
import { contract } from "./contract.ts";
import type { MainWorkflow } from "./workflowText.ts";

/** A main workflow that the call names: whether it keeps the contract. */

/** @param given the name of a WorkflowTemplate, or a file */
export const mainWorkflowCheck = (given: string): Check<DoctorContext> => ({
  name: `main workflow ${given}`,
  needs: isFile(given) ? [] : [argoWorkflowsKindsCheck],
  look: async (context) => contract(await read(context, given), await context.platform()),
});

function isFile(given: string): boolean {
  return /[./]/.test(given) && existsSync(given);
}

async function read(context: DoctorContext, given: string): Promise<MainWorkflow> {
  if (isFile(given)) return fromText(readFileSync(given, "utf8"), given);
  const template = await context.argo("workflowtemplates", given);
  if (template === undefined) {
    throw new Refusal(
      `--main-workflow: there is no file and no WorkflowTemplate ${given} in namespace ${context.namespace}`,
      `kubectl -n ${context.namespace} get workflowtemplates lists them`,
    );
  }
  return { ...template, kind: "WorkflowTemplate" } as unknown as MainWorkflow;
}

/** @throws Refusal if there is not exactly one Workflow or WorkflowTemplate in it */
export function fromText(text: string, file: string): MainWorkflow {
  const documents = parseAllDocuments(text).map((document) => {
    if (document.errors.length > 0)
      throw new Refusal(`--main-workflow: ${file} is no YAML: ${document.errors[0]?.message.split("\n")[0]}`);
    return document.toJS();
  });
  const found = documents.filter((one) => ["Workflow", "WorkflowTemplate"].includes(one?.kind));
  if (found.length !== 1)
    throw new Refusal(`--main-workflow: expected one Workflow or WorkflowTemplate in ${file}; got ${found.length}`);
  return found[0];
}
