import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import {
  AdmissionregistrationV1Api,
  CoreV1Api,
  CustomObjectsApi,
  KubeConfig,
  RbacAuthorizationV1Api,
  type V1Pod,
} from "@kubernetes/client-node";
import { Cluster, until } from "../support/cluster.ts";
import { deliver } from "../support/delivery.ts";
import { pushPayload, signedDelivery } from "../support/github/index.ts";
import { nodeEnvironment } from "../support/node.ts";
import { leastConfig, privateKey } from "../support/pulumi/stackConfig.ts";
import { type Ended, freshName, StackRun } from "../support/pulumi/stackRun.ts";

const name = freshName();
const webhookSecret = leastConfig.webhookSecret as string;
const otherSecret = createHash("sha256").update(name).digest("hex");

/** Kinds and names of all objects with the stack's label: in the namespace, and the policies in the cluster. */
async function objects(namespace: string): Promise<string[]> {
  const config = new KubeConfig();
  config.loadFromDefault();
  const core = config.makeApiClient(CoreV1Api);
  const rbac = config.makeApiClient(RbacAuthorizationV1Api);
  const custom = config.makeApiClient(CustomObjectsApi);
  const admission = config.makeApiClient(AdmissionregistrationV1Api);
  const query = { namespace, labelSelector: `app.kubernetes.io/instance=${name}` };
  const argo = (plural: string) =>
    custom.listNamespacedCustomObject({ group: "argoproj.io", version: "v1alpha1", plural, ...query }) as Promise<{
      items: { metadata: { name: string } }[];
    }>;
  const lists = {
    CronWorkflow: argo("cronworkflows"),
    EventSource: argo("eventsources"),
    Sensor: argo("sensors"),
    Workflow: argo("workflows"),
    WorkflowTemplate: argo("workflowtemplates"),
    Role: rbac.listNamespacedRole(query),
    RoleBinding: rbac.listNamespacedRoleBinding(query),
    Secret: core.listNamespacedSecret(query),
    Service: core.listNamespacedService(query),
    ServiceAccount: core.listNamespacedServiceAccount(query),
    ValidatingAdmissionPolicy: admission.listValidatingAdmissionPolicy(query),
    ValidatingAdmissionPolicyBinding: admission.listValidatingAdmissionPolicyBinding(query),
  };
  const named = Object.entries(lists).map(async ([kind, list]) =>
    (await list).items.map((item) => `${kind} ${item.metadata?.name}`),
  );
  return (await Promise.all(named)).flat().sort();
}

