import { ApiException, type ConfigurationOptions, setHeaderOptions, type V1Pod } from "@kubernetes/client-node";
import { argoCommand, instanceIdLabel } from "../../components/argoInstance.ts";
import { sweptLabel } from "../../components/vocabulary/keys.ts";
import { ask, request } from "../lib/installation.ts";
import { allTheSame, isFailed, outcomeOf, stepsEndedWell } from "../lib/runEnd.ts";
import { notTrue } from "./argo.ts";
import { type Check, type Finding, fail, pass, warn } from "./check.ts";
import type { Ground, Thing } from "./context.ts";

/** The way of a push into the cluster: EventSource, Sensor, the last one that came, and the sweep for those that did not. */

const bringBack = "pulumi up --refresh";

export function wayInChecks(ground: Ground): Check[] {
  return [
    { what: "EventSource", needs: ["event bus"], look: () => eventSource(ground) },
    { what: "EventSource's pods", needs: ["EventSource"], look: async () => (await eventSourcePods(ground)).finding },
    { what: "signatures", needs: ["EventSource's pods"], look: () => signatures(ground) },
    { what: "Sensor", needs: ["event bus", "EventSource"], look: () => sensor(ground) },
    {
      what: "Sensor's pods",
      needs: ["Sensor"],
      look: async () => (await pods(ground, "sensor", await ground.sensor())).finding,
    },
    { what: "last push", needs: ["installation"], look: () => lastPush(ground) },
    { what: "Argo's instance ID", needs: ["installation"], look: () => instance(ground) },
    { what: "sweep", needs: ["installation"], look: () => sweep(ground) },
  ];
}

async function eventSource(ground: Ground): Promise<Finding> {
  const { eventSource: name } = ground.installation.outputs;
  const source = await ground.eventSource();
  if (source === undefined) {
    return fail(
      `there is no EventSource ${name} in namespace ${ground.name}`,
      `${bringBack}; if it is yours, make it or name another with pulumi config set --path existingEventSource.name NAME`,
    );
  }
  return deployed(
    source,
    name,
    `kubectl -n ${ground.name} describe eventsource ${name}`,
    await ground.ownEventSource(),
  );
}

async function sensor(ground: Ground): Promise<Finding> {
  const { sensor: name } = ground.installation.outputs;
  const found = await ground.sensor();
  if (found === undefined) return fail(`there is no Sensor ${name} in namespace ${ground.name}`, bringBack);
  const { eventName } = found.spec.dependencies?.[0] ?? {};
  const events = Object.keys((await ground.eventSource())?.spec.github ?? {});
  if (!events.includes(eventName)) {
    return fail(
      `it waits for the event ${eventName}; EventSource ${ground.installation.outputs.eventSource} has ${events.join(", ") || "no event from github"}`,
      "pulumi config set --path existingEventSource.event NAME, then pulumi up",
    );
  }
  return deployed(found, name, `kubectl -n ${ground.name} describe sensor ${name}`, true);
}

/** @param own whether the program made it */
export function deployed(thing: Thing, name: string, look: string, own: boolean): Finding {
  const trouble = notTrue(thing);
  return trouble === undefined
    ? pass(`${name} is deployed`)
    : fail(`${name}: ${trouble}`, own ? `${look}; if somebody changed it: ${bringBack}` : look);
}

interface Pods {
  finding: Finding;
  ready: V1Pod[];
}

function eventSourcePods(ground: Ground): Promise<Pods> {
  return ground.once("the EventSource's pods", async () => pods(ground, "eventsource", await ground.eventSource()));
}

async function pods(ground: Ground, kind: "eventsource" | "sensor", thing: Thing | undefined): Promise<Pods> {
  const { core, cluster, name: namespace } = ground;
  const labelSelector = `${kind}-name=${thing?.metadata.name}`;
  const list = await ask(
    cluster,
    `list pods in namespace ${namespace}`,
    core.listNamespacedPod({ namespace, labelSelector }, request),
  );
  const there = (list?.items ?? []).filter(({ metadata }) => metadata?.deletionTimestamp === undefined);
  const ready = there.filter(isReady);
  const wanted = thing?.spec.replicas ?? 1;
  if (ready.length >= wanted) return { ready, finding: pass(`${ready.length} of ${wanted} ready`) };
  const why = there.filter((pod) => !isReady(pod)).map((pod) => `; ${pod.metadata?.name}: ${troubleOf(pod)}`);
  const look = `kubectl -n ${namespace} get deployments,pods -l ${labelSelector}`;
  return {
    ready,
    finding: fail(
      `${ready.length} of ${wanted} ready${why.join("")}`,
      `${look} shows which; kubectl -n ${namespace} describe pods -l ${labelSelector} says why; with too few pods: kubectl -n ${namespace} scale deployment -l ${labelSelector} --replicas=${wanted}`,
    ),
  };
}

