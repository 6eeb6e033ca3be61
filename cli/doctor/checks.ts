import {
  argoEventsControllerCheck,
  argoEventsKindsCheck,
  argoWorkflowsControllerCheck,
  argoWorkflowsKindsCheck,
  eventBusCheck,
} from "./argo.ts";
import { type PlannedContext, rightsToInstallCheck } from "./beforeInstall.ts";
import type { Check } from "./check.ts";
import { clusterCheck, namespaceCheck } from "./cluster.ts";
import { codeRunsCheck } from "./codeRuns.ts";
import { configurationCheck } from "./configuration.ts";
import type { InstalledContext } from "./context.ts";
import { archivedLogsCheck, workflowsAtOnceCheck } from "./controller.ts";
import { appInstallationCheck, appKeyCheck, appPermissionsCheck, labelRemovalCheck, labelsCheck } from "./githubApp.ts";
import { goodWritesCheck } from "./goodWrites.ts";
import { installationCheck } from "./installation.ts";
import { mainWorkflowCheck } from "./mainWorkflow.ts";
import { policiesCheck, policiesInForceCheck } from "./policies.ts";
import { rightsCheck } from "./rights.ts";
import {
  eventSourceCheck,
  eventSourcePodsCheck,
  instanceCheck,
  lastPushCheck,
  sensorCheck,
  sensorPodsCheck,
  signaturesCheck,
  sweepCheck,
} from "./route.ts";
import { stagesCheck } from "./stages.ts";
import { kubernetesPluginCheck, nodeCheck, pulumiCommandCheck } from "./tools.ts";
import { deliveriesCheck, webhookCheck } from "./webhook.ts";
import { webhookSecretCheck } from "./webhookSecret.ts";

/** The doctor's checks, in the order of the report. A new check is a line here; the checks that it needs stand before it. */

/** @param mainWorkflow one to look at: the name of a WorkflowTemplate, or a file */
export const checksBefore = (mainWorkflow: string | undefined): Check<PlannedContext>[] => [
  nodeCheck,
  pulumiCommandCheck,
  kubernetesPluginCheck,
  configurationCheck,
  clusterCheck,
  namespaceCheck,
  argoEventsKindsCheck,
  argoWorkflowsKindsCheck,
  argoEventsControllerCheck,
  argoWorkflowsControllerCheck,
  eventBusCheck,
  workflowsAtOnceCheck(namespaceCheck),
  archivedLogsCheck(namespaceCheck),
  rightsToInstallCheck,
  codeRunsCheck(namespaceCheck),
  stagesCheck(namespaceCheck),
  ...(mainWorkflow === undefined ? [] : [mainWorkflowCheck(mainWorkflow)]),
];

/** @param mainWorkflow see {@link checksBefore} */
export const checksAfter = (mainWorkflow: string | undefined): Check<InstalledContext>[] => [
  nodeCheck,
  pulumiCommandCheck,
  kubernetesPluginCheck,
  clusterCheck,
  namespaceCheck,
  argoEventsKindsCheck,
  argoWorkflowsKindsCheck,
  argoEventsControllerCheck,
  argoWorkflowsControllerCheck,
  eventBusCheck,
  installationCheck,
  workflowsAtOnceCheck(installationCheck),
  archivedLogsCheck(installationCheck),
  eventSourceCheck,
  eventSourcePodsCheck,
  signaturesCheck,
  sensorCheck,
  sensorPodsCheck,
  lastPushCheck,
  instanceCheck,
  sweepCheck,
  rightsCheck,
  policiesCheck,
  policiesInForceCheck,
  goodWritesCheck,
  appKeyCheck,
  appInstallationCheck,
  appPermissionsCheck,
  labelRemovalCheck,
  labelsCheck,
  webhookSecretCheck,
  webhookCheck,
  deliveriesCheck,
  codeRunsCheck(installationCheck),
  stagesCheck(installationCheck),
  ...(mainWorkflow === undefined ? [] : [mainWorkflowCheck(mainWorkflow)]),
];