describe("a stack on the node", function () {
  this.timeout(90_000);
  let stack: StackRun;
  let namespace: string;
  let cluster: Cluster;
  let first: Ended;
  let podBefore: V1Pod;
  const said: Ended[] = [];

  const run = async (...[command, options]: Parameters<StackRun["run"]>): Promise<Ended> => {
    const ended = await stack.run(command, options);
    said.push(ended);
    return ended;
  };

  before(() => {
    ({ namespace } = nodeEnvironment());
    cluster = new Cluster(namespace);
    stack = new StackRun(name);
  });
  after(async () => {
    await stack.run("destroy");
    stack.remove();
  });

  it("comes up and has its outputs [stack-comes-up]", async () => {
    first = await run("up", { args: ["--json"] });
    assert.equal(first.exitCode, 0, first.stderr);
    const url = `http://${name}-webhook.${namespace}.svc:12000/push`;
    assert.deepEqual(JSON.parse(first.stdout), {
      webhookUrl: url,
      inClusterWebhookUrl: url,
      namespace,
      eventSource: name,
      sensor: name,
      workflowTemplate: name,
      serviceAccounts: {
        eventSource: `${name}-event-source`,
        sensor: `${name}-sensor`,
        remediation: name,
        sweep: `${name}-sweep`,
      },
    });
  });

  it("creates its policies before it gives any account a right", () => {
    const done = [...first.stderr.matchAll(/^ \+ {2}kubernetes:\S+:(\w+) \S+ (creating|created)/gm)];
    const position = (wanted: RegExp, word: string, which: "first" | "last") => {
      const found = done.flatMap(([, kind = "", said], index) => (wanted.test(kind) && said === word ? [index] : []));
      return found.at(which === "first" ? 0 : -1) ?? assert.fail(`no ${wanted} in ${first.stderr}`);
    };
    const policies = position(/^ValidatingAdmissionPolicyBinding$/, "created", "last");
    assert.ok(policies < position(/^(ServiceAccount|Role|RoleBinding)$/, "creating", "first"), first.stderr);
  });

  it("consists of exactly the objects that the program declares", async () => {
    assert.deepEqual(
      (await objects(namespace)).map((object) => object.replace(name, "rex").replace(/-[0-9a-f]{8}$/, "-HASH")),
      [
        "CronWorkflow rex-sweep",
        "EventSource rex",
        "Role rex",
        "Role rex-sensor",
        "Role rex-sweep",
        "RoleBinding rex",
        "RoleBinding rex-sensor",
        "RoleBinding rex-sweep",
        "Secret rex-github-app",
        "Secret rex-webhook-HASH",
        "Sensor rex",
        "Service rex-webhook",
        "ServiceAccount rex",
        "ServiceAccount rex-event-source",
        "ServiceAccount rex-sensor",
        "ServiceAccount rex-sweep",
        ...["", "Binding"].flatMap((kind) =>
          ["coderuns", "runs", "swept", "sweptresults", "taskresults", "workflows"].map(
            (subject) => `ValidatingAdmissionPolicy${kind} rex-${subject}.${namespace}`,
          ),
        ),
        "WorkflowTemplate rex",
      ],
    );
  });

  it("changes nothing at a second up or a refresh", async () => {
    for (const [command, args] of [
      ["up", ["--expect-no-changes"]],
      ["refresh", []],
      ["preview", ["--expect-no-changes"]],
    ] as const) {
      const { exitCode, stderr } = await run(command, { args: [...args] });
      assert.equal(exitCode, 0, stderr);
      assert.match(stderr, /\d+ unchanged/);
      assert.doesNotMatch(stderr, /\d+ (updated|to update|created|deleted)/);
    }
  });

  it("updates the EventSource in place, and not the Sensor, if it is configured for other pushes [other-pushes-count]", async () => {
    const config = {
      "agents.pusher": "Other[bot]",
      repositories: ["acme/widgets"],
      "pullRequest.branchPrefix": "job-",
    };
    const { exitCode, stderr } = await run("preview", { config });
    assert.equal(exitCode, 0, stderr);
    assert.match(stderr, / ~ {2}kubernetes:argoproj\.io\/v1alpha1:EventSource \S+ update/);
    // Besides the EventSource: the WorkflowTemplate, the sweep, and the policies for CodeRuns and main workflows.
    assert.match(stderr, /~ 5 to update\n.* unchanged/, stderr);
    assert.doesNotMatch(stderr, /replace|v1alpha1:Sensor/);
  });

  /** Name of the Secret that the EventSource reads. */
  async function namedSecret(): Promise<string> {
    const { spec } = (await cluster.custom.getNamespacedCustomObject({
      ...{ group: "argoproj.io", version: "v1alpha1", plural: "eventsources" },
      ...{ namespace, name },
    })) as { spec: { github: { push: { webhookSecret: { name: string } } } } };
    return spec.github.push.webhookSecret.name;
  }

  /** The EventSource's pods, without those that are being deleted. */
  async function eventSourcePods(): Promise<V1Pod[]> {
    const labelSelector = `eventsource-name=${name}`;
    const { items } = await cluster.core.listNamespacedPod({ namespace, labelSelector });
    return items.filter(({ metadata }) => metadata?.deletionTimestamp === undefined);
  }

  it("puts a changed secret into a new Secret, makes the EventSource read that, and removes the old Secret", async () => {
    const secrets = async () =>
      (await objects(namespace)).filter((object) => object.startsWith(`Secret ${name}-webhook-`));
    const [old] = await secrets();
    const [pod, ...others] = await eventSourcePods();
    assert.ok(pod !== undefined && others.length === 0);
    podBefore = pod;
    const { exitCode, stderr } = await run("up", { config: { webhookSecret: otherSecret }, args: ["--diff"] });
    assert.equal(exitCode, 0, stderr);
    const [fresh, ...more] = await secrets();
    assert.notEqual(fresh, old);
    assert.deepEqual(more, []);
    assert.match(stderr, /EventSource/);
    assert.equal(`Secret ${await namedSecret()}`, fresh);
  });

  it("replaces the EventSource's pod, which then accepts only the new secret [secret-rolls-event-source]", async () => {
    const pod = await until("the EventSource has only its new pod", 40_000, async () => {
      const [only, ...others] = await eventSourcePods();
      return others.length === 0 && only?.metadata?.uid !== podBefore.metadata?.uid && only;
    });
    assert.match(JSON.stringify(pod.spec), new RegExp(`"${await namedSecret()}"`));
    const statusOf = async (secret: string) => {
      const payload = pushPayload({ ref: "refs/heads/main", repository: "5dlabs/platform" });
      return (await deliver(cluster, JSON.parse(first.stdout).webhookUrl, await signedDelivery(secret, payload)))
        .status;
    };
    await until(`pod ${pod.metadata?.name} answers`, 15_000, async () => (await statusOf(otherSecret)) === 200);
    assert.deepEqual([await statusOf(otherSecret), await statusOf(webhookSecret)], [200, 400]);
  });

  it("shows no secret in outputs, diffs or logs, or in any file that the engine keeps", () => {
    const secrets = [webhookSecret, otherSecret, privateKey.slice(40, 100).replace(/\n.*/s, "")];
    const encoded = [webhookSecret, otherSecret, privateKey.trimEnd()].map((text) =>
      Buffer.from(text).toString("base64").slice(0, 60),
    );
    const places = [
      ...said.map(({ stdout, stderr }, index) => ({ name: `output ${index}`, text: stdout + stderr })),
      ...stack.files(),
    ];
    assert.ok(places.some(({ name }) => name.endsWith("test.json")) && said.length >= 5);
    for (const { name: place, text } of places) {
      for (const secret of [...secrets, ...encoded]) {
        assert.ok(!text.includes(secret), `a secret is in ${place}`);
      }
    }
  });

  it("leaves nothing behind when it is destroyed [stack-goes]", async () => {
    const { exitCode, stderr } = await run("destroy");
    assert.equal(exitCode, 0, stderr);
    assert.deepEqual(await objects(namespace), []);
  });
});