function isReady({ status }: V1Pod): boolean {
  return status?.conditions?.some((condition) => condition.type === "Ready" && condition.status === "True") ?? false;
}

/** Why a pod is not ready, in Kubernetes' words. */
function troubleOf({ status }: V1Pod): string {
  const { waiting, terminated } = status?.containerStatuses?.[0]?.state ?? {};
  const unmet = status?.conditions?.find((condition) => condition.status !== "True");
  return waiting?.reason ?? terminated?.reason ?? unmet?.reason ?? status?.phase ?? "unknown";
}

/**
 * An unsigned event is sent to a pod of the EventSource, by way of the API server. It is a ping, of which nothing would come if it
 * were let through; where no secret is named, it is not sent, because it would be.
 */
async function signatures(ground: Ground): Promise<Finding> {
  const { eventSource: name } = ground.installation.outputs;
  const own = await ground.ownEventSource();
  const source = await ground.eventSource();
  const event = own ? "push" : ((await ground.sensor())?.spec.dependencies?.[0]?.eventName ?? "");
  const { webhook, webhookSecret } = source?.spec.github?.[event] ?? {};
  if (webhookSecret?.name === undefined) {
    return fail(
      `EventSource ${name} names no webhookSecret for the event ${event}: it takes pushes that anybody made up`,
      own
        ? bringBack
        : `kubectl -n ${ground.name} edit eventsource ${name}: spec.github.${event}.webhookSecret: {name: SECRET, key: KEY}`,
    );
  }
  const pod = (await eventSourcePods(ground)).ready[0]?.metadata?.name;
  const answer = await unsigned(ground, `${pod}:${webhook?.port}`, `${webhook?.endpoint}`.replace(/^\//, ""));
  if (typeof answer === "string") {
    return warn(
      `Secret ${webhookSecret.name} is named, but no unsigned event could be sent to see it refused: ${answer}`,
      "let somebody call this who may create pods/proxy",
    );
  }
  return answer >= 400 && answer < 500
    ? pass(`an unsigned event is refused (${answer})`)
    : fail(
        `an unsigned event was answered with ${answer}`,
        `kubectl -n ${ground.name} rollout restart deployment -l eventsource-name=${name}: it reads its secret once, at its start`,
      );
}

const headers = {
  "Content-Type": "application/json",
  "X-GitHub-Event": "ping",
  "X-GitHub-Delivery": "rex-remediation-doctor",
};

/** @returns the pod's answer, or why there is none */
async function unsigned({ core, name: namespace }: Ground, pod: string, path: string): Promise<number | string> {
  let code: number | undefined;
  try {
    await core.connectPostNamespacedPodProxyWithPath(
      { namespace, name: pod, path },
      unsignedPing((answer) => {
        code = answer;
      }),
    );
  } catch (error) {
    // What the API server says itself is an object of its own kind; of all else only the number counts.
    const own = error instanceof ApiException && /"kind":\s*"Status"/.test(`${error.body}`);
    if (own) return `the API server says ${error.code}`;
    if (code === undefined) return (error as Error).message;
  }
  return code ?? "there was no answer";
}

/** Options of a request with a body, which the client has no other way to give this one. */
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

async function lastPush(ground: Ground): Promise<Finding> {
  const runs = await ground.listArgo(
    "workflows",
    `app.kubernetes.io/instance=${ground.prefix},app.kubernetes.io/component=remediation`,
  );
  return newest(runs, ground.name, (await ground.settings()).argoInstanceId);
}

/**
 * @param runs remediations, however they were started
 * @param instanceId see components/argoInstance.ts
 */
export function newest(runs: Thing[], namespace: string, instanceId?: string): Finding {
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
      "none has come as long as runs are kept",
      "push to a task branch as the pusher, and look at the webhook's deliveries at GitHub",
    );
  }
  const { name, creationTimestamp } = last.metadata;
  const outcome = outcomeOf(last) ?? "not ended";
  const found = `${new Date(creationTimestamp).toISOString().replace(".000", "")}, run ${name}: ${outcome}`;
  if (outcome === "failed")
    return warn(found, `${argoCommand(namespace, instanceId)} get ${name} says why, and the command that carries on`);
  return isFailed(last) ? aroundTheSteps(found, last, argoCommand(namespace, instanceId)) : pass(found);
}

/** A run whose steps did their work, and which Argo calls failed all the same. */
function aroundTheSteps(found: string, run: Thing, argo: string): Finding {
  return warn(
    `${found}; ${allTheSame(run)}`,
    `${argo} get ${run.metadata.name}; mend the artifact repository of the workflow controller (archiveLogs), see docs/troubleshooting.md`,
  );
}

