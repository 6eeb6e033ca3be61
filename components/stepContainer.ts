import * as pulumi from "@pulumi/pulumi";
import { privateKeyKey } from "./githubAppSecrets.ts";
import { resources, restrictedContainer } from "./podSecurity.ts";
import { stepScript, untouchedByKubelet } from "./stepScripts.ts";
import { programName } from "./vocabulary/keys.ts";
import type { Step } from "./vocabulary/steps.ts";

/** Environment of a step, by name. */
export type Variables = Record<string, pulumi.Input<string | number | boolean>>;

/** The GitHub App that a step acts as, and the repositories that it acts on. */
export interface GithubAccessArgs {
  /** The value of the repository label, for each repository as owner/name in lower case. */
  repositoryLabels: pulumi.Input<Record<string, string>>;
  /** Base URL of GitHub's REST API. */
  githubApiUrl: pulumi.Input<string>;
  githubAppId: pulumi.Input<string>;
  /** Default: asked of GitHub for the pushed repository. */
  githubInstallationId?: pulumi.Input<string>;
  /** Secret whose key `private-key.pem` holds the App's private key. */
  privateKeySecretName: pulumi.Input<string>;
}

/** How main workflows are found. */
export interface MainWorkflowLabelArgs {
  /** Label whose value {@link type} makes a workflow a main one. */
  typeLabel: pulumi.Input<string>;
  type: pulumi.Input<string>;
  /** Label that holds the task's number. */
  taskLabel: pulumi.Input<string>;
  /** Label that holds the stage. */
  stageLabel: pulumi.Input<string>;
  /** Label that may hold the repository, as owner-name. */
  repositoryLabel: pulumi.Input<string>;
}

/** The folder that the steps of a pod share. */
export const sharedDirectory = "/remediation";

const keyDirectory = "/secrets/github-app";
const tokenDirectory = "/github-token";

export const sharedMount = { name: "remediation", mountPath: sharedDirectory };
const tokenMount = { name: "github-token", mountPath: tokenDirectory };
const keyMount = { name: "github-app", mountPath: keyDirectory, readOnly: true };

/** What a step needs that calls GitHub. */
export const withToken = { volumeMounts: [tokenMount], env: { TOKEN_DIR: tokenDirectory } };

/** What a step needs that gets the token for that first. */
export const withKey = {
  volumeMounts: [tokenMount, keyMount],
  env: { GITHUB_PRIVATE_KEY_FILE: `${keyDirectory}/${privateKeyKey}`, ...withToken.env },
};

/** Volumes of a pod whose steps call GitHub. */
export function volumes({ privateKeySecretName }: GithubAccessArgs, sharedSize: string) {
  const inMemory = (name: string, sizeLimit: string) => ({ name, emptyDir: { medium: "Memory", sizeLimit } });
  return [
    inMemory(sharedMount.name, sharedSize),
    inMemory(tokenMount.name, "1Mi"),
    {
      name: keyMount.name,
      secret: {
        secretName: privateKeySecretName,
        items: [{ key: privateKeyKey, path: privateKeyKey }],
        defaultMode: 0o440,
      },
    },
  ];
}

/** Annotation of a pod that lists the watched repositories. */
export const repositoriesAnnotation = `${programName}/repositories`;

/**
 * Metadata of the pods of steps. It lists the repositories, which may be hundreds: a template, which Argo hands to its pod in one
 * environment variable, has no room for them, least of all in each of its containers.
 */
export function podMetadata(labels: Record<string, string>, { repositoryLabels }: GithubAccessArgs) {
  return { labels, annotations: { [repositoriesAnnotation]: pulumi.jsonStringify(repositoryLabels) } };
}

/** @see https://kubernetes.io/docs/concepts/workloads/pods/downward-api/ */
const listedRepositories = {
  name: "REPOSITORIES",
  valueFrom: { fieldRef: { fieldPath: `metadata.annotations['${repositoriesAnnotation}']` } },
};

