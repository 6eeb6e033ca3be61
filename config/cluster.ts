import { existsSync } from "node:fs";
import {
  AdmissionregistrationV1Api,
  ApiException,
  AuthorizationV1Api,
  CoreV1Api,
  CustomObjectsApi,
  KubeConfig,
  VersionApi,
} from "@kubernetes/client-node";
import * as pulumi from "@pulumi/pulumi";
import { asArgoEventsReads, privateKeyKey, webhookSecretKey } from "../components/githubAppSecrets.ts";
import type { RexRemediationArgs } from "../components/rexRemediation.ts";
import { bounded as boundedRequests } from "../lib/boundedRequests.ts";
import { causeOf } from "../lib/errorCause.ts";
import { type Kind, rsaPrivateKey, webhookSecret } from "./kinds.ts";
import { ConfigError, inWords, nearest, type Problem, setCommand } from "./problems.ts";

/** Options of a question: it may take ten seconds. */
const bounded = boundedRequests(10);

/**
 * Asks the cluster, before anything is registered, for what only it can tell: whether it has admission policies and PrometheusRules, where
 * they are wanted, and whether Secrets that exist already hold what they should. Where the cluster cannot be asked, a warning says so: the engine will find out itself.
 *
 * @throws ConfigError listing what the cluster lacks, and the ways out; or if the kubeconfig has no such context
 */
export async function checkCluster(args: RexRemediationArgs): Promise<void> {
  if (!args.admissionPolicies) {
    await pulumi.log.warn(
      "admissionPolicies is false: the API server lets the remediation delete any CodeRun and change any Workflow of the namespace, and what it leaves alone rests on the steps; the Sensor creates only, so a duplicate delivery delays the next push by some seconds. Set it back with: pulumi config set admissionPolicies true",
    );
  }
  const questions = [
    ...(args.admissionPolicies ? [lacksPolicies, lacksRightToPolicies] : []),
    ...(args.alarms === undefined ? [] : [lacksPrometheusRules]),
    secretQuestion(args, "webhook.existingSecret", args.webhook.existingSecret, webhookSecretKey, webhookSecret),
    secretQuestion(args, "githubApp.existingSecret", args.githubApp.existingSecret, privateKeyKey, rsaPrivateKey),
  ].filter((question) => question !== undefined);
  const cluster = connect();
  if (cluster === undefined) {
    return;
  }
  const problems: Problem[] = [];
  for (const question of questions) {
    try {
      problems.push(...(await question(cluster)));
    } catch (error) {
      await pulumi.log.warn(
        `the cluster ${cluster.getCurrentCluster()?.server} could not be asked before the update: ${causeOf(error)}`,
      );
      // It would not answer the others either.
      if (!(error instanceof ApiException)) break;
    }
  }
  if (problems.length > 0) {
    throw new ConfigError("The cluster is not as the stack's configuration needs it.", problems);
  }
}

/** What the cluster lacks; nothing if it lacks nothing. */
type Question = (cluster: KubeConfig) => Promise<Problem[]>;

/** The cluster that Pulumi's Kubernetes provider will use; undefined if the provider is not to use any. */
function connect(): KubeConfig | undefined {
  const provider = new pulumi.Config("kubernetes");
  if (provider.get("renderYamlToDirectory") !== undefined) {
    return undefined;
  }
  const cluster = new KubeConfig();
  const given = provider.get("kubeconfig");
  if (given === undefined) {
    cluster.loadFromDefault();
  } else if (existsSync(given)) {
    cluster.loadFromFile(given);
  } else {
    cluster.loadFromString(given);
  }
  const context = provider.get("context");
  if (context !== undefined) {
    refuseUnknown(context, cluster);
    cluster.setCurrentContext(context);
  }
  return cluster.getCurrentCluster() === null ? undefined : cluster;
}

/** Where there are no contexts at all, what is run may be a preview without a cluster. */
function refuseUnknown(context: string, cluster: KubeConfig): void {
  const known = cluster.getContexts().map(({ name }) => name);
  if (known.length > 0 && !known.includes(context)) {
    throw new ConfigError("The stack's cluster is not to be found.", [
      {
        key: "kubernetes:context",
        expected: `a context of the kubeconfig: ${known.join(", ")}`,
        got: context,
        command: setCommand("kubernetes:context", nearest(context, known) ?? "NAME"),
      },
    ]);
  }
}

