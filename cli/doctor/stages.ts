import { counted } from "../lib/counted.ts";
import { howItEnded } from "../lib/mainWorkflowState.ts";
import { argoWorkflowsKindsCheck } from "./argo.ts";
import { type Check, type Finding, fail, pass } from "./check.ts";
import type { ClusterObject, DoctorContext, Platform } from "./context.ts";

/** Whether the configuration knows the stages of all running main workflows. */

/** @param configured the check that must pass first: the settings say which workflows are main workflows */
export const stagesCheck = (configured: Check): Check<DoctorContext> => ({
  name: "stages in use",
  needs: [configured, argoWorkflowsKindsCheck],
  look,
});

async function look(context: DoctorContext): Promise<Finding> {
  const platform = await context.platform();
  const { typeLabel, type } = platform.mainWorkflows;
  return known(await context.listArgo("workflows", `${typeLabel}=${type}`), platform, context.namespace);
}

/** @param all all main workflows, including ended ones */
export function known(all: ClusterObject[], { mainWorkflows, stages }: Platform, namespace: string): Finding {
  const { typeLabel, type, stageLabel } = mainWorkflows;
  const atWork = all.filter((workflow) => howItEnded(workflow) === undefined);
  if (atWork.length === 0) return pass(`no workflow with ${typeLabel}=${type} is running`);
  const bad = atWork.find(({ metadata }) => !stages.includes(metadata.labels?.[stageLabel] ?? ""));
  if (bad === undefined) return pass(`no unknown stage (${counted(atWork.length, "running main workflow")})`);
  const { name, labels } = bad.metadata;
  const stage = labels?.[stageLabel];
  return stage === undefined
    ? fail(
        `${name} has no label ${stageLabel}`,
        `kubectl -n ${namespace} label workflow ${name} ${stageLabel}=STAGE; if your platform uses another label: pulumi config set --path mainWorkflow.stageLabel NAME, then pulumi up`,
      )
    : fail(
        `${name} is at stage ${stage}, which is not in mainWorkflow.stages: ${stages.join(", ")}`,
        `if the stage is right, add it to the list at its place in the order: pulumi config set --path mainWorkflow.stages '[…]', then pulumi up; if it is wrong: kubectl -n ${namespace} label --overwrite workflow ${name} ${stageLabel}=STAGE`,
      );
}
