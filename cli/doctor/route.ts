import { ApiException, type ConfigurationOptions, setHeaderOptions, type V1Pod } from "@kubernetes/client-node";
import { argoCommand, instanceIdLabel } from "../../components/argoInstance.ts";
import { sweptLabel } from "../../components/vocabulary/keys.ts";
import { statusOf } from "../lib/apiServerStatus.ts";
import { request } from "../lib/installation.ts";
import { isReady, listPods } from "../lib/pods.ts";
import { failureAroundSteps, isFailed, outcomeOf, stepsEndedWell } from "../lib/runEnd.ts";
import { eventBusCheck, notTrue } from "./argo.ts";
import { type Check, type Finding, fail, pass, warn } from "./check.ts";
import type { ClusterObject, InstalledContext } from "./context.ts";
import { installationCheck } from "./installation.ts";

/** The route of a push into the cluster: EventSource, Sensor, the last push that arrived, and the sweep for lost pushes. */

const restore = "pulumi up --refresh";

export const eventSourceCheck: Check<InstalledContext> = {
  name: "EventSource",
  needs: [eventBusCheck],
  look: eventSource,
};
export const eventSourcePodsCheck: Check<InstalledContext> = {
  name: "EventSource's pods",
  needs: [eventSourceCheck],
  look: async (context) => (await eventSourcePods(context)).finding,
};
export const signaturesCheck: Check<InstalledContext> = {
  name: "signatures",
  needs: [eventSourcePodsCheck],
  look: signatures,
};
export const sensorCheck: Check<InstalledContext> = {
  name: "Sensor",
  needs: [eventBusCheck, eventSourceCheck],
  look: sensor,
};
export const sensorPodsCheck: Check<InstalledContext> = {
  name: "Sensor's pods",
  needs: [sensorCheck],
  look: async (context) => (await pods(context, "sensor", await context.sensor())).finding,
};
export const lastPushCheck: Check<InstalledContext> = {
  name: "last push",
  needs: [installationCheck],
  look: lastPush,
};
export const instanceCheck: Check<InstalledContext> = {
  name: "Argo's instance ID",
  needs: [installationCheck],
  look: instance,
};
export const sweepCheck: Check<InstalledContext> = { name: "sweep", needs: [installationCheck], look: sweep };

async function eventSource(context: InstalledContext): Promise<Finding> {
  const { eventSource: name } = context.installation.outputs;
  const source = await context.eventSource();
  if (source === undefined) {
    return fail(
      `there is no EventSource ${name} in namespace ${context.namespace}`,
      `${restore}; if it is your own, create it, or choose another with pulumi config set --path existingEventSource.name NAME`,
    );
  }
  return deployed(
    source,
    name,
    `kubectl -n ${context.namespace} describe eventsource ${name}`,
    await context.ownEventSource(),
  );
}

async function sensor(context: InstalledContext): Promise<Finding> {
  const { sensor: name } = context.installation.outputs;
  const found = await context.sensor();
  if (found === undefined) return fail(`there is no Sensor ${name} in namespace ${context.namespace}`, restore);
  const { eventName } = found.spec.dependencies?.[0] ?? {};
  const events = Object.keys((await context.eventSource())?.spec.github ?? {});
  if (!events.includes(eventName)) {
    return fail(
      `it waits for the event ${eventName}, but EventSource ${context.installation.outputs.eventSource} has ${events.join(", ") || "no GitHub event"}`,
      "pulumi config set --path existingEventSource.event NAME, then pulumi up",
    );
  }
  return deployed(found, name, `kubectl -n ${context.namespace} describe sensor ${name}`, true);
}

/** @param own whether the program created it */
export function deployed(thing: ClusterObject, name: string, look: string, own: boolean): Finding {
  const trouble = notTrue(thing);
  return trouble === undefined
    ? pass(`${name} is deployed`)
    : fail(`${name}: ${trouble}`, own ? `${look}; if it was changed by hand: ${restore}` : look);
}

