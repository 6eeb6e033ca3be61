import { deepEqual, equal, match, ok } from "node:assert/strict";
import { refused } from "../support/attempts.ts";
import type { ApiRequest, Caller } from "../support/caller.ts";
import { codeRun } from "../support/codeRuns.ts";
import { say } from "../support/figures.ts";
import { Guarded } from "../support/guarded.ts";
import { mainWorkflow, workflowNode } from "../support/workflows.ts";

const repository = { repository: "acme-shop" };
const gateWithValue = {
  outputs: {
    parameters: [
      { name: "verdict", valueFrom: { supplied: {}, default: "go" } },
      { name: "reviewer", value: "nobody" },
    ],
  },
};

/** Nodes of a main workflow: an agent at work, a waiting gate, a gate already passed. */
const nodes = [
  workflowNode("agent", "Pod", "Running"),
  workflowNode("waiting", "Suspend", "Running", gateWithValue as never),
  workflowNode("passed", "Suspend", "Succeeded"),
];

/** Suspend nodes that are not gates of a round: in the exit handler, in one of its steps, in a hook of the whole workflow. */
const handlers = [
  workflowNode("handler", "Suspend", "Running", { name: "leaving-3.onExit" }),
  workflowNode("within", "Suspend", "Running", { name: "leaving-3.onExit[0].ask" }),
  workflowNode("hook", "Suspend", "Running", { name: "leaving-3.hooks.running" }),
];

/**
 * What the API server allows the remediation's account, with the token of a real pod but without the step scripts. What this does not show:
 * what the steps request, and what other accounts in the namespace may do, which these policies do not limit.
 */
