import { deepEqual, equal, ok } from "node:assert/strict";
import { refused } from "../support/attempts.ts";
import type { ApiRequest, Caller } from "../support/caller.ts";
import { Guarded } from "../support/guarded.ts";
import { mergeInto } from "../support/mergePatch.ts";
import { type Run, runOf } from "../support/runs.ts";
import { mainWorkflow } from "../support/workflows.ts";

/**
 * What the API server allows the Sensor's account, with the token of a real pod but without a Sensor. It does not show for which
 * pushes the Sensor creates runs.
 */
describe("with a token of the Sensor's pod", function () {
  this.timeout(120_000);

  let guarded: Guarded;
  let pod: Caller;

  before(async () => {
    guarded = await Guarded.open();
    await guarded.startPod("sensor", "sensor");
    pod = await guarded.as("sensor", "sensor");
    await guarded.cluster.create(mainWorkflow("main-3", 3, "waiting-ready-for-qa", [], { spec: { suspend: true } }));
    // These runs exist from the start. They get no owner, because its UID is invented and the garbage collector would remove them.
    for (const run of [runOf(guarded.name, "7"), runOf(guarded.name, "8"), labelledRun()]) {
      await guarded.cluster.create({ ...run, metadata: { ...run.metadata, ownerReferences: [] } } as never);
    }
  });
  after(() => guarded?.close());

  const namespaced = (group: string, plural: string, name = "") =>
    `${group === "" ? "/api/v1" : `/apis/${group}`}/namespaces/${guarded.cluster.namespace}/${plural}${name && `/${name}`}`;
  const path = (name?: string) => namespaced("argoproj.io/v1alpha1", "workflows", name);

  /** A run to which somebody else has added labels and annotations that the program does not know. */
  function labelledRun(task = "9"): Run {
    const run = runOf(guarded.name, task);
    run.metadata.labels["cost-center"] = "42";
    run.metadata.annotations = { "example.com/note": "1" };
    return run;
  }

  /** The creation of a run that differs from what a push produces; a merge patch or a function makes the difference. */
  const creation = (change: object | ((run: Run) => void)) => (): ApiRequest => {
    const run = runOf(guarded.name, "5");
    if (typeof change === "function") change(run);
    else mergeInto(run, change);
    return { method: "POST", path: path(), body: run };
  };
  const labelled = (key: string) => creation({ metadata: { labels: { [key]: "5" } } });
  const merge = (name: () => string, body: object) => (): ApiRequest => ({
    method: "PATCH",
    form: "merge",
    path: path(name()),
    body,
  });
  const parameter = (run: Run, index: number, value: unknown) => {
    const { name } = run.spec.arguments.parameters[index] ?? { name: "" };
    run.spec.arguments.parameters[index] = { name, value };
  };

  describe("is refused", () => {
    const policy = (words: string) =>
      new RegExp(
        `forbidden: ValidatingAdmissionPolicy 'rex-[0-9a-f]+-runs\\.guarded-[0-9a-f]+' .* denied request: ${words}`,
      );
    const noRight = (verb: string, plural: string) => new RegExp(`cannot ${verb} resource "${plural}"`);
    const asPushed = (words: string) =>
      policy(`the Sensor may only create Workflows in the exact form of a push's remediation: ${words}`);
    const field = asPushed("it has an unexpected field");
    const template = asPushed("it must refer to the WorkflowTemplate rex-");
    const parameters = asPushed("its parameters must be task, before, after, repository, pushed-at, each well-formed");
    const name = asPushed("its name must consist of the prefix, its own task and head, and a digest");
    const priority = asPushed("its priority must be the time of the push");
    const labels = asPushed("its labels must be the ones that the Sensor sets");
    const annotations = asPushed("it has an annotation that Argo or a remediation would act on");
    const owner = asPushed("its only owner must be the WorkflowTemplate rex-");
    const asItIs = policy("the Sensor may write workflow .* again, but must not change it");

    refused("the Sensor's account", () => pod, [
      {
        what: "a privileged workflow that brings its own template",
        refusal: field,
        request: creation((run) => {
          run.spec = {
            entrypoint: "x",
            arguments: { parameters: [] },
            templates: [{ name: "x", container: { image: "x", securityContext: { privileged: true } } }],
          };
        }),
      },
      {
        what: "a workflow with an empty spec",
        refusal: template,
        request: creation((run) => {
          run.spec = {} as never;
        }),
      },
      {
        what: "a template beside the reference",
        refusal: field,
        request: creation({ spec: { templates: [] } }),
      },
      {
        what: "another account [sensor-other-account]",
        refusal: field,
        request: creation({ spec: { serviceAccountName: "default" } }),
      },
      {
        what: "a patch of the pods",
        refusal: field,
        request: creation({ spec: { podSpecPatch: "{}" } }),
      },
      {
        what: "a hook",
        refusal: field,
        request: creation((run) => {
          run.spec.hooks = {};
        }),
      },
      {
        what: "another entrypoint",
        refusal: field,
        request: creation({ spec: { entrypoint: "record-failure" } }),
      },
      {
        what: "an artifact beside the parameters",
        refusal: field,
        request: creation((run) => {
          run.spec.arguments = { ...run.spec.arguments, artifacts: [] } as never;
        }),
      },
      {
        what: "a status",
        refusal: field,
        request: creation((run) => {
          Object.assign(run, { status: { phase: "Succeeded" } });
        }),
      },
      {
        what: "an annotation of Argo's",
        refusal: annotations,
        request: creation((run) => {
          run.metadata.annotations = { "workflows.argoproj.io/x": "1" };
        }),
      },
      {
        what: "an annotation of the ledger's [sensor-writes-ledger]",
        refusal: annotations,
        request: creation((run) => {
          run.metadata.annotations = { "example.com/note": "1", "rex-remediation/head": "b".repeat(40) };
        }),
      },
      {
        what: "a finalizer",
        refusal: field,
        request: creation({ metadata: { finalizers: ["example.com/x"] } }),
      },
      {
        what: "another template [sensor-other-template]",
        refusal: template,
        request: creation((run) => {
          run.spec.workflowTemplateRef = { name: "play" };
        }),
      },
      {
        what: "a template for the whole cluster",
        refusal: template,
        request: creation((run) => {
          run.spec.workflowTemplateRef = { name: guarded.name, clusterScope: true };
        }),
      },
      {
        what: "a task that contains shell commands",
        refusal: parameters,
        request: creation((run) => parameter(run, 0, "5; rm -rf /")),
      },
      {
        what: "a task that contains an expression of Argo's",
        refusal: parameters,
        request: creation((run) => parameter(run, 0, "{{=1}}")),
      },
      { what: "a task with a leading zero", refusal: parameters, request: creation((run) => parameter(run, 0, "05")) },
      { what: "a task as a number", refusal: parameters, request: creation((run) => parameter(run, 0, 5)) },
      { what: "a task with a second line", refusal: parameters, request: creation((run) => parameter(run, 0, "5\n6")) },
      {
        what: "a commit that is not a SHA",
        refusal: parameters,
        request: creation((run) => parameter(run, 2, "HEAD")),
      },
      {
        what: "a repository that contains a parent folder",
        refusal: parameters,
        request: creation((run) => parameter(run, 3, "../../x/y")),
      },
      {
        what: "a repository that contains shell commands [sensor-repository-with-shell]",
        refusal: parameters,
        request: creation((run) => parameter(run, 3, "acme/$(id)")),
      },
      { what: "a negative time", refusal: parameters, request: creation((run) => parameter(run, 4, "-1")) },
      {
        what: "an extra parameter",
        refusal: parameters,
        request: creation((run) => {
          run.spec.arguments.parameters.push({ name: "dry-run", value: "true" });
        }),
      },
      {
        what: "a missing parameter",
        refusal: parameters,
        request: creation((run) => {
          run.spec.arguments.parameters.pop();
        }),
      },
      {
        what: "parameters in another order",
        refusal: parameters,
        request: creation((run) => {
          run.spec.arguments.parameters.reverse();
        }),
      },
      {
        what: "a parameter whose value comes from elsewhere",
        refusal: parameters,
        request: creation((run) => {
          run.spec.arguments.parameters[0] = {
            name: "task",
            valueFrom: { configMapKeyRef: { name: "x", key: "y" } },
          } as never;
        }),
      },
      {
        what: "the name of another task's run",
        refusal: name,
        request: creation((run) => {
          run.metadata.name = runOf(guarded.name, "6").metadata.name;
        }),
      },
      {
        what: "the name of another commit's run",
        refusal: name,
        request: creation((run) => parameter(run, 2, "c".repeat(40))),
      },
      {
        what: "a name without a digest [sensor-name-without-digest]",
        refusal: name,
        request: creation((run) => {
          run.metadata.name = `${guarded.name}-5-bbbbbbb-x`;
        }),
      },
      {
        what: "a name that ends with something other than a digest",
        refusal: name,
        request: creation((run) => {
          run.metadata.name = `${run.metadata.name.slice(0, -1)}x`;
        }),
      },
      {
        what: "a name that only the sweep's runs have",
        refusal: name,
        request: creation((run) => {
          run.metadata.name += "-sweep";
        }),
      },
      {
        what: "an invented name",
        refusal: name,
        request: creation({ metadata: { name: "innocent" } }),
      },
      {
        what: "a name generated by the API server",
        refusal: field,
        request: creation((run) => {
          run.metadata = { ...run.metadata, name: undefined as never, generateName: `${guarded.name}-5-` };
        }),
      },
      {
        what: "an invented priority",
        refusal: priority,
        request: creation({ spec: { priority: 2_000_000_000 } }),
      },
      {
        what: "a priority that is a string",
        refusal: priority,
        request: creation({ spec: { priority: "1767225600" } }),
      },
      {
        what: "one more label of Argo's",
        refusal: labels,
        request: creation({ metadata: { labels: { "workflows.argoproj.io/completed": "true" } } }),
      },
      {
        what: "one more label of the program's",
        refusal: labels,
        request: creation({ metadata: { labels: { "app.kubernetes.io/managed-by": "pulumi" } } }),
      },
      {
        what: "the label of another of Argo's controllers",
        refusal: labels,
        request: labelled("workflows.argoproj.io/controller-instanceid"),
      },
      { what: "the type of a main workflow", refusal: labels, request: labelled("workflow-type") },
      { what: "the task of a main workflow", refusal: labels, request: labelled("task-id") },
      { what: "the stage of a main workflow as a label", refusal: labels, request: labelled("current-stage") },
      { what: "the repository of a main workflow", refusal: labels, request: labelled("repository") },
      { what: "the agent of a CodeRun", refusal: labels, request: labelled("github-app") },
      {
        what: "a missing label",
        refusal: labels,
        request: creation({ metadata: { labels: { "rex-remediation/task": null } } }),
      },
      {
        what: "an outcome from the start",
        refusal: labels,
        request: creation({ metadata: { labels: { "rex-remediation/outcome": "remediated" } } }),
      },
      {
        what: "the labels of a main workflow [sensor-run-as-main-workflow]",
        refusal: labels,
        request: creation((run) => {
          Object.assign(run.metadata.labels, { "workflow-type": "play-orchestration", "task-id": "5" });
        }),
      },
      {
        what: "another task in the label",
        refusal: labels,
        request: creation({ metadata: { labels: { "rex-remediation/task": "6" } } }),
      },
      {
        what: "another Sensor's label",
        refusal: labels,
        request: creation({ metadata: { labels: { "events.argoproj.io/sensor": "other" } } }),
      },
      {
        what: "no owner",
        refusal: owner,
        request: creation({ metadata: { ownerReferences: [] } }),
      },
      {
        what: "another owner",
        refusal: owner,
        request: creation({ metadata: { ownerReferences: [{ apiVersion: "v1", kind: "Pod", name: "x", uid: "x" }] } }),
      },
      {
        what: "a second owner",
        refusal: owner,
        request: creation((run) => {
          run.metadata.ownerReferences.push({ apiVersion: "v1", kind: "Pod", name: "x", uid: "x" });
        }),
      },
      {
        what: "another commit on an existing run",
        refusal: asItIs,
        request: merge(() => runOf(guarded.name, "7").metadata.name, { spec: { arguments: { parameters: [] } } }),
      },
      {
        what: "another label on an existing run",
        refusal: asItIs,
        request: merge(() => runOf(guarded.name, "7").metadata.name, {
          metadata: { labels: { "rex-remediation/outcome": "remediated" } },
        }),
      },
      {
        what: "the end of an existing run",
        refusal: asItIs,
        request: merge(() => runOf(guarded.name, "7").metadata.name, { spec: { shutdown: "Terminate" } }),
      },
      {
        what: "a status on an existing run",
        refusal: asItIs,
        request: merge(() => runOf(guarded.name, "7").metadata.name, { status: { phase: "Failed" } }),
      },
      {
        what: "the stage of a main workflow [sensor-sets-stage]",
        refusal: asItIs,
        request: merge(() => "main-3", { metadata: { labels: { "current-stage": "waiting-pr-created" } } }),
      },
      {
        what: "any label on a main workflow [sensor-labels-main-workflow]",
        refusal: asItIs,
        request: merge(() => "main-3", { metadata: { labels: { "cost-center": "42" } } }),
      },
      {
        what: "any annotation on a main workflow",
        refusal: asItIs,
        request: merge(() => "main-3", { metadata: { annotations: { "example.com/note": "1" } } }),
      },
      {
        what: "a label of main workflows on an existing run",
        refusal: asItIs,
        request: merge(() => runOf(guarded.name, "7").metadata.name, {
          metadata: { labels: { "workflow-type": "play-orchestration" } },
        }),
      },
      {
        what: "an annotation of Argo's on an existing run",
        refusal: asItIs,
        request: merge(() => runOf(guarded.name, "7").metadata.name, {
          metadata: { annotations: { "workflows.argoproj.io/x": "1" } },
        }),
      },
      {
        what: "the removal of somebody else's label from an existing run",
        refusal: asItIs,
        request: merge(() => runOf(guarded.name, "9").metadata.name, {
          metadata: { labels: { "cost-center": null } },
        }),
      },
      {
        what: "resuming a main workflow",
        refusal: asItIs,
        request: merge(() => "main-3", { spec: { suspend: null } }),
      },
      {
        what: "a workflow's deletion",
        refusal: noRight("delete", "workflows"),
        request: () => ({ method: "DELETE", path: path("main-3") }),
      },
      {
        what: "a list of all workflows",
        refusal: noRight("list", "workflows"),
        request: () => ({ method: "GET", path: path() }),
      },
      {
        what: "a run in another namespace",
        refusal: noRight("create", "workflows"),
        request: () => ({
          method: "POST",
          path: "/apis/argoproj.io/v1alpha1/namespaces/default/workflows",
          body: runOf(guarded.name, "5"),
        }),
      },
      {
        what: "a CronWorkflow",
        refusal: noRight("create", "cronworkflows"),
        request: () => ({ method: "POST", path: namespaced("argoproj.io/v1alpha1", "cronworkflows"), body: {} }),
      },
      {
        what: "the WorkflowTemplate",
        refusal: noRight("patch", "workflowtemplates"),
        request: () => ({
          method: "PATCH",
          form: "merge",
          path: namespaced("argoproj.io/v1alpha1", "workflowtemplates", guarded.name),
          body: {},
        }),
      },
      {
        what: "a CodeRun's deletion",
        refusal: noRight("delete", "coderuns"),
        request: () => ({ method: "DELETE", path: namespaced("agents.platform/v1", "coderuns", "any") }),
      },
      {
        what: "a Secret",
        refusal: noRight("get", "secrets"),
        request: () => ({ method: "GET", path: namespaced("", "secrets", "any") }),
      },
      {
        what: "a pod",
        refusal: noRight("create", "pods"),
        request: () => ({ method: "POST", path: namespaced("", "pods"), body: {} }),
      },
    ]);

    it("and none of it has happened [sensor-nothing-happened]", async () => {
      const workflows = await guarded.cluster.workflows();
      deepEqual(
        workflows.map(({ metadata, spec }) => [metadata.name, metadata.labels, spec]).sort(),
        [
          mainWorkflow("main-3", 3, "waiting-ready-for-qa", [], { spec: { suspend: true } }),
          runOf(guarded.name, "7"),
          runOf(guarded.name, "8"),
          labelledRun(),
        ]
          .map(({ metadata, spec }) => [metadata.name, metadata.labels, spec])
          .sort(),
      );
    });
  });

  describe("is let through", () => {
    it("a run as a push produces it, with and without Argo Events' own labels", async () => {
      for (const [task, more] of [
        ["3", {}],
        [
          "4",
          {
            "events.argoproj.io/sensor": guarded.name,
            "events.argoproj.io/trigger": "remediate",
            "events.argoproj.io/action-timestamp": "1767225600000",
          },
        ],
      ] as const) {
        const run = runOf(guarded.name, task);
        Object.assign(run.metadata.labels, more);
        const { code, message } = await pod.send({ method: "POST", path: path(), body: run });
        equal(code, 201, message);
      }
    });

    it("runs of two pushes from the same commit to the same commit", async () => {
      for (const pushedAt of [1_767_225_600, 1_767_225_660]) {
        const run = runOf(guarded.name, "10", pushedAt);
        const { code, message } = await pod.send({ method: "POST", path: path(), body: run });
        equal(code, 201, message);
      }
    });

    it("the same run again, which changes nothing", async () => {
      const run = runOf(guarded.name, "8");
      const there = await guarded.cluster.workflow(run.metadata.name);
      const { ownerReferences: _, ...metadata } = run.metadata;
      const { code, message } = await pod.send(merge(() => run.metadata.name, { ...run, metadata })());
      equal(code, 200, message);
      const now = await guarded.cluster.workflow(run.metadata.name);
      ok(there?.metadata.resourceVersion !== undefined);
      equal(now?.metadata.resourceVersion, there.metadata.resourceVersion);
    });

    // If a mutating webhook changes a request, the API server judges the result as if it had been sent that way.
    it("a run with somebody else's labels and annotations", async () => {
      const { code, message } = await pod.send({ method: "POST", path: path(), body: labelledRun("6") });
      equal(code, 201, message);
    });

    it("the same run again, with added and changed ones", async () => {
      const run = labelledRun();
      const change = {
        labels: { "cost-center": "43", team: "qa" },
        annotations: { "example.com/note": "2", "example.com/more": "1" },
      };
      const { code, message } = await pod.send(merge(() => run.metadata.name, { metadata: change })());
      equal(code, 200, message);
      const now = await guarded.cluster.workflow(run.metadata.name);
      deepEqual(
        [now?.metadata.labels, now?.metadata.annotations],
        [{ ...run.metadata.labels, ...change.labels }, change.annotations],
      );
    });
  });
});