interface Pods {
  finding: Finding;
  ready: V1Pod[];
}

function eventSourcePods(context: InstalledContext): Promise<Pods> {
  return context.once("the EventSource's pods", async () => pods(context, "eventsource", await context.eventSource()));
}

async function pods(
  context: InstalledContext,
  kind: "eventsource" | "sensor",
  thing: ClusterObject | undefined,
): Promise<Pods> {
  const { cluster, namespace } = context;
  const labelSelector = `${kind}-name=${thing?.metadata.name}`;
  const there = await listPods(cluster, namespace, labelSelector);
  const ready = there.filter(isReady);
  const wanted = thing?.spec.replicas ?? 1;
  if (ready.length >= wanted) return { ready, finding: pass(`${ready.length} of ${wanted} ready`) };
  const why = there.filter((pod) => !isReady(pod)).map((pod) => `; ${pod.metadata?.name}: ${troubleOf(pod)}`);
  const look = `kubectl -n ${namespace} get deployments,pods -l ${labelSelector}`;
  return {
    ready,
    finding: fail(
      `${ready.length} of ${wanted} ready${why.join("")}`,
      `${look} lists them; kubectl -n ${namespace} describe pods -l ${labelSelector} says why; if there are too few pods: kubectl -n ${namespace} scale deployment -l ${labelSelector} --replicas=${wanted}`,
    ),
  };
}

/** Why a pod is not ready, in Kubernetes' words. */
function troubleOf({ status }: V1Pod): string {
  const { waiting, terminated } = status?.containerStatuses?.[0]?.state ?? {};
  const unmet = status?.conditions?.find((condition) => condition.status !== "True");
  return waiting?.reason ?? terminated?.reason ?? unmet?.reason ?? status?.phase ?? "unknown";
}

/**
 * Sends an unsigned event through the API server to a pod of the EventSource, which must refuse it. The event is a ping, which starts
 * nothing even if it is accepted. Sends nothing if the EventSource names no secret, because then it accepts everything.
 */