describe("with a token of a remediation's pod of task 3", function () {
  this.timeout(120_000);

  let guarded: Guarded;
  let pod: Caller;
  let elsewhere: Caller;
  let shell: Caller;
  let unbound: Caller;
  let run: string;
  let runUid: string;

  before(async () => {
    guarded = await Guarded.open();
    run = guarded.runName("3");
    const pods = [`${run}-remediate-123`, `${guarded.runName("4")}-remediate-123`, "shell"];
    await Promise.all(pods.map((name) => guarded.startPod(name, "remediation")));
    [pod, elsewhere, shell, unbound] = (await Promise.all(
      [...pods, undefined].map((name) => guarded.as("remediation", name)),
    )) as [Caller, Caller, Caller, Caller];
    await Promise.all([
      ...codeRuns.map((object) => guarded.cluster.create(object)),
      ...workflows().map((object) => guarded.cluster.create(object)),
      ...["4", "33"].map((task) => guarded.cluster.create(ownRun(guarded.runName(task), task))),
    ]);
    runUid = (await guarded.cluster.create(ownRun(run, "3"))).metadata.uid ?? "";
  });
  after(() => guarded?.close());

  const codeRuns = [
    codeRun("cleo-3", "5DLabs-Cleo", 3, repository),
    codeRun("tess-3", "5DLabs-Tess", 3, { repository: "Acme-Shop" }),
    codeRun("rex-3", "5DLabs-Rex", 3, repository),
    codeRun("blaze-3", "5DLabs-Blaze", 3, repository),
    codeRun("small-3", "5dlabs-cleo", 3, repository),
    codeRun("disguised-3", "5DLabs-Cleo", 3, { ...repository, "started-by": "5DLabs-Rex" }),
    codeRun("cleo-4", "5DLabs-Cleo", 4, repository),
    codeRun("cleo-33", "5DLabs-Cleo", 33, repository),
    codeRun("cleo-03", "5DLabs-Cleo", "03", repository),
    codeRun("cleo-foreign", "5DLabs-Cleo", 3, { repository: "mallory-shop" }),
    codeRun("cleo-anywhere", "5DLabs-Cleo", 3),
    { ...codeRun("nobody", "x", 3), metadata: { name: "nobody" } },
    {
      ...codeRun("of-no-task", "5DLabs-Cleo", 3),
      metadata: { name: "of-no-task", labels: { "github-app": "5DLabs-Cleo", ...repository } },
    },
    { ...codeRun("of-no-agent", "x", 3), metadata: { name: "of-no-agent", labels: { "task-id": "3", ...repository } } },
    codeRun("cleo-3-later", "5DLabs-Cleo", 3, repository),
  ];

  const workflows = () => [
    mainWorkflow("main-3", 3, "waiting-ready-for-qa", nodes, {
      labels: { ...repository, owner: "shop" },
      annotations: { note: "by hand" },
      spec: { suspend: true },
    }),
    mainWorkflow("resumable-3", 3, "waiting-ready-for-qa", nodes, { labels: repository, spec: { suspend: true } }),
    mainWorkflow("mutated-3", 3, "waiting-ready-for-qa", nodes, {
      labels: { ...repository, owner: "shop" },
      annotations: { note: "by hand" },
      spec: { suspend: true },
    }),
    mainWorkflow("ended-3", 3, "waiting-ready-for-qa", nodes, { labels: repository, status: { phase: "Succeeded" } }),
    mainWorkflow("stopping-3", 3, "waiting-ready-for-qa", nodes, { labels: repository, spec: { shutdown: "Stop" } }),
    mainWorkflow("terminating-3", 3, "waiting-ready-for-qa", nodes, {
      labels: repository,
      spec: { shutdown: "Terminate" },
    }),
    mainWorkflow("leaving-3", 3, "waiting-ready-for-qa", handlers, { labels: repository }),
    mainWorkflow("main-4", 4, "waiting-ready-for-qa", nodes, { labels: repository }),
    mainWorkflow("main-33", 33, "waiting-ready-for-qa", nodes, { labels: repository }),
    mainWorkflow("foreign-3", 3, "waiting-ready-for-qa", nodes, { labels: { repository: "mallory-shop" } }),
    mainWorkflow("other-3", 3, "waiting-ready-for-qa", nodes, { labels: { ...repository, "workflow-type": "report" } }),
  ];

  function ownRun(name: string, task: string) {
    return mainWorkflow(name, task, undefined, [], {
      labels: { "workflow-type": "remediation", "rex-remediation/task": task },
      spec: { arguments: { parameters: [{ name: "task", value: task }] } },
    });
  }

  const namespaced = (group: string, plural: string, name = "") =>
    `${group === "" ? "/api/v1" : `/apis/${group}`}/namespaces/${guarded.cluster.namespace}/${plural}${name && `/${name}`}`;
  const codeRunPath = (name?: string) => namespaced("agents.platform/v1", "coderuns", name);
  const workflowPath = (name?: string) => namespaced("argoproj.io/v1alpha1", "workflows", name);
  const resultPath = (name?: string) => namespaced("argoproj.io/v1alpha1", "workflowtaskresults", name);

  const deletion = (name: string, uid?: string) => (): ApiRequest => ({
    method: "DELETE",
    path: codeRunPath(name),
    body: { apiVersion: "v1", kind: "DeleteOptions", ...(uid !== undefined && { preconditions: { uid } }) },
  });
  const merge = (name: string | (() => string), body: object) => (): ApiRequest => ({
    method: "PATCH",
    form: "merge",
    path: workflowPath(typeof name === "string" ? name : name()),
    body,
  });
  const labels = (values: Record<string, string | null>) => ({ metadata: { labels: values } });
  const node = (id: string, change: object | null) => ({ status: { nodes: { [id]: change } } });
  const opened = { phase: "Succeeded", finishedAt: "2026-01-01T00:01:00Z", message: "resumed" };
  const result = (change: { name?: string; run?: string; owner?: string }): ApiRequest => ({
    method: "POST",
    path: resultPath(),
    body: {
      apiVersion: "argoproj.io/v1alpha1",
      kind: "WorkflowTaskResult",
      metadata: {
        name: change.name ?? `${run}-123`,
        labels: { "workflows.argoproj.io/workflow": change.run ?? run },
        ownerReferences: [
          { apiVersion: "argoproj.io/v1alpha1", kind: "Workflow", name: change.owner ?? run, uid: runUid },
        ],
      },
      phase: "Succeeded",
    },
  });

  describe("is refused", () => {
    const policy = (subject: string, words: string) =>
      new RegExp(
        `forbidden: ValidatingAdmissionPolicy 'rex-[0-9a-f]+-${subject}\\.guarded-[0-9a-f]+' .* denied request: ${words}`,
      );
    const codeRunRefusal = (words: string) => policy("coderuns", words);
    const workflowRefusal = (words: string) => policy("workflows", words);
    const noRight = (verb: string, plural: string) => new RegExp(`cannot ${verb} resource "${plural}"`);
    const keptLabels = workflowRefusal(
      "workflow main-3 must keep its labels; a remediation may only set current-stage to waiting-pr-created",
    );
    const keptNodes = workflowRefusal(
      "workflow main-3 must keep its nodes; a remediation may only set a waiting gate to Succeeded",
    );
    const keptSpec = workflowRefusal("workflow main-3 must keep its spec; a remediation may only remove suspend");
    const keptStatus = workflowRefusal(
      "workflow main-3 must keep its status; a remediation may only open a waiting gate",
    );
    const keptMetadata = workflowRefusal("workflow main-3 must keep its owners, its finalizers");
    const neither = (name: string) =>
      workflowRefusal(`workflow ${name} is neither the run of pod .* nor a main workflow of its task`);
    const ownResults = policy("taskresults", "pod '.*-remediate-123' may only report its own results");

    refused("the remediation's account", () => pod, [
      // CodeRuns
      {
        what: "the deletion of Rex's run",
        request: deletion("rex-3"),
        refusal: codeRunRefusal(
          "CodeRun rex-3 belongs to agent '5DLabs-Rex', which is not in the cancel list \\(5DLabs-Cleo, 5DLabs-Tess\\)",
        ),
      },
      {
        what: "the deletion of a run of an agent that is not listed",
        request: deletion("blaze-3"),
        refusal: codeRunRefusal("CodeRun blaze-3 belongs to agent '5DLabs-Blaze'"),
      },
      {
        what: "the deletion of a run of an agent with another spelling",
        request: deletion("small-3"),
        refusal: codeRunRefusal("CodeRun small-3 belongs to agent '5dlabs-cleo'"),
      },
      {
        what: "the deletion of a run that names the pusher in another label [remediation-deletes-pushers]",
        request: deletion("disguised-3"),
        refusal: codeRunRefusal("CodeRun disguised-3 names the pusher \\(5dlabs-rex, rex\\) in a label"),
      },
      {
        what: "the deletion of a run of another task [remediation-deletes-other-task]",
        request: deletion("cleo-4"),
        refusal: codeRunRefusal("CodeRun cleo-4 belongs to task '4', not to the task of pod"),
      },
      {
        what: "the deletion of a run of a task whose number starts with the same digit [remediation-deletes-task-alike]",
        request: deletion("cleo-33"),
        refusal: codeRunRefusal("CodeRun cleo-33 belongs to task '33'"),
      },
      {
        what: "the deletion of a run of a task number with a leading zero",
        request: deletion("cleo-03"),
        refusal: codeRunRefusal("CodeRun cleo-03 belongs to task '03'"),
      },
      {
        what: "the deletion of a run of another repository [remediation-deletes-other-repository]",
        request: deletion("cleo-foreign"),
        refusal: codeRunRefusal(
          "CodeRun cleo-foreign names none of the watched repositories \\(acme-shop, acme-other\\)",
        ),
      },
      {
        what: "the deletion of a run without a repository, if several are watched",
        request: deletion("cleo-anywhere"),
        refusal: codeRunRefusal("CodeRun cleo-anywhere names none of the watched"),
      },
      {
        what: "the deletion of a run without labels",
        request: deletion("nobody"),
        refusal: codeRunRefusal("CodeRun nobody belongs to agent ''"),
      },
      {
        what: "the deletion of a run without a task",
        request: deletion("of-no-task"),
        refusal: codeRunRefusal("CodeRun of-no-task belongs to task ''"),
      },
      {
        what: "the deletion of a run without an agent",
        request: deletion("of-no-agent"),
        refusal: codeRunRefusal("CodeRun of-no-agent belongs to agent ''"),
      },
      {
        what: "the deletion of Cleo's run by name alone [remediation-deletes-by-name]",
        request: deletion("cleo-3-later"),
        refusal: codeRunRefusal("CodeRun cleo-3-later may only be deleted by its UID"),
      },
      {
        what: "the deletion of all runs at once",
        request: () => ({ method: "DELETE", path: codeRunPath() }),
        refusal: noRight("deletecollection", "coderuns"),
      },
      {
        what: "the deletion of all runs of the task at once",
        request: () => ({ method: "DELETE", path: `${codeRunPath()}?labelSelector=task-id%3D3` }),
        refusal: noRight("deletecollection", "coderuns"),
      },
      {
        what: "the deletion of Cleo's run, from a pod of another task",
        by: () => elsewhere,
        request: deletion("cleo-3-later"),
        refusal: codeRunRefusal("CodeRun cleo-3-later belongs to task '3', not to the task of pod '.*-4-.*'"),
      },
      {
        what: "the deletion of Cleo's run, from a pod that belongs to no run",
        by: () => shell,
        request: deletion("cleo-3-later"),
        refusal: codeRunRefusal("CodeRun cleo-3-later belongs to task '3', not to the task of pod 'shell'"),
      },
      {
        what: "the deletion of Cleo's run, with a token that is not bound to a pod",
        by: () => unbound,
        request: deletion("cleo-3-later"),
        refusal: codeRunRefusal("CodeRun cleo-3-later belongs to task '3', not to the task of pod ''"),
      },
      {
        what: "another label on a CodeRun",
        request: () => ({
          method: "PATCH",
          form: "merge",
          path: codeRunPath("rex-3"),
          body: labels({ "github-app": "5DLabs-Cleo" }),
        }),
        refusal: noRight("patch", "coderuns"),
      },
      {
        what: "a phase on a CodeRun",
        request: () => ({
          method: "PATCH",
          form: "merge",
          path: `${codeRunPath("rex-3")}/status`,
          body: { status: { phase: "Failed" } },
        }),
        refusal: noRight("patch", "coderuns/status"),
      },
      {
        what: "a new CodeRun",
        request: () => ({ method: "POST", path: codeRunPath(), body: codeRun("cleo-9", "5DLabs-Cleo", 3) }),
        refusal: noRight("create", "coderuns"),
      },
      // Main workflows
      {
        what: "another entrypoint [remediation-other-entrypoint]",
        request: merge("main-3", { spec: { entrypoint: "evil" } }),
        refusal: keptSpec,
      },
      {
        what: "another account in the spec",
        request: merge("main-3", { spec: { serviceAccountName: "admin" } }),
        refusal: keptSpec,
      },
      {
        what: "suspend false instead of none",
        request: merge("main-3", { spec: { suspend: false } }),
        refusal: keptSpec,
      },
      {
        what: "suspend removed and something added",
        request: merge("main-3", { spec: { suspend: null, hooks: {} } }),
        refusal: keptSpec,
      },
      {
        what: "the shutdown of a suspended workflow",
        request: merge("resumable-3", { spec: { suspend: null, shutdown: "Stop" } }),
        refusal: workflowRefusal("workflow resumable-3 must keep its spec"),
      },
      {
        what: "one more label of Argo's",
        request: merge("main-3", labels({ "workflows.argoproj.io/completed": "true" })),
        refusal: keptLabels,
      },
      {
        what: "one more label of the program's",
        request: merge("main-3", labels({ "rex-remediation/task": "3" })),
        refusal: keptLabels,
      },
      {
        what: "another repository on a main workflow",
        request: merge("main-3", labels({ repository: "acme-other" })),
        refusal: keptLabels,
      },
      {
        what: "an agent's label on a main workflow",
        request: merge("main-3", labels({ "github-app": "5DLabs-Cleo" })),
        refusal: keptLabels,
      },
      {
        what: "the removal of a label [remediation-one-label-less]",
        request: merge("main-3", labels({ owner: null })),
        refusal: keptLabels,
      },
      {
        what: "a stage other than the reset stage [remediation-other-stage]",
        request: merge("main-3", labels({ "current-stage": "waiting-pr-approved" })),
        refusal: keptLabels,
      },
      {
        what: "the removal of the stage",
        request: merge("main-3", labels({ "current-stage": null })),
        refusal: keptLabels,
      },
      {
        what: "another task on a main workflow",
        request: merge("main-3", labels({ "task-id": "4" })),
        refusal: keptLabels,
      },
      {
        what: "an annotation of Argo's",
        request: merge("main-3", { metadata: { annotations: { "workflows.argoproj.io/x": "1" } } }),
        refusal: workflowRefusal("workflow main-3 must keep its annotations"),
      },
      {
        what: "the removal of all annotations",
        request: merge("main-3", { metadata: { annotations: null } }),
        refusal: workflowRefusal("workflow main-3 must keep its annotations"),
      },
      {
        what: "a finalizer",
        request: merge("main-3", { metadata: { finalizers: ["example.com/x"] } }),
        refusal: keptMetadata,
      },
      {
        what: "an owner",
        request: merge("main-3", {
          metadata: { ownerReferences: [{ apiVersion: "v1", kind: "Pod", name: "x", uid: "x" }] },
        }),
        refusal: keptMetadata,
      },
      {
        what: "the end of an agent's node [remediation-ends-agents-node]",
        request: merge("main-3", node("agent", { phase: "Succeeded" })),
        refusal: keptNodes,
      },
      { what: "a failed gate", request: merge("main-3", node("waiting", { phase: "Failed" })), refusal: keptNodes },
      {
        what: "opening a gate for a second time [remediation-gate-twice]",
        request: merge("main-3", node("passed", { ...opened, message: "again" })),
        refusal: keptNodes,
      },
      {
        what: "closing an open gate again",
        request: merge("main-3", node("passed", { phase: "Running" })),
        refusal: keptNodes,
      },
      {
        what: "an opened gate under another name",
        request: merge("main-3", node("waiting", { ...opened, displayName: "x" })),
        refusal: keptNodes,
      },
      {
        what: "an opened gate of another type",
        request: merge("main-3", node("waiting", { ...opened, type: "Pod" })),
        refusal: keptNodes,
      },
      {
        what: "an opened gate with an invented value",
        request: merge(
          "main-3",
          node("waiting", {
            ...opened,
            outputs: {
              parameters: [
                { name: "verdict", value: "approved" },
                { name: "reviewer", value: "nobody" },
              ],
            },
          }),
        ),
        refusal: keptNodes,
      },
      {
        what: "an opened gate that changes the value of another parameter",
        request: merge(
          "main-3",
          node("waiting", {
            ...opened,
            outputs: {
              parameters: [
                { name: "verdict", value: "go" },
                { name: "reviewer", value: "me" },
              ],
            },
          }),
        ),
        refusal: keptNodes,
      },
      {
        what: "an opened gate with a result",
        request: merge("main-3", node("waiting", { ...opened, outputs: { result: "approved" } })),
        refusal: keptNodes,
      },
      { what: "the removal of a node", request: merge("main-3", node("passed", null)), refusal: keptNodes },
      {
        what: "an added node",
        request: merge("main-3", node("new", workflowNode("new", "Suspend", "Succeeded"))),
        refusal: keptNodes,
      },
      {
        what: "a resume in the ledger while the gate stays shut [remediation-resumed-gate-shut]",
        request: merge("main-3", {
          metadata: { annotations: { "rex-remediation/resumed": "true" } },
          spec: { suspend: null },
        }),
        refusal: workflowRefusal("workflow main-3 may only be marked as resumed in the write that opens its gate"),
      },
      {
        what: "the end of a main workflow",
        request: merge("main-3", { status: { phase: "Succeeded" } }),
        refusal: keptStatus,
      },
      {
        what: "packed nodes that hide the real ones",
        request: merge("main-3", { status: { compressedNodes: "H4sI" } }),
        refusal: keptStatus,
      },
      {
        what: "the stage of a main workflow that has ended [remediation-ended-workflows-stage]",
        request: merge("ended-3", labels({ "current-stage": "waiting-pr-created" })),
        refusal: workflowRefusal("workflow ended-3 has ended"),
      },
      {
        what: "the gate of a main workflow that was told to stop [remediation-stopped-workflows-gate]",
        request: merge("stopping-3", node("waiting", opened)),
        refusal: workflowRefusal("workflow stopping-3 has ended"),
      },
      {
        what: "the stage of one that was told to terminate",
        request: merge("terminating-3", labels({ "current-stage": "waiting-pr-created" })),
        refusal: workflowRefusal("workflow terminating-3 has ended"),
      },
      {
        what: "the gate of an exit handler",
        request: merge("leaving-3", node("handler", opened)),
        refusal: workflowRefusal("workflow leaving-3 must keep its nodes"),
      },
      {
        what: "a gate within an exit handler [remediation-exit-handlers-gate]",
        request: merge("leaving-3", node("within", opened)),
        refusal: workflowRefusal("workflow leaving-3 must keep its nodes"),
      },
      {
        what: "the gate of a main workflow's hook [remediation-hooks-gate]",
        request: merge("leaving-3", node("hook", opened)),
        refusal: workflowRefusal("workflow leaving-3 must keep its nodes"),
      },
      {
        what: "the stage of another task's main workflow [remediation-other-tasks-stage]",
        request: merge("main-4", labels({ "current-stage": "waiting-pr-created" })),
        refusal: neither("main-4"),
      },
      {
        what: "the stage of a task whose number starts with the same digit",
        request: merge("main-33", labels({ "current-stage": "waiting-pr-created" })),
        refusal: neither("main-33"),
      },
      {
        what: "the stage of a main workflow of another repository",
        request: merge("foreign-3", labels({ "current-stage": "waiting-pr-created" })),
        refusal: neither("foreign-3"),
      },
      {
        what: "the stage of a workflow that is not a main workflow",
        request: merge("other-3", labels({ "current-stage": "waiting-pr-created" })),
        refusal: neither("other-3"),
      },
      {
        what: "the stage, with a token that is not bound to a pod",
        by: () => unbound,
        request: merge("main-3", labels({ "current-stage": "waiting-pr-created" })),
        refusal: neither("main-3"),
      },
      {
        what: "the stage, from a pod that belongs to no run",
        by: () => shell,
        request: merge("main-3", labels({ "current-stage": "waiting-pr-created" })),
        refusal: neither("main-3"),
      },
      {
        what: "the stage, by replacing the whole object",
        request: () => ({
          method: "PUT",
          path: workflowPath("main-3"),
          body: mainWorkflow("main-3", 3, "waiting-pr-created"),
        }),
        refusal: noRight("update", "workflows"),
      },
      {
        what: "a workflow's deletion",
        request: () => ({ method: "DELETE", path: workflowPath("main-3") }),
        refusal: noRight("delete", "workflows"),
      },
      {
        what: "a new workflow",
        request: () => ({ method: "POST", path: workflowPath(), body: mainWorkflow("new", 3, undefined) }),
        refusal: noRight("create", "workflows"),
      },
      // Runs
      {
        what: "an outcome on another run",
        request: merge(() => guarded.runName("4"), labels({ "rex-remediation/outcome": "remediated" })),
        refusal: neither(".*-4-.*"),
      },
      {
        what: "an unknown outcome",
        request: merge(() => run, labels({ "rex-remediation/outcome": "fine" })),
        refusal: workflowRefusal(
          "workflow .* must keep its labels; a remediation may only set rex-remediation/outcome to an outcome",
        ),
      },
      {
        what: "another task on its own run",
        request: merge(() => run, labels({ "rex-remediation/task": "4" })),
        refusal: workflowRefusal("workflow .* must keep its labels"),
      },
      {
        what: "the labels of a main workflow on its own run",
        request: merge(() => run, labels({ "workflow-type": "play-orchestration" })),
        refusal: workflowRefusal("workflow .* must keep its labels"),
      },
      {
        what: "another parameter on its own run",
        request: merge(() => run, { spec: { arguments: { parameters: [] } } }),
        refusal: workflowRefusal("workflow .* must keep its spec"),
      },
      {
        what: "a ledger annotation on its own run",
        request: merge(() => run, { metadata: { annotations: { "rex-remediation/head": "x" } } }),
        refusal: workflowRefusal("workflow .* must keep its annotations"),
      },
      {
        what: "the end of its own run",
        request: merge(() => run, { status: { phase: "Succeeded" } }),
        refusal: workflowRefusal("workflow .* must keep its status"),
      },
      // Results
      {
        what: "the result of another run [remediation-other-runs-result]",
        request: () =>
          result({ name: `${guarded.runName("4")}-123`, run: guarded.runName("4"), owner: guarded.runName("4") }),
        refusal: ownResults,
      },
      {
        what: "the result of another pod of its run",
        request: () => result({ name: `${run}-124` }),
        refusal: ownResults,
      },
      {
        what: "a result under another run's name",
        request: () => result({ name: `${guarded.runName("4")}-123` }),
        refusal: ownResults,
      },
      {
        what: "a result that belongs to another run",
        request: () => result({ owner: guarded.runName("4") }),
        refusal: ownResults,
      },
      { what: "a result without a run", request: () => result({ run: "" }), refusal: ownResults },
      {
        what: "its own result, with a token that is not bound to a pod",
        by: () => unbound,
        request: () => result({}),
        refusal: policy("taskresults", "pod '' may only report its own results"),
      },
      // Everything else
      {
        what: "a Secret",
        request: () => ({ method: "GET", path: namespaced("", "secrets", "any") }),
        refusal: noRight("get", "secrets"),
      },
      {
        what: "all Secrets",
        request: () => ({ method: "GET", path: namespaced("", "secrets") }),
        refusal: noRight("list", "secrets"),
      },
      {
        what: "a shell in another pod",
        request: () => ({ method: "POST", path: `${namespaced("", "pods", "shell")}/exec?command=sh` }),
        refusal: noRight("create", "pods/exec"),
      },
      {
        what: "another pod's log",
        request: () => ({ method: "GET", path: `${namespaced("", "pods", "shell")}/log` }),
        refusal: noRight("get", "pods/log"),
      },
      {
        what: "a pod",
        request: () => ({ method: "POST", path: namespaced("", "pods"), body: {} }),
        refusal: noRight("create", "pods"),
      },
      {
        what: "a token of another account",
        request: () => ({ method: "POST", path: `${namespaced("", "serviceaccounts", "default")}/token`, body: {} }),
        refusal: noRight("create", "serviceaccounts/token"),
      },
      {
        what: "a WorkflowTemplate",
        request: () => ({
          method: "PATCH",
          form: "merge",
          path: namespaced("argoproj.io/v1alpha1", "workflowtemplates", "rex"),
          body: {},
        }),
        refusal: noRight("patch", "workflowtemplates"),
      },
      {
        what: "the workflows of another namespace",
        request: () => ({ method: "GET", path: "/apis/argoproj.io/v1alpha1/namespaces/default/workflows" }),
        refusal: noRight("list", "workflows"),
      },
      {
        what: "the policy that refuses all this",
        request: () => ({
          method: "DELETE",
          path: `/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies/${guarded.name}-coderuns.${guarded.cluster.namespace}`,
        }),
        refusal: noRight("delete", "validatingadmissionpolicies"),
      },
    ]);

    it("and none of it has happened [remediation-nothing-happened]", async () => {
      const runs = await guarded.cluster.codeRuns();
      deepEqual(
        runs.map(({ metadata }) => [metadata.name, metadata.labels, metadata.deletionTimestamp]).sort(),
        codeRuns.map(({ metadata }) => [metadata.name, metadata.labels, undefined]).sort(),
      );
      for (const { metadata, spec, status } of workflows()) {
        const now = await guarded.cluster.workflow(metadata.name);
        deepEqual(
          [now?.metadata.labels, now?.metadata.annotations, now?.spec, now?.status],
          [metadata.labels, metadata.annotations, spec, status],
        );
      }
    });
  });

  describe("is let through", () => {
    async function done(request: ApiRequest): Promise<void> {
      const { code, message } = await pod.send(request);
      ok(code < 300, `${code}: ${message}`);
    }

    it("the deletion of Cleo's and Tess's runs by UID", async () => {
      for (const name of ["cleo-3", "tess-3"]) {
        await done(deletion(name, (await guarded.cluster.codeRun(name))?.metadata.uid)());
        equal(await guarded.cluster.codeRun(name), undefined);
      }
    });

    it("but a deletion with the UID of another run is a conflict", async () => {
      const { code, message } = await pod.send(deletion("cleo-3-later", "00000000-0000-0000-0000-000000000000")());
      equal(code, 409);
      match(message, /the UID in the precondition/);
    });

    it("stage, ledger, gate with the default of its value, and the removal of suspend, all in one patch", async () => {
      await done({
        method: "PATCH",
        form: "jsonPatch",
        path: workflowPath("resumable-3"),
        body: [
          {
            op: "add",
            path: "/metadata/annotations",
            value: { "rex-remediation/head": "b", "rex-remediation/resumed": "true" },
          },
          { op: "add", path: "/metadata/labels/current-stage", value: "waiting-pr-created" },
          { op: "remove", path: "/spec/suspend" },
          { op: "replace", path: "/status/nodes/waiting/phase", value: "Succeeded" },
          { op: "add", path: "/status/nodes/waiting/finishedAt", value: "2026-01-01T00:01:00Z" },
          { op: "add", path: "/status/nodes/waiting/message", value: "resumed" },
          {
            op: "replace",
            path: "/status/nodes/waiting/outputs/parameters/0",
            value: { name: "verdict", value: "go" },
          },
        ],
      });
      const now = await guarded.cluster.workflow("resumable-3");
      equal(now?.metadata.labels?.["current-stage"], "waiting-pr-created");
      equal(now?.status?.nodes?.waiting?.phase, "Succeeded");
    });

    // If a mutating webhook changes a request, the API server judges the result as if it had been sent that way.
    it("the same with labels and annotations that somebody else added and changed", async () => {
      const change = {
        labels: { "current-stage": "waiting-pr-created", owner: "shop-two", "cost-center": "42" },
        annotations: { note: "by a webhook", "example.com/note": "1", "rex-remediation/head": "b" },
      };
      await done(
        merge("mutated-3", { metadata: change, spec: { suspend: null }, status: { nodes: { waiting: opened } } })(),
      );
      const now = await guarded.cluster.workflow("mutated-3");
      deepEqual(
        [now?.metadata.labels, now?.metadata.annotations, now?.status?.nodes?.waiting?.phase],
        [
          { "workflow-type": "play-orchestration", "task-id": "3", ...repository, ...change.labels },
          change.annotations,
          "Succeeded",
        ],
      );
    });

    it("an outcome on its own run, with somebody else's label and annotation", async () => {
      const labels = { "rex-remediation/outcome": "remediated", "cost-center": "42" };
      await done(merge(run, { metadata: { labels, annotations: { "example.com/note": "1" } } })());
    });

    it("an outcome on its own run", async () => {
      await done(merge(run, labels({ "rex-remediation/outcome": "remediated" }))());
    });

    it("its own result, created and changed", async () => {
      await done(result({}));
      await done({ method: "PATCH", form: "merge", path: resultPath(`${run}-123`), body: { phase: "Failed" } });
    });
  });

  describe("on a main workflow of 600 nodes", () => {
    const large = Array.from({ length: 600 }, (_, index) =>
      workflowNode(`node-${index}`, index === 300 ? "Suspend" : "Pod", index === 300 ? "Running" : "Succeeded", {
        message: "x".repeat(1000),
      }),
    );

    it("opens the gate but may change no other node, within the API server's limits", async () => {
      const workflow = mainWorkflow("large-3", 3, "waiting-ready-for-qa", large, { labels: repository });
      await guarded.cluster.create(workflow);
      const seconds: number[] = [];
      const timed = async (request: ApiRequest) => {
        const started = Date.now();
        const answer = await pod.send(request);
        seconds.push((Date.now() - started) / 1000);
        return answer;
      };
      const forged = await timed(merge("large-3", node("node-599", { phase: "Failed" }))());
      deepEqual([forged.code, /must keep its nodes/.test(forged.message)], [403, true]);
      const open = await timed(
        merge("large-3", {
          ...node("node-300", opened),
          metadata: { annotations: { "rex-remediation/resumed": "true" } },
        })(),
      );
      equal(open.code, 200, open.message);
      say(
        `policies on 600 nodes (${(JSON.stringify(workflow).length / 1e6).toFixed(1)} MB): refused in ${seconds[0]} s, let through in ${seconds[1]} s`,
      );
    });
  });
});