async function lacksPolicies(cluster: KubeConfig): Promise<Problem[]> {
  const served = await cluster.makeApiClient(AdmissionregistrationV1Api).getAPIResources(bounded);
  if (served.resources.some(({ name }) => name === "validatingadmissionpolicies")) {
    return [];
  }
  const { gitVersion } = await cluster.makeApiClient(VersionApi).getCode(bounded);
  return [
    {
      key: "admissionPolicies",
      expected: "a cluster with ValidatingAdmissionPolicies (admissionregistration.k8s.io/v1, Kubernetes >= 1.30)",
      got: `Kubernetes ${gitVersion}, which does not serve them`,
      command: setCommand("admissionPolicies", "false"),
      advice: "Update the cluster, or do without, with what that means (docs/security.md)",
    },
  ];
}

async function lacksPrometheusRules(cluster: KubeConfig): Promise<Problem[]> {
  const [group, version] = ["monitoring.coreos.com", "v1"];
  try {
    const served = await cluster.makeApiClient(CustomObjectsApi).getAPIResources({ group, version }, bounded);
    if (served.resources.some(({ name }) => name === "prometheusrules")) {
      return [];
    }
  } catch (error) {
    if (!(error instanceof ApiException && error.code === 404)) {
      throw error;
    }
  }
  return [
    {
      key: "alarms.enabled",
      expected: `a cluster that serves PrometheusRules (${group}/${version})`,
      got: "one that does not",
      command: setCommand("alarms.enabled", "false"),
      advice: "Install the Prometheus Operator (https://prometheus-operator.dev), or do without alarms",
    },
  ];
}

/** In a preview, whose identity need not be allowed to write, only a warning. */
async function lacksRightToPolicies(cluster: KubeConfig): Promise<Problem[]> {
  const group = "admissionregistration.k8s.io";
  const lacking: string[] = [];
  for (const resource of ["validatingadmissionpolicies", "validatingadmissionpolicybindings"]) {
    const spec = { resourceAttributes: { group, resource, verb: "create" } };
    const api = cluster.makeApiClient(AuthorizationV1Api);
    const { status } = await api.createSelfSubjectAccessReview({ body: { spec } }, bounded);
    if (status?.allowed !== true) {
      lacking.push(resource);
    }
  }
  if (lacking.length === 0) {
    return [];
  }
  const problem = {
    key: "admissionPolicies",
    expected: "the right to make ValidatingAdmissionPolicies, which belong to the whole cluster",
    got: `none to create ${lacking.join(" and ")} in ${group}`,
    command: setCommand("admissionPolicies", "false"),
    advice: "Ask for it (docs/security.md names the verbs), or do without, with what that means",
  };
  if (!pulumi.runtime.isDryRun()) {
    return [problem];
  }
  await pulumi.log.warn(inWords(problem).trim());
  return [];
}

/** A question for a Secret that has to exist, if one is named. */
function secretQuestion(
  { namespace }: RexRemediationArgs,
  configKey: string,
  named: pulumi.Input<string> | undefined,
  key: string,
  kind: Kind,
): Question | undefined {
  return named === undefined
    ? undefined
    : async (cluster) => {
        const name = `${named}`;
        const got = await badContent(cluster, `${namespace}`, name, key, kind);
        return got === undefined
          ? []
          : [
              {
                key: configKey,
                expected: `Secret ${name} in namespace ${namespace} with key ${key}: ${kind.expected}`,
                got,
                command: `kubectl -n ${namespace} create secret generic ${name} --from-file=${key}=FILE --dry-run=client -o yaml | kubectl apply -f -`,
                advice: "Mend it with",
              },
            ];
      };
}

/** What is wrong with a Secret, never what is in it. */
async function badContent(
  cluster: KubeConfig,
  namespace: string,
  name: string,
  key: string,
  kind: Kind,
): Promise<string | undefined> {
  try {
    const { data } = await cluster.makeApiClient(CoreV1Api).readNamespacedSecret({ namespace, name }, bounded);
    const encoded = data?.[key];
    if (encoded === undefined) {
      return `no key ${key}`;
    }
    const value = asArgoEventsReads(Buffer.from(encoded, "base64").toString());
    return value === "" ? "nothing" : kind.accepts(value) ? undefined : "something else";
  } catch (error) {
    if (error instanceof ApiException && error.code === 404) {
      return "no such Secret";
    }
    throw error;
  }
}