async function signatures(context: InstalledContext): Promise<Finding> {
  const { eventSource: name } = context.installation.outputs;
  const own = await context.ownEventSource();
  const source = await context.eventSource();
  const event = own ? "push" : ((await context.sensor())?.spec.dependencies?.[0]?.eventName ?? "");
  const { webhook, webhookSecret } = source?.spec.github?.[event] ?? {};
  if (webhookSecret?.name === undefined) {
    return fail(
      `EventSource ${name} names no webhookSecret for the event ${event}, so it accepts forged pushes`,
      own
        ? restore
        : `kubectl -n ${context.namespace} edit eventsource ${name}: spec.github.${event}.webhookSecret: {name: SECRET, key: KEY}`,
    );
  }
  const pod = (await eventSourcePods(context)).ready[0]?.metadata?.name;
  const answer = await unsigned(context, `${pod}:${webhook?.port}`, `${webhook?.endpoint}`.replace(/^\//, ""));
  if (typeof answer === "string") {
    return warn(
      `Secret ${webhookSecret.name} is configured, but no unsigned event could be sent to see that it is refused: ${answer}`,
      "run this as a user who may create pods/proxy",
    );
  }
  return answer >= 400 && answer < 500
    ? pass(`an unsigned event is refused (${answer})`)
    : fail(
        `an unsigned event was answered with ${answer}`,
        `kubectl -n ${context.namespace} rollout restart deployment -l eventsource-name=${name}, because it reads its secret only at its start`,
      );
}

const headers = {
  "Content-Type": "application/json",
  "X-GitHub-Event": "ping",
  "X-GitHub-Delivery": "rex-remediation-doctor",
};

/** @returns the status code of the pod's answer, or the reason why there is none */
async function unsigned({ core, namespace }: InstalledContext, pod: string, path: string): Promise<number | string> {
  let code: number | undefined;
  try {
    await core.connectPostNamespacedPodProxyWithPath(
      { namespace, name: pod, path },
      unsignedPing((answer) => {
        code = answer;
      }),
    );
  } catch (error) {
    // An error status from the pod itself is a valid answer.
    if (error instanceof ApiException && statusOf(error).own) return `the API server says ${error.code}`;
    if (code === undefined) return (error as Error).message;
  }
  return code ?? "there was no answer";
}

/** Request options that set a body. The client's method for this request has no parameter for it. */
function unsignedPing(answered: (code: number) => void): ConfigurationOptions {
  const options = Object.entries(headers).reduce(
    (others, [name, value]) => setHeaderOptions(name, value, others),
    request,
  );
  return {
    ...options,
    middleware: (options.middleware ?? []).map((one, index) => ({
      pre: (context) => {
        if (index === 0) context.setBody("{}");
        return one.pre(context);
      },
      post: (response) => {
        answered(response.httpStatusCode);
        return one.post(response);
      },
    })),
  };
}

async function lastPush(context: InstalledContext): Promise<Finding> {
  const runs = await context.listArgo(
    "workflows",
    `app.kubernetes.io/instance=${context.prefix},app.kubernetes.io/component=remediation`,
  );
  return newest(runs, context.namespace, (await context.settings()).argoInstanceId);
}

/**
 * @param runs all remediations, also those started by hand or by the sweep
 * @param instanceId see components/argoInstance.ts
 */
export function newest(runs: ClusterObject[], namespace: string, instanceId?: string): Finding {
  const pushed = runs.filter(
    ({ metadata, spec }) =>
      metadata.labels?.[sweptLabel] === undefined &&
      spec.arguments?.parameters?.some((one: { name: string; value?: string }) => one.name === "after" && one.value),
  );
  const last = pushed.sort((one, other) =>
    other.metadata.creationTimestamp.localeCompare(one.metadata.creationTimestamp),
  )[0];
  if (last === undefined) {
    return warn(
      "no push has arrived within the time that runs are kept",
      "push to a task branch as the pusher, and see the webhook's deliveries: scripts/rex webhook deliveries",
    );
  }
  const { name, creationTimestamp } = last.metadata;
  const outcome = outcomeOf(last) ?? "not ended";
  const found = `${new Date(creationTimestamp).toISOString().replace(".000", "")}, run ${name}: ${outcome}`;
  if (outcome === "failed")
    return warn(found, `${argoCommand(namespace, instanceId)} get ${name} says why, and which command continues`);
  return isFailed(last) ? aroundTheSteps(found, last, argoCommand(namespace, instanceId)) : pass(found);
}

/** The finding for a run whose steps succeeded but whose phase Argo shows as failed. */
function aroundTheSteps(found: string, run: ClusterObject, argo: string): Finding {
  return warn(
    `${found}; ${failureAroundSteps(run)}`,
    `${argo} get ${run.metadata.name}; repair the artifact repository of the workflow controller (archiveLogs), see docs/troubleshooting.md`,
  );
}

/** Whether a running workflow controller handles the runs, judged by its instance ID. */
async function instance(context: InstalledContext): Promise<Finding> {
  const { argoInstanceId, mainWorkflows } = await context.settings();
  const own = await context.listArgo("workflows", `app.kubernetes.io/instance=${context.prefix}`);
  const main = await context.listArgo("workflows", `${mainWorkflows.typeLabel}=${mainWorkflows.type}`);
  return seen(own, main, { namespace: context.namespace, argoInstanceId, now: Date.now() });
}

/** How long Argo may take before it first looks at a Workflow. */
const unseenSeconds = 60;

/**
 * @param own remediations and sweeps
 * @param main main workflows
 */
export function seen(
  own: ClusterObject[],
  main: ClusterObject[],
  { namespace, argoInstanceId, now }: { namespace: string; argoInstanceId?: string | undefined; now: number },
): Finding {
  const idOf = ({ metadata }: ClusterObject) => metadata.labels?.[instanceIdLabel];
  const named = (id: string | undefined) => (id === undefined ? "no instance ID" : `the instance ID ${id}`);
  const set = (id: string | undefined) =>
    `pulumi config ${id === undefined ? "rm --path argo.instanceId" : `set --path argo.instanceId ${id}`}, then pulumi up`;
  // If a main workflow is running, some controller handles its instance ID.
  const other = main.find((one) => one.status?.phase === "Running" && idOf(one) !== argoInstanceId);
  const unseen = own.find(
    ({ metadata, status }) =>
      !status?.phase && now - new Date(metadata.creationTimestamp).getTime() > 1000 * unseenSeconds,
  );
  if (unseen !== undefined) {
    return fail(
      `no controller has picked up ${unseen.metadata.name} since ${unseen.metadata.creationTimestamp}; it has ${named(idOf(unseen))}${other === undefined ? "" : `, but the running main workflow ${other.metadata.name} has ${named(idOf(other))}`}: Argo's workflow controller does not run, or has another instanceID`,
      `${
        other !== undefined
          ? set(idOf(other))
          : `kubectl get configmaps -A --field-selector metadata.name=workflow-controller-configmap -o yaml | grep instanceID shows the controller's ID: pulumi config set --path argo.instanceId ID, then pulumi up (if it has none: pulumi config rm --path argo.instanceId); if it is the same ID, look at the controller's pods`
      }; waiting workflows start once they have the controller's ID: kubectl -n ${namespace} label workflow ${unseen.metadata.name} ${instanceIdLabel}=ID`,
    );
  }
  return other === undefined
    ? pass(argoInstanceId ?? "none")
    : warn(
        `the runs have ${named(argoInstanceId)}, but the running main workflow ${other.metadata.name} has ${named(idOf(other))}: perhaps no controller handles the runs`,
        set(idOf(other)),
      );
}

async function sweep(context: InstalledContext): Promise<Finding> {
  if (!context.hasSweep) {
    return warn(
      "there is no sweep, so a push whose delivery fails is lost",
      "pulumi config set --path sweep.schedule '*/5 * * * *', then pulumi up",
    );
  }
  const name = `${context.prefix}-sweep`;
  const cron = await context.argo("cronworkflows", name);
  if (cron === undefined) return fail(`there is no CronWorkflow ${name} in namespace ${context.namespace}`, restore);
  const made = await context.listArgo("workflows", `workflows.argoproj.io/cron-workflow=${name}`);
  return swept(cron, made, context.namespace, (await context.settings()).argoInstanceId);
}

/** @param made the workflows of the sweep */
export function swept(cron: ClusterObject, made: ClusterObject[], namespace: string, instanceId?: string): Finding {
  const { name } = cron.metadata;
  const argo = argoCommand(namespace, instanceId);
  if (cron.spec.suspend) {
    return fail(
      `CronWorkflow ${name} is suspended, so a push whose delivery fails is lost`,
      `${argo} cron resume ${name}`,
    );
  }
  const schedule = (cron.spec.schedules ?? [cron.spec.schedule]).join(", ");
  const last = made
    .filter(({ status }) => status?.finishedAt)
    .sort((one, other) => other.status.finishedAt.localeCompare(one.status.finishedAt))[0];
  if (last === undefined) return pass(`schedule ${schedule}; no sweep has ended yet`);
  const { phase, finishedAt, message } = last.status;
  if (isFailed(last) && stepsEndedWell(last)) {
    return aroundTheSteps(`schedule ${schedule}; the last sweep, ${last.metadata.name}, did its work`, last, argo);
  }
  return phase === "Succeeded"
    ? pass(`schedule ${schedule}; the last sweep ended at ${finishedAt}`)
    : fail(
        `the last sweep, ${last.metadata.name}, ended as ${phase} at ${finishedAt}${message ? `: ${message}` : ""}`,
        `${argo} logs ${last.metadata.name}; then ${argo} submit --from cronworkflow/${name}`,
      );
}
