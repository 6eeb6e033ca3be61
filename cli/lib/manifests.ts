import * as pulumi from "@pulumi/pulumi";
import { RexRemediation } from "../../components/rexRemediation.ts";
import { toArgs } from "../../config/config.ts";
import type { Config } from "../../config/schema.ts";
import { register, resolved } from "./mockEngine.ts";

/** A Kubernetes object. */
export interface Manifest {
  apiVersion: string;
  kind: string;
  metadata: {
    name: string;
    namespace?: string;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
  };
  [field: string]: unknown;
}

/** What the program creates for a configuration, for tools other than Pulumi to apply. */
export interface Rendered {
  /** In an order in which they can be applied one by one. */
  manifests: Manifest[];
  /** What `pulumi stack output --json` would print. */
  outputs: Record<string, unknown>;
}

/**
 * The order of kinds. Each account gets its rights only after the policies that restrict them, and events arrive only after the rights
 * exist. Kinds that are not listed come last, because nothing depends on them.
 */
const order = [
  "ValidatingAdmissionPolicy",
  "ValidatingAdmissionPolicyBinding",
  "ServiceAccount",
  "Role",
  "RoleBinding",
  "NetworkPolicy",
  "ConfigMap",
  "WorkflowTemplate",
  "EventBus",
  "EventSource",
  "Service",
  "Ingress",
  "Sensor",
  "CronWorkflow",
];

/**
 * Runs the program without an engine and a cluster.
 *
 * @param installedAt the installation does not handle pushes from before this time; ISO 8601
 */
export async function render(config: Config, installedAt: string): Promise<Rendered> {
  const { registrations, value: outputs } = await register(async () => {
    const { name, ...args } = toArgs(config);
    const remediation = new RexRemediation(name, { ...args, appliedByOthers: { installedAt } });
    const { webhookUrl, inClusterWebhookUrl, namespace, eventSource, sensor, workflowTemplate, serviceAccounts } =
      remediation;
    return resolved(
      pulumi.output({
        webhookUrl,
        inClusterWebhookUrl,
        namespace,
        eventSource,
        sensor,
        workflowTemplate,
        serviceAccounts,
      }),
    );
  });
  const manifests = registrations
    .filter(({ type }) => type.startsWith("kubernetes:"))
    .map(({ inputs }) => withoutPulumi(inputs as unknown as Manifest))
    .sort((one, other) => place(one) - place(other) || idOf(one).localeCompare(idOf(other), "en"));
  return { manifests, outputs };
}

function place({ kind }: Manifest): number {
  const index = order.indexOf(kind);
  return index < 0 ? order.length : index;
}

function idOf({ kind, metadata }: Manifest): string {
  return `${kind} ${metadata.name}`;
}

/** Removes Pulumi's annotations, which mean nothing to other tools, and the label that says who manages the object. */
function withoutPulumi(object: Manifest): Manifest {
  const { annotations = {}, labels = {}, ...metadata } = object.metadata;
  const kept = Object.entries(annotations).filter(([key]) => !key.startsWith("pulumi.com/"));
  const { "app.kubernetes.io/managed-by": _, ...ownLabels } = labels;
  return {
    ...object,
    metadata: { ...metadata, labels: ownLabels, ...(kept.length > 0 && { annotations: Object.fromEntries(kept) }) },
  };
}
