import { deepEqual, equal, match, ok } from "node:assert/strict";
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { ApiException, type V1Container, type V1Pod } from "@kubernetes/client-node";
import { devPlatform } from "../../support/devPlatform.ts";
import { readDevStack } from "../../support/devStack.ts";

/** The program's parts, by the label app.kubernetes.io/component of their pods. */
const parts = ["event-source", "sensor", "remediation", "sweep"] as const;

/**
 * The pods as they really run, including Argo's own containers, in a namespace that enforces the `restricted` pod security standard.
 * What this does not show: other people's pods.
 */
describe("the program's pods", function () {
  this.timeout(240_000);
  const dev = devPlatform();

  let pods: V1Pod[];
  let namespace: string;

  before(async () => {
    ({ namespace } = readDevStack().outputs);
    const tasks = await Promise.all([
      dev.platform.startTask("at-bare-gate", { pullLabels: ["ready-for-qa"] }),
      dev.platform.startTask("at-bare-gate", { pullLabels: ["ready-for-qa"] }),
    ]);
    // The second run fails, so that the exit handler gets a pod.
    await dev.platform.github.addFault({
      method: "DELETE",
      pathPattern: `/issues/${tasks[1]?.pull}/labels`,
      status: 403,
      body: { message: "Resource not accessible by integration" },
      times: 3,
    });
    const runs = await Promise.all(tasks.map((task) => dev.platform.push(task)));
    const outcomes = await Promise.all(runs.map(({ run }) => dev.platform.outcome(run, 200_000)));
    deepEqual(outcomes, ["remediated", "failed"]);
    const { stdout: sweep } = await promisify(execFile)(
      "argo",
      ["-n", namespace, "submit", "--from", "cronworkflow/rex-remediation-sweep", "--output", "name"],
      { timeout: 30_000 },
    );
    equal((await dev.platform.ended(sweep.trim())).status?.phase, "Succeeded");
    const { items } = await dev.platform.cluster.core.listNamespacedPod({
      namespace,
      labelSelector: `app.kubernetes.io/name=rex-remediation,app.kubernetes.io/component in (${parts.join(",")})`,
    });
    const own = (pod: V1Pod) =>
      componentOf(pod) !== "remediation" ||
      runs.some(({ run }) => pod.metadata?.labels?.["workflows.argoproj.io/workflow"] === run);
    pods = items.filter(
      (pod) => own(pod) && pod.metadata?.labels?.["app.kubernetes.io/instance"] === "rex-remediation",
    );
  });

  function componentOf(pod: V1Pod): string {
    return pod.metadata?.labels?.["app.kubernetes.io/component"] ?? "";
  }
  const containers = (pod: V1Pod): V1Container[] => [
    ...(pod.spec?.initContainers ?? []),
    ...(pod.spec?.containers ?? []),
  ];
  const named = (pod: V1Pod, container: V1Container) =>
    `${pod.metadata?.name?.includes("-record-failure-") ? "exit handler" : componentOf(pod)} ${container.name}`;
  const mounting = (volume: RegExp) =>
    pods.flatMap((pod) =>
      containers(pod)
        .filter(({ volumeMounts = [] }) =>
          volumeMounts.some(({ name }) => {
            const { secret, emptyDir, projected } = pod.spec?.volumes?.find((one) => one.name === name) ?? {};
            const source = secret ? "secret" : emptyDir ? "emptyDir" : projected ? "projected" : "other";
            return volume.test(`${source} ${secret?.secretName ?? name}`);
          }),
        )
        .map((container) => named(pod, container)),
    );
  const once = (names: string[]) => [...new Set(names)].sort();

  it("all run in a namespace with the restricted standard, which refuses privileged pods [pods-in-restricted-namespace]", async () => {
    deepEqual(once(pods.map(componentOf)), [...parts].sort());
    ok(pods.some(({ metadata }) => metadata?.name?.includes("-record-failure-")));
    const { metadata } = await dev.platform.cluster.core.readNamespace({ name: namespace });
    equal(metadata?.labels?.["pod-security.kubernetes.io/enforce"], "restricted");
    equal(metadata?.labels?.["pod-security.kubernetes.io/warn"], "restricted");
    const refusal = await dev.platform.cluster.core
      .createNamespacedPod({
        namespace,
        dryRun: "All",
        body: {
          metadata: { name: "privileged" },
          spec: { containers: [{ name: "x", image: "x", securityContext: { privileged: true } }] },
        },
      })
      .then(
        () => undefined,
        (error: unknown) => error,
      );
    ok(refusal instanceof ApiException);
    equal(refusal.code, 403);
    match(String(refusal.body), /violates PodSecurity \\?"restricted/);
  });

  it("have in each container no privileges, a read-only root file system, requests and limits [pods-without-privilege]", () => {
    for (const pod of pods) {
      deepEqual(
        [pod.spec?.securityContext?.runAsNonRoot, pod.spec?.securityContext?.runAsUser],
        [true, 65532],
        pod.metadata?.name,
      );
      equal(pod.spec?.securityContext?.seccompProfile?.type, "RuntimeDefault");
      deepEqual([pod.spec?.hostNetwork, pod.spec?.hostPID, pod.spec?.hostIPC], [undefined, undefined, undefined]);
      deepEqual(
        pod.spec?.volumes?.filter(({ hostPath }) => hostPath),
        [],
      );
      for (const container of containers(pod)) {
        const context = JSON.parse(JSON.stringify(container.securityContext ?? {}));
        deepEqual(
          context,
          { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ["ALL"] } },
          named(pod, container),
        );
        const { requests = {}, limits = {} } = container.resources ?? {};
        deepEqual(
          [Object.keys(requests).sort(), Object.keys(limits).sort()],
          [
            ["cpu", "memory"],
            ["cpu", "memory"],
          ],
          named(pod, container),
        );
      }
    }
  });

  it("have a token for the API server only where they need it, and none in the EventSource", () => {
    deepEqual(
      pods
        .filter((pod) => componentOf(pod) === "event-source")
        .map(({ spec }) => spec?.volumes?.some(({ projected }) => projected)),
      pods.filter((pod) => componentOf(pod) === "event-source").map(() => false),
    );
    // Argo reports a pod's results with the same token, so all containers of a remediation have it.
    deepEqual(once(mounting(/^projected /)), [
      "exit handler init",
      "exit handler main",
      "exit handler wait",
      "remediation init",
      "remediation main",
      "remediation plan",
      "remediation restart-qa",
      "remediation stop-qa",
      "remediation wait",
      "sensor main",
      "sweep init",
      "sweep main",
      "sweep wait",
    ]);
    deepEqual(once(mounting(/^projected (?!kube-api-access-)/)), []);
  });

  it("have the App's key only to mint tokens, GitHub's token only to use it, and the webhook secret only in the EventSource", () => {
    // Argo also mounts the volumes of a pod's last or only step into its own container, `wait`.
    const minting = ["exit handler main", "exit handler wait", "remediation plan", "sweep main", "sweep wait"];
    deepEqual(once(mounting(/^secret rex-remediation-github-app/)), minting);
    const calling = ["remediation main", "remediation stop-qa", "remediation wait"];
    deepEqual(once(mounting(/^emptyDir github-token$/)), [...minting, ...calling].sort());
    deepEqual(once(mounting(/^secret rex-remediation-webhook-/)), ["event-source main"]);
  });

  it("have no Secret in any container's environment, and only these two in volumes", () => {
    deepEqual(
      pods.flatMap((pod) =>
        containers(pod)
          .filter(
            ({ env = [], envFrom = [] }) =>
              env.some(({ valueFrom }) => valueFrom?.secretKeyRef) || envFrom.some(({ secretRef }) => secretRef),
          )
          .map((container) => named(pod, container)),
      ),
      [],
    );
    deepEqual(once(mounting(/^secret (?!rex-remediation-(github-app$|webhook-))/)), []);
  });
});
