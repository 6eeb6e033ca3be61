import { howItEnded } from "../lib/mainWorkflowState.ts";
import { argoWorkflowsKindsCheck } from "./argo.ts";
import { type Check, type Finding, fail, pass } from "./check.ts";
import type { DoctorContext, Platform, Thing } from "./context.ts";

/** The stages of the main workflows that are at work: whether the configuration knows them. */

/** @param configured what has to be well first, so that it is known which workflows are main workflows */
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

/** @param all main workflows, ended or not */
export function known(all: Thing[], { mainWorkflows, stages }: Platform, namespace: string): Finding {
  const { typeLabel, type, stageLabel } = mainWorkflows;
  const atWork = all.filter((workflow) => howItEnded(workflow) === undefined);
  if (atWork.length === 0) return pass(`no workflow with ${typeLabel}=${type} is at work`);
  const bad = atWork.find(({ metadata }) => !stages.includes(metadata.labels?.[stageLabel] ?? ""));
  if (bad === undefined) return pass(`${atWork.length} main workflows at work, each at a known stage`);
  const { name, labels } = bad.metadata;
  const stage = labels?.[stageLabel];
  return stage === undefined
    ? fail(
        `${name} has no label ${stageLabel}`,
        `kubectl -n ${namespace} label workflow ${name} ${stageLabel}=STAGE; if the label has another name: pulumi config set --path mainWorkflow.stageLabel NAME, then pulumi up`,
      )
    : fail(
        `${name} is at stage ${stage}; stages has ${stages.join(", ")}`,
        `if there is such a stage, add it where it belongs in the order: pulumi config set --path mainWorkflow.stages '[…]', then pulumi up; if not: kubectl -n ${namespace} label --overwrite workflow ${name} ${stageLabel}=STAGE`,
      );
}
