import * as pulumi from "@pulumi/pulumi";
import { accountNames } from "../remediationAccess.ts";
import { type CodeRunArgs, type MainWorkflowArgs, podTemplates } from "../remediationWorkflow.ts";
import { sweepTemplate } from "../sweep.ts";
import { meaningfulPrefixes } from "../vocabulary/keys.ts";
import { admissionPolicy, type Rules } from "./admissionPolicy.ts";
import { foreignKey } from "./cel.ts";
import { codeRunRules, taskResultRules, workflowRules } from "./remediation.ts";
import { sensorRules, sweepRules } from "./runs.ts";

export interface AdmissionPoliciesArgs {
  namespace: pulumi.Input<string>;
  /** WorkflowTemplate of the remediation. */
  workflowTemplateName: pulumi.Input<string>;
  agentsToCancel: pulumi.Input<string[]>;
  /** See {@link pusherNames}. */
  pusherNames: pulumi.Input<string[]>;
  /** The value of the repository label, for each repository. */
  repositoryLabels: pulumi.Input<Record<string, string>>;
  codeRuns: CodeRunArgs;
  mainWorkflows: MainWorkflowArgs;
  /** Whether there is a job that looks for lost pushes. */
  sweep: boolean;
  /** See argoInstance.ts. */
  argoInstanceId?: string;
  /** Whether runs are owned by the WorkflowTemplate; if not, they have no owner. */
  ownedRuns: boolean;
}

/**
 * What RBAC cannot say, enforced by the API server: which CodeRuns and Workflows, and what of them, the remediation and the Sensor may
 * touch. It holds even where a step is wrong or a token is stolen.
 */
export class AdmissionPolicies extends pulumi.ComponentResource {
  constructor(name: string, args: AdmissionPoliciesArgs, opts?: pulumi.ComponentResourceOptions) {
    super("rex-remediation:index:AdmissionPolicies", name, {}, opts);
    const { namespace } = args;
    const accounts = accountNames(name);
    const known = pulumi.output(args).apply(({ repositoryLabels, ...rest }) => ({
      ...rest,
      name,
      repositoryLabels: Object.values(repositoryLabels),
      templates: podTemplates,
      foreign: foreignKey(labelKeys(rest), meaningfulPrefixes),
    }));
    const bind = (account: keyof typeof accounts, subject: string, rules: pulumi.Output<Rules>) =>
      admissionPolicy(name, subject, { namespace, serviceAccountName: accounts[account], rules }, this);

    bind("remediation", "coderuns", known.apply(codeRunRules));
    bind("remediation", "workflows", known.apply(workflowRules));
    bind("remediation", "taskresults", known.apply(taskResultRules));
    bind("sensor", "runs", known.apply(sensorRules));
    if (args.sweep) {
      bind("sweep", "swept", known.apply(sweepRules));
      bind(
        "sweep",
        "sweptresults",
        known.apply((rules) => taskResultRules({ ...rules, templates: [sweepTemplate] })),
      );
    }
    this.registerOutputs();
  }
}

/** Keys of the labels by which CodeRuns and main workflows are known. */
function labelKeys({
  codeRuns,
  mainWorkflows,
}: Pick<pulumi.Unwrap<AdmissionPoliciesArgs>, "codeRuns" | "mainWorkflows">) {
  const { typeLabel, taskLabel, stageLabel, repositoryLabel } = mainWorkflows;
  const ofCodeRuns = [codeRuns.taskLabel, codeRuns.agentLabel, codeRuns.repositoryLabel];
  return [...new Set([typeLabel, taskLabel, stageLabel, repositoryLabel, ...ofCodeRuns])];
}
