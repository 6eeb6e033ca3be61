import * as pulumi from "@pulumi/pulumi";
import { argoCommand } from "./argoInstance.ts";
import { privateKeyKey } from "./githubAppSecrets.ts";
import { resources, restrictedContainer } from "./podSecurity.ts";
import { asText, configAnnotation, type Inputs, refuseTemplateTags, type StepConfig } from "./stepConfig.ts";
import { stepScript, untouchedByKubelet } from "./stepScripts.ts";
import { programName } from "./vocabulary/keys.ts";
import type { Step } from "./vocabulary/steps.ts";

/** The GitHub App that a step acts as, and the repositories that it acts on. */
export interface GithubAccessArgs {
  /** Repository, as owner/name in lower case, to the value of its repository label. */
  repositoryLabels: pulumi.Input<Record<string, string>>;
  /** Base URL of GitHub's REST API. */
  githubApiUrl: pulumi.Input<string>;
  githubAppId: pulumi.Input<string>;
  /** Default: the steps ask GitHub for the installation on the pushed repository. */
  githubInstallationId?: pulumi.Input<string>;
  /** Name of a Secret whose key `private-key.pem` holds the App's private key. */
  privateKeySecretName: pulumi.Input<string>;
}

/** The labels that identify main workflows. */
export interface MainWorkflowLabelArgs {
  /** Label that marks a main workflow, if its value is {@link type}. */
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

/** Arguments of a step that calls GitHub with the token that an earlier step stored. */
export const withToken = { volumeMounts: [tokenMount], env: { TOKEN_DIR: tokenDirectory } };

/** Arguments of a step that gets a new token from GitHub and therefore needs the App's private key. */
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
 * Metadata of the pods that run steps. It holds the configuration and the repositories, which may be hundreds. They would not fit into the
 * template, because Argo passes the template to its pod in one environment variable.
 */
export function podMetadata(
  labels: Record<string, string>,
  { repositoryLabels }: GithubAccessArgs,
  config: Inputs<StepConfig>,
) {
  const annotations = {
    [repositoriesAnnotation]: pulumi.jsonStringify(repositoryLabels),
    [configAnnotation]: pulumi.output(config).apply((known) => asText(known as StepConfig)),
  };
  return { labels, annotations };
}

/**
 * A variable with the value of one of the pod's annotations.
 *
 * @see https://kubernetes.io/docs/concepts/workloads/pods/downward-api/
 */
function fromAnnotation(name: string, annotation: string) {
  return { name, valueFrom: { fieldRef: { fieldPath: `metadata.annotations['${annotation}']` } } };
}

/** The part of the configuration that the remediation and the sweep share. */
export function commonConfig(
  name: string,
  args: GithubAccessArgs & {
    namespace: pulumi.Input<string>;
    branchPrefix: pulumi.Input<string>;
    pusher: pulumi.Input<string>;
    stepTimeoutSeconds: pulumi.Input<number>;
    instanceId: string | undefined;
    mainWorkflows: MainWorkflowLabelArgs;
  },
): Inputs<StepConfig> {
  const { namespace, instanceId, mainWorkflows, branchPrefix, pusher, stepTimeoutSeconds } = args;
  const { typeLabel, type, taskLabel, stageLabel, repositoryLabel } = mainWorkflows;
  return {
    name,
    namespace,
    argo: pulumi.output(namespace).apply((known) => argoCommand(known, instanceId)),
    argoInstanceId: instanceId ?? "",
    github: {
      apiUrl: args.githubApiUrl,
      appId: args.githubAppId,
      installationId: args.githubInstallationId ?? "",
    },
    main: { typeLabel, type, taskLabel, stageLabel, repositoryLabel },
    pusher,
    branchPrefix,
    stepTimeoutSeconds,
  };
}

/** By default, Argo's own containers violate the restricted standard and have no resource limits. */
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

/** A pod runs up to three times in total. This is for lost pods: the steps retry failed calls themselves. */
export const retryStrategy = { limit: "2", retryPolicy: "Always", backoff: { duration: "2s", factor: 2 } };

export interface StepContainerArgs {
  image: pulumi.Input<string>;
  /** Variables that Argo fills in. A step gets only those that its script mentions. */
  filledIn?: Record<string, string>;
  /** Variables from other objects. A preview may not know their values, and could not show a configuration that contained them. */
  fromObjects?: Record<string, pulumi.Input<string>>;
  /** Variables that the step always gets. */
  env?: Record<string, string>;
  volumeMounts?: { name: string; mountPath: string; readOnly?: boolean }[];
  dependencies?: string[];
}

/** A container that runs one step. Its pod must have {@link podMetadata}. */
export function stepContainer(name: string, step: Step, args: StepContainerArgs) {
  const script = stepScript(step);
  const isAskedFor = (variable: string) => new RegExp(`\\b${variable}\\b`).test(script);
  const asIs = (variables: Record<string, string>) =>
    Object.entries(variables).map(([name, value]) => ({ name, value }));
  const filledIn = Object.fromEntries(Object.entries(args.filledIn ?? {}).filter(([variable]) => isAskedFor(variable)));
  const fromObjects = Object.entries(args.fromObjects ?? {}).map(([name, value]) => ({
    name,
    value: pulumi.output(value).apply((text) => literal(name, `${text}`)),
  }));
  return {
    name,
    image: args.image,
    imagePullPolicy: "IfNotPresent",
    // The step's name becomes $0, which bash puts at the beginning of its messages.
    command: ["bash", "-c"],
    args: [script, step],
    env: [
      fromAnnotation("CONFIG", configAnnotation),
      fromAnnotation("REPOSITORIES", repositoriesAnnotation),
      // No script mentions HOME, but openssl reads it.
      ...asIs({ STEP: step, ...filledIn, SHARED_DIR: sharedDirectory, HOME: sharedDirectory, ...args.env }),
      ...fromObjects,
    ],
    securityContext: restrictedContainer,
    resources: resources({ cpu: "10m", memory: "32Mi" }, { cpu: "1", memory: "256Mi" }),
    ...(args.volumeMounts && { volumeMounts: args.volumeMounts }),
    ...(args.dependencies?.length && { dependencies: args.dependencies }),
  };
}

/** The container of a pod with a single step. Argo also mounts its volumes, including the App's key, in Argo's own container. */
export function singleStep(step: Step, args: StepContainerArgs) {
  return stepContainer("main", step, { ...args, volumeMounts: [sharedMount, ...(args.volumeMounts ?? [])] });
}

/** Escapes a text for the kubelet. @throws Error if Argo would expand it */
function literal(variable: string, text: string): string {
  refuseTemplateTags(variable, text);
  return untouchedByKubelet(text);
}
