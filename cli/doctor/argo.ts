import { AppsV1Api, CustomObjectsApi, type V1Deployment } from "@kubernetes/client-node";
import { ask, request } from "../lib/installation.ts";
import { type Check, type Finding, fail, pass, warn } from "./check.ts";
import { clusterCheck, namespaceCheck } from "./cluster.ts";
import type { Bus, ClusterObject, DoctorContext } from "./context.ts";
import { atLeast } from "./versions.ts";

/** Argo Events and Argo Workflows: their kinds, their controllers, and the event bus. */

const parts = {
  "Argo Events": {
    kinds: ["eventbus", "eventsources", "sensors"],
    image: /(^|\/)argo-events(:|@)/,
    least: "1.9.0",
    install: "https://argoproj.github.io/argo-events/installation/",
  },
  "Argo Workflows": {
    kinds: ["workflows", "workflowtemplates", "cronworkflows", "workflowtaskresults"],
    image: /(^|\/)workflow-controller(:|@)/,
    least: "3.6.0",
    install: "https://argo-workflows.readthedocs.io/en/latest/installation/",
  },
} as const;

type Part = keyof typeof parts;

const kindsCheck = (part: Part): Check<DoctorContext> => ({
  name: `${part}' kinds`,
  needs: [clusterCheck],
  look: (context) => kinds(context, part),
});
export const argoEventsKindsCheck = kindsCheck("Argo Events");
export const argoWorkflowsKindsCheck = kindsCheck("Argo Workflows");

const controllerCheck = (part: Part, served: Check): Check<DoctorContext> => ({
  name: `${part}' controller`,
  needs: [served],
  look: async (context) => controllers(part, await deploymentsOf(context)),
});
export const argoEventsControllerCheck = controllerCheck("Argo Events", argoEventsKindsCheck);
export const argoWorkflowsControllerCheck = controllerCheck("Argo Workflows", argoWorkflowsKindsCheck);

export const eventBusCheck: Check<DoctorContext> = {
  name: "event bus",
  needs: [argoEventsKindsCheck, namespaceCheck],
  look: async (context) => {
    const used = await context.eventBus();
    return eventBus(await context.argo("eventbus", used.name), { ...used, namespace: context.namespace });
  },
};

async function kinds({ cluster }: DoctorContext, part: Part): Promise<Finding> {
  const served = await ask(
    cluster,
    "list the kinds of Argo",
    cluster.makeApiClient(CustomObjectsApi).getAPIResources({ group: "argoproj.io", version: "v1alpha1" }, request),
  );
  const there = served?.resources.map(({ name }) => name) ?? [];
  const missing = parts[part].kinds.filter((kind) => !there.includes(kind));
  return missing.length === 0
    ? pass(parts[part].kinds.join(", "))
    : fail(
        `the API server knows no ${missing.join(", ")} of argoproj.io/v1alpha1`,
        `install ${part}: ${parts[part].install}`,
      );
}

/** The deployments of the whole cluster. */
export function deploymentsOf(context: DoctorContext): Promise<V1Deployment[]> {
  const { cluster } = context;
  return context.once("deployments", async () => {
    const list = await ask(
      cluster,
      "list deployments",
      cluster.makeApiClient(AppsV1Api).listDeploymentForAllNamespaces({}, request),
    );
    return list?.items ?? [];
  });
}

const images = ({ spec }: V1Deployment) =>
  spec?.template.spec?.containers.map((container) => container.image ?? "") ?? [];

/** Whether a deployment is the controller. Argo Events also runs EventSources and Sensors from its controller image; they do not count. */
export function runsPart(part: Part, deployment: V1Deployment): boolean {
  return (
    images(deployment).some((name) => parts[part].image.test(name)) &&
    !/(eventsource|sensor)-name/.test(Object.keys(deployment.spec?.selector.matchLabels ?? {}).join())
  );
}

/** @param deployments of the whole cluster */
export function controllers(part: Part, deployments: V1Deployment[]): Finding {
  const { image, least, install } = parts[part];
  const found = deployments.find((one) => runsPart(part, one));
  if (found === undefined) {
    return warn(
      "no deployment of it was found; the checks of its objects below show whether it works",
      `if it is not installed: ${install}`,
    );
  }
  const { namespace, name } = found.metadata ?? {};
  const tag =
    images(found)
      .find((one) => image.test(one))
      ?.replace(/^.*:/, "") ?? "";
  if ((found.status?.readyReplicas ?? 0) === 0) {
    return fail(
      `deployment ${name} in namespace ${namespace} has no ready pod`,
      `kubectl -n ${namespace} describe deployment ${name}`,
    );
  }
  if (atLeast(tag, least) === false) return fail(`${tag}; expected >= ${least}`, `update it: ${install}`);
  return pass(`${tag}, deployment ${name} in namespace ${namespace}`);
}

/** @param bus the object; undefined if there is none */
export function eventBus(
  bus: ClusterObject | undefined,
  { name, created, prefix, namespace }: Bus & { namespace: string },
): Finding {
  if (bus === undefined) {
    return created
      ? pass(`pulumi up will create ${name}`)
      : fail(
          `there is no EventBus ${name} in namespace ${namespace}`,
          "pulumi config set --path eventBus.create true, then pulumi up; or choose another with pulumi config set --path eventBus.name NAME",
        );
  }
  const owner = bus.metadata.labels?.["app.kubernetes.io/instance"];
  if (created && owner !== prefix) {
    return fail(
      `namespace ${namespace} already has an EventBus ${name} that does not belong to this stack, so pulumi up cannot create it`,
      "to use it: pulumi config set --path eventBus.create false; to create another one: pulumi config set --path eventBus.name NAME",
    );
  }
  const trouble = notTrue(bus);
  return trouble === undefined
    ? pass(`${name} is deployed`)
    : fail(`${name}: ${trouble}`, `kubectl -n ${namespace} describe eventbus ${name}`);
}

/** Which condition of an Argo Events object is not true, and why; undefined if all are true. */
export function notTrue({ status }: ClusterObject): string | undefined {
  const conditions: { type: string; status: string; reason?: string; message?: string }[] = status?.conditions ?? [];
  if (conditions.length === 0) return "its controller has not handled it yet";
  const untrue = conditions.filter((condition) => condition.status !== "True");
  // A condition that is False gives the reason; others may be Unknown because of it.
  const bad = untrue.find((condition) => condition.status === "False") ?? untrue[0];
  return bad === undefined
    ? undefined
    : `not ${bad.type} (${[bad.reason, bad.message].filter(Boolean).join(": ") || "no reason given"})`;
}