export function githubVariables(args: GithubAccessArgs): Variables {
  return {
    GITHUB_API_URL: args.githubApiUrl,
    GITHUB_APP_ID: args.githubAppId,
    GITHUB_INSTALLATION_ID: args.githubInstallationId ?? "",
  };
}

export function mainWorkflowVariables(args: MainWorkflowLabelArgs): Variables {
  return {
    MAIN_WORKFLOW_TYPE_LABEL: args.typeLabel,
    MAIN_WORKFLOW_TYPE: args.type,
    MAIN_WORKFLOW_TASK_LABEL: args.taskLabel,
    MAIN_WORKFLOW_STAGE_LABEL: args.stageLabel,
    MAIN_WORKFLOW_REPOSITORY_LABEL: args.repositoryLabel,
  };
}

/** Argo's own containers violate the restricted standard unless told otherwise, and have no resources. */
export const podSpecPatch = JSON.stringify({
  initContainers: [ownContainer("init")],
  containers: [ownContainer("wait")],
});

function ownContainer(name: string) {
  return {
    name,
    securityContext: restrictedContainer,
    resources: resources({ cpu: "10m", memory: "32Mi" }, { cpu: "500m", memory: "256Mi" }),
  };
}

/** A pod is tried three times in all. Retries of calls happen inside a step; this is for a pod that was lost. */
export const retryStrategy = { limit: "2", retryPolicy: "Always", backoff: { duration: "2s", factor: 2 } };

export interface StepContainerArgs {
  image: pulumi.Input<string>;
  /** What the configuration says; a step is told what its text names. Nobody expands these values. */
  config: Variables;
  /** What Argo fills in, by the same rule. */
  filledIn?: Record<string, string>;
  /** What this step alone is told. */
  env?: Record<string, string>;
  volumeMounts?: { name: string; mountPath: string; readOnly?: boolean }[];
  dependencies?: string[];
}

/** A container that runs one step, in a pod with {@link podMetadata}. */
export function stepContainer(name: string, step: Step, args: StepContainerArgs) {
  const script = stepScript(step);
  // openssl reads HOME by itself.
  const isAskedFor = (variable: string) => variable === "HOME" || new RegExp(`\\b${variable}\\b`).test(script);
  const asked = <T>(variables: Record<string, T>) => Object.entries(variables).filter(([key]) => isAskedFor(key));
  const config = asked({ ...args.config, SHARED_DIR: sharedDirectory, HOME: sharedDirectory }).map(([key, value]) => ({
    name: key,
    value: pulumi.output(value).apply((text) => literal(key, `${text}`)),
  }));
  const asIs = (variables: [string, string][]) => variables.map(([key, value]) => ({ name: key, value }));
  return {
    name,
    image: args.image,
    imagePullPolicy: "IfNotPresent",
    // The step's name becomes $0, which bash puts before its messages.
    command: ["bash", "-c"],
    args: [script, step],
    env: [
      { name: "STEP", value: step },
      ...asIs(asked(args.filledIn ?? {})),
      ...config,
      ...(isAskedFor(listedRepositories.name) ? [listedRepositories] : []),
      ...asIs(Object.entries(args.env ?? {})),
    ],
    securityContext: restrictedContainer,
    resources: resources({ cpu: "10m", memory: "32Mi" }, { cpu: "1", memory: "256Mi" }),
    ...(args.volumeMounts && { volumeMounts: args.volumeMounts }),
    ...(args.dependencies?.length && { dependencies: args.dependencies }),
  };
}

/** The container of a pod of one step. Argo hands its volumes on to its own container beside it, the App's key among them. */
export function singleStep(step: Step, args: StepContainerArgs) {
  return stepContainer("main", step, { ...args, volumeMounts: [sharedMount, ...(args.volumeMounts ?? [])] });
}

/** A configured text that neither Argo nor the kubelet expands. */
function literal(variable: string, text: string): string {
  if (text.includes("{{")) {
    throw new Error(`${variable}: Argo Workflows would expand "{{" in ${JSON.stringify(text)}`);
  }
  return untouchedByKubelet(text);
}