/** Whether the controller that takes the runs is the one that is there. */
async function instance(ground: Ground): Promise<Finding> {
  const { argoInstanceId, mainWorkflows } = await ground.settings();
  const own = await ground.listArgo("workflows", `app.kubernetes.io/instance=${ground.prefix}`);
  const main = await ground.listArgo("workflows", `${mainWorkflows.typeLabel}=${mainWorkflows.type}`);
  return seen(own, main, { namespace: ground.name, argoInstanceId, now: Date.now() });
}

/** How long Argo may take to look at a Workflow for the first time. */
const unseenSeconds = 60;

/**
 * @param own remediations and sweeps
 * @param main main workflows
 */
export function seen(
  own: Thing[],
  main: Thing[],
  { namespace, argoInstanceId, now }: { namespace: string; argoInstanceId?: string | undefined; now: number },
): Finding {
  const idOf = ({ metadata }: Thing) => metadata.labels?.[instanceIdLabel];
  const named = (id: string | undefined) => (id === undefined ? "no instance ID" : `the instance ID ${id}`);
  const set = (id: string | undefined) =>
    `pulumi config ${id === undefined ? "rm argoInstanceId" : `set argoInstanceId ${id}`}, then pulumi up`;
  // As long as a main workflow is at work, some controller takes it.
  const other = main.find((one) => one.status?.phase === "Running" && idOf(one) !== argoInstanceId);
  const unseen = own.find(
    ({ metadata, status }) =>
      !status?.phase && now - new Date(metadata.creationTimestamp).getTime() > 1000 * unseenSeconds,
  );
  if (unseen !== undefined) {
    return fail(
      `no controller has looked at ${unseen.metadata.name} since ${unseen.metadata.creationTimestamp}, which has ${named(idOf(unseen))}${other === undefined ? "" : `; main workflow ${other.metadata.name}, which is at work, has ${named(idOf(other))}`}: Argo's workflow controller does not run, or has another instanceID`,
      `${
        other !== undefined
          ? set(idOf(other))
          : `kubectl get configmaps -A --field-selector metadata.name=workflow-controller-configmap -o yaml | grep instanceID shows it: pulumi config set argoInstanceId ID, then pulumi up (where there is none: pulumi config rm argoInstanceId); if it is the same, look at the controller's pods`
      }; what waits meanwhile is taken once it has the controller's ID: kubectl -n ${namespace} label workflow ${unseen.metadata.name} ${instanceIdLabel}=ID`,
    );
  }
  return other === undefined
    ? pass(argoInstanceId ?? "none")
    : warn(
        `the runs have ${named(argoInstanceId)}, but main workflow ${other.metadata.name}, which is at work, has ${named(idOf(other))}: perhaps no controller takes the runs`,
        set(idOf(other)),
      );
}

async function sweep(ground: Ground): Promise<Finding> {
  if (!ground.sweeps) {
    return warn(
      "there is none: a push whose delivery fails is lost",
      "pulumi config set sweepSchedule '*/5 * * * *', then pulumi up",
    );
  }
  const name = `${ground.prefix}-sweep`;
  const cron = await ground.argo("cronworkflows", name);
  if (cron === undefined) return fail(`there is no CronWorkflow ${name} in namespace ${ground.name}`, bringBack);
  const made = await ground.listArgo("workflows", `workflows.argoproj.io/cron-workflow=${name}`);
  return swept(cron, made, ground.name, (await ground.settings()).argoInstanceId);
}

/** @param made the sweep's workflows */
export function swept(cron: Thing, made: Thing[], namespace: string, instanceId?: string): Finding {
  const { name } = cron.metadata;
  const argo = argoCommand(namespace, instanceId);
  if (cron.spec.suspend) {
    return fail(
      `CronWorkflow ${name} is suspended: a push whose delivery fails is lost`,
      `${argo} cron resume ${name}`,
    );
  }
  const schedule = (cron.spec.schedules ?? [cron.spec.schedule]).join(", ");
  const last = made
    .filter(({ status }) => status?.finishedAt)
    .sort((one, other) => other.status.finishedAt.localeCompare(one.status.finishedAt))[0];
  if (last === undefined) return pass(`at ${schedule}; none has ended yet`);
  const { phase, finishedAt, message } = last.status;
  if (isFailed(last) && stepsEndedWell(last)) {
    return aroundTheSteps(`at ${schedule}; the last, ${last.metadata.name}, did its work`, last, argo);
  }
  return phase === "Succeeded"
    ? pass(`at ${schedule}; the last ended at ${finishedAt}`)
    : fail(
        `the last, ${last.metadata.name}, ${phase} at ${finishedAt}${message ? `: ${message}` : ""}`,
        `${argo} logs ${last.metadata.name}; then ${argo} submit --from cronworkflow/${name}`,
      );
}
