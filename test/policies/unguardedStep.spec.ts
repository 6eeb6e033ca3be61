import { deepEqual, equal, match, ok } from "node:assert/strict";
import { stepScript } from "../../components/stepScripts.ts";
import { stepEnvironment } from "../steps/scenario.ts";
import { until } from "../support/cluster.ts";
import { codeRun } from "../support/codeRuns.ts";
import { Guarded } from "../support/guarded.ts";
import { nodeEnvironment } from "../support/node.ts";

/** The step stop-qa without its guards: it deletes whatever its plan names, and goes on after a refusal. */
function unguarded(): string {
  const text = stepScript("stop-qa").replaceAll("$$", "$");
  const without = text
    .replace("  only_when_planned\n", "")
    .replace(
      /\*\) object=\S+ \S+ fail_refused "cannot delete .*/,
      '*) log "REFUSED by $refused_by $name: $(last_error)" ;;',
    );
  ok(
    without.length < text.length && without.includes("REFUSED"),
    "the guards in the step have changed; adapt this function",
  );
  return without;
}

/**
 * A buggy step in a real pod with the remediation's account: its plan names every CodeRun of the namespace. It does not show steps with
 * other bugs; remediation.spec.ts tries the requests that they could send.
 */
describe("stop-qa without its own guards", function () {
  this.timeout(120_000);

  let guarded: Guarded;

  before(async () => {
    guarded = await Guarded.open();
  });
  after(() => guarded?.close());

  it("deletes only Cleo's and Tess's runs of its task, because the API server refuses the others [step-without-guards]", async () => {
    const ofShop = { repository: "acme-shop" };
    for (const object of [
      codeRun("cleo-3", "5DLabs-Cleo", 3, ofShop),
      codeRun("tess-3", "5DLabs-Tess", 3, ofShop),
      codeRun("rex-3", "5DLabs-Rex", 3, ofShop),
      codeRun("cleo-4", "5DLabs-Cleo", 4, ofShop),
      codeRun("tess-33", "5DLabs-Tess", 33, ofShop),
    ]) {
      await guarded.cluster.create(object);
    }
    const targets = (await guarded.cluster.codeRuns()).map(({ metadata: { name, uid } }) => ({ name, uid }));
    const log = await runStep({ outcome: "remediate", targets, pulls: [] });
    deepEqual((await guarded.cluster.codeRuns()).map(({ metadata }) => metadata.name).sort(), [
      "cleo-4",
      "rex-3",
      "tess-33",
    ]);
    const refusals = log.split("\n").filter((line) => line.includes("REFUSED"));
    equal(refusals.length, 3, log);
    match(
      refusals.join("\n"),
      /REFUSED by policy rex-3: .*belongs to agent '5DLabs-Rex', which is not in the cancel list/,
    );
    match(refusals.join("\n"), /REFUSED by policy cleo-4: .*belongs to task '4', not to the task of pod/);
  });

  /** Runs the step in a pod of a run for task 3, and returns its output. */
  async function runStep(plan: object): Promise<string> {
    const { namespace, core } = guarded.cluster;
    const name = `${guarded.runName("3")}-remediate-1`;
    const environment = stepEnvironment({
      namespace: namespace,
      TASK: "3",
      RUN_NAME: guarded.runName("3"),
      STEP: "stop-qa",
      SHARED_DIR: "/remediation",
      HOME: "/remediation",
      cancelTimeoutSeconds: "3",
      PLAN_TEXT: JSON.stringify(plan),
    });
    await core.createNamespacedPod({
      namespace,
      body: {
        metadata: { name },
        spec: {
          serviceAccountName: guarded.accountName("remediation"),
          restartPolicy: "Never",
          containers: [
            {
              name: "stop-qa",
              image: nodeEnvironment().stepsImage,
              imagePullPolicy: "IfNotPresent",
              command: ["bash", "-c"],
              args: [`printf %s "$PLAN_TEXT" >/remediation/plan.json\n${unguarded()}`.replaceAll("$(", "$$(")],
              env: Object.entries(environment).map(([key, value]) => ({ name: key, value })),
              volumeMounts: [{ name: "remediation", mountPath: "/remediation" }],
            },
          ],
          volumes: [{ name: "remediation", emptyDir: {} }],
        },
      },
    });
    await until("the step has ended", 60_000, async () => {
      const pod = await core.readNamespacedPod({ namespace, name });
      return ["Succeeded", "Failed"].includes(pod.status?.phase ?? "");
    });
    return core.readNamespacedPodLog({ namespace, name });
  }
});
