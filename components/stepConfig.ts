import type * as pulumi from "@pulumi/pulumi";
import { programName } from "./vocabulary/keys.ts";

/**
 * The part of the stack's configuration that the steps need. A pod has it as JSON in an annotation, and its containers in the variable
 * CONFIG, which components/steps/config.jq and bash.jq read. The tools read the annotation in the installed WorkflowTemplate.
 */
export interface StepConfig {
  /** Prefix of the installation's object names, and the name of its WorkflowTemplate. */
  name: string;
  namespace: string;
  /** The beginning of an argo command for this installation. */
  argo: string;
  /** Instance ID of the workflow controller; empty if it has none. */
  argoInstanceId: string;
  github: {
    /** Base URL of GitHub's REST API. */
    apiUrl: string;
    appId: string;
    /** Empty if the steps ask GitHub for it. */
    installationId: string;
  };
  /** The labels that identify main workflows. */
  main: { typeLabel: string; type: string; taskLabel: string; stageLabel: string; repositoryLabel: string };
  /** Login of the App whose pushes count. */
  pusher: string;
  /** Prefix of a task's branch. */
  branchPrefix: string;
  /** How long the step may take. */
  stepTimeoutSeconds: number;
}

/** What a remediation's steps need, and the sweep does not; see docs/configuration.md. */
export interface RemediationConfig extends StepConfig {
  /** Base URL of Argo's server; empty if it is not known. */
  argoServerUrl: string;
  main: StepConfig["main"] & { stages: string[]; resetStage: string };
  codeRun: {
    group: string;
    version: string;
    resource: string;
    taskLabel: string;
    agentLabel: string;
    repositoryLabel: string;
    finishedPhases: string[];
  };
  agents: {
    toCancel: string[];
    maxToCancel: number;
    /** How the pusher may be named in a CodeRun's labels, in lower case. */
    pusherNames: string[];
  };
  pull: { taskLabelPrefix: string; readyLabel: string; holdLabel: string; comments: boolean };
  debounceSeconds: number;
  cancelTimeoutSeconds: number;
  gateTimeoutSeconds: number;
}

/** What only the sweep needs. */
export interface SweepConfig extends StepConfig {
  /** How long to wait for the delivery of a push before starting its remediation. */
  afterSeconds: number;
  retentionDays: number;
}

/** A configuration whose values may not be known yet. */
export type Inputs<T> = {
  [K in keyof T]: T[K] extends unknown[] | string | number | boolean ? pulumi.Input<T[K]> : Inputs<T[K]>;
};

/** Annotation of a pod that holds the {@link StepConfig}. */
export const configAnnotation = `${programName}/config`;

/** The configuration as the value of the annotation. @throws Error if Argo would expand a text in it */
export function asText<T extends StepConfig>(config: T): string {
  refuseTemplateTags("", config);
  return JSON.stringify(config);
}

/** @throws Error naming the path if Argo would expand a text in the value */
export function refuseTemplateTags(path: string, value: unknown): void {
  if (typeof value === "string" && value.includes("{{")) {
    throw new Error(`${path}: Argo Workflows would expand "{{" in ${JSON.stringify(value)}`);
  }
  if (typeof value !== "object" || value === null) return;
  for (const [key, part] of Object.entries(value)) refuseTemplateTags(path === "" ? key : `${path}.${key}`, part);
}
