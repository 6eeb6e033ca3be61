import { deepEqual, equal, match } from "node:assert/strict";
import { join } from "node:path";
import {
  type ApiAnswer as Answer,
  type ApiAnswers as Answers,
  ApiServerDouble,
} from "../../support/apiServerDouble.ts";
import { callTool, type ToolResult } from "../../support/tool.ts";

const outputs = {
  namespace: "qa",
  workflowTemplate: "rex-remediation",
  eventSource: "rex-remediation",
  sensor: "rex-remediation",
  webhookUrl: "https://hooks.example.com/push",
};

const report = [
  { step: "plan", did: "a label is on it", cause: "held", seconds: 1.5, head: "b", planned: ["leave rex-1: why"] },
  { step: "record", did: "a label is on it", cause: "held", seconds: 0.5 },
];

const template = { metadata: { name: "rex-remediation", uid: "the-template" } };

/**
 * Calls scripts/rex remediate as a person would, with a simple double of the API server. test/cli/by-hand/remediate.spec.ts uses a real API
 * server.
 */
describe("scripts/rex remediate", function () {
  this.timeout(120_000);
  let cluster: ApiServerDouble;

  before(async () => {
    cluster = await ApiServerDouble.open(outputs);
  });
  after(() => cluster.close());
  afterEach(() => {
    cluster.answers = () => undefined;
  });

  function remediate(args: string[], environment: Record<string, string | undefined> = {}): Promise<ToolResult> {
    return callTool("remediate", ["--yes", ...args], { ...cluster.environment, ...environment });
  }

  const api = "/apis/argoproj.io/v1alpha1/namespaces/qa";
  const getTemplate = `GET ${api}/workflowtemplates/rex-remediation`;
  const postRun = `POST ${api}/workflows`;
  const getRun = `GET ${api}/workflows/rex-remediation-3-abcde`;
  const getPods = "GET /api/v1/namespaces/qa/pods";

  /** Answers with a run that is created and then has the given state. */
  function madeRun(run: (asked: number) => Answer, made: object[] = []): Answers {
    let asked = 0;
    const known: Record<string, (body: string) => Answer> = {
      [getTemplate]: () => ({ code: 200, body: template }),
      [postRun]: (body) => {
        made.push(JSON.parse(body));
        return { code: 201, body: { metadata: { name: "rex-remediation-3-abcde", uid: "1" } } };
      },
      [getRun]: () => run(asked++),
      [getPods]: () => ({ code: 200, body: { kind: "PodList", apiVersion: "v1", items: [] } }),
    };
    return (request, _query, body) => known[request]?.(body);
  }

  const ended = (phase: string, outcome?: string, message?: string, nodes: object = {}): Answer => ({
    code: 200,
    body: {
      metadata: {
        name: "rex-remediation-3-abcde",
        labels: outcome === undefined ? {} : { "rex-remediation/outcome": outcome },
      },
      status: {
        phase,
        message,
        nodes: {
          ...nodes,
          first: { finishedAt: "2026-01-01T00:00:01Z", outputs: { parameters: [{ name: "report", value: "[]" }] } },
          last: {
            finishedAt: "2026-01-01T00:00:02Z",
            outputs: { parameters: [{ name: "report", value: JSON.stringify(report) }] },
          },
        },
      },
    },
  });

  it("explains itself, its exit codes, and how to do the same without it", async () => {
    const { exitCode, stdout } = await callTool("remediate", ["--help"]);
    equal(exitCode, 0);
    match(stdout, /^usage: scripts\/rex remediate --task N/);
    match(stdout, /Exit codes:\n {2}0 .*\n {2}1 .*\n {2}2 /);
    match(
      stdout,
      /argo submit .*--from workflowtemplate\/rex-remediation --generate-name rex-remediation-N- -p task=N/,
    );
  });

  const bad: [string, string[], Record<string, string | undefined>, RegExp][] = [
    [
      "no task",
      ["--dry-run"],
      {},
      /^remediate: --task is missing; expected the number of the task: scripts\/rex remediate --task 3$/,
    ],
    ["a task with a letter", ["--task", "3x"], {}, /^remediate: --task: expected the number of a task, .*; got "3x"$/],
    ["a task with leading zeros", ["--task", "03"], {}, /^remediate: --task: .*; got "03"$/],
    ["the name of a branch", ["--task", "task-3"], {}, /^remediate: --task: .*; got "task-3"$/],
    [
      "a repository without owner",
      ["--task", "3", "--repository", "shop"],
      {},
      /^remediate: --repository: expected owner\/name, such as acme\/shop; got "shop"$/,
    ],
    [
      "a bad time limit",
      ["--task", "3", "--wait", "soon"],
      {},
      /^remediate: --wait: expected a whole number of seconds .*; got "soon"$/,
    ],
    ["an unknown option", ["--task", "3", "--force"], {}, /^remediate: Unknown argument: force; see .* --help$/],
    [
      "two sources of outputs",
      ["--task", "3", "--outputs", "a", "--stack", "b"],
      {},
      /^remediate: --outputs and --stack both choose the installation; give only one of them$/,
    ],
    [
      "a file that does not exist",
      ["--task", "3"],
      { REX_OUTPUTS: "/nowhere/outputs.json" },
      /^remediate: REX_OUTPUTS: cannot read \/nowhere\/outputs\.json \(ENOENT\); create it with: pulumi stack output --json > \/nowhere\/outputs\.json$/,
    ],
    [
      "a file that is not JSON",
      ["--task", "3", "--outputs", import.meta.filename],
      {},
      /^remediate: \S+: expected a JSON object, as printed by pulumi stack output --json; got something else$/,
    ],
    [
      "outputs of something else",
      ["--task", "3", "--outputs", join(import.meta.dirname, "../../../package.json")],
      {},
      /^remediate: \S+package\.json: expected the outputs of a stack that is up; namespace, workflowTemplate, .* missing; /,
    ],
    [
      "no outputs and no pulumi",
      ["--task", "3"],
      { REX_OUTPUTS: undefined, PATH: "/nowhere" },
      /^remediate: cannot read the stack's outputs with the pulumi command: .*ENOENT; .*--stack NAME, or give the outputs in a file with --outputs FILE/,
    ],
    [
      "a context that does not exist",
      ["--task", "3", "--context", "staging"],
      {},
      /^remediate: --context: the kubeconfig has no context staging; expected one of: production$/,
    ],
    [
      "a kubeconfig that does not exist",
      ["--task", "3"],
      { KUBECONFIG: "/nowhere/config" },
      /^remediate: the kubeconfig cannot be read: .*\/nowhere\/config/,
    ],
    [
      "an API server that does not answer",
      ["--task", "3"],
      {},
      /^remediate: cannot read WorkflowTemplate rex-remediation in namespace qa: the API server http:\S+ does not answer \(.+\); is it the right cluster\?/,
    ],
  ];
  for (const [what, args, environment, message] of bad) {
    it(`refuses ${what} in one line`, async () => {
      const { exitCode, stdout, stderr } = await remediate(args, environment);
      equal(exitCode, 2, stderr);
      equal(stdout.replace(/^remediation of task 3, .*\n$/, ""), "");
      const lines = stderr.trimEnd().split("\n");
      equal(lines.length, 1, stderr);
      match(lines[0] ?? "", message);
    });
  }

  it("refuses an installation without its WorkflowTemplate, and creates nothing", async () => {
    const requests: string[] = [];
    cluster.answers = (request) => {
      requests.push(request);
      return { code: 404, body: { kind: "Status", message: "not found" } };
    };
    const { exitCode, stderr } = await remediate(["--task", "3"]);
    equal(exitCode, 2);
    match(stderr, /^remediate: there is no WorkflowTemplate rex-remediation in namespace qa on http:\S+: .*\n$/);
    deepEqual(requests, [getTemplate]);
  });

  it("quotes the API server if it refuses", async () => {
    cluster.answers = (request) =>
      request === getTemplate
        ? { code: 200, body: template }
        : { code: 403, body: { kind: "Status", message: 'User "ann" cannot create workflows' } };
    const { exitCode, stderr } = await remediate(["--task", "3"]);
    equal(exitCode, 2);
    match(
      stderr,
      /^remediate: cannot create the run: the API server http:\S+ says 403: User "ann" cannot create workflows\n$/,
    );
  });

  it("creates the run as the Sensor does, for the current head [run-as-the-sensor-makes-it]", async () => {
    const made: object[] = [];
    cluster.answers = madeRun(() => ended("Succeeded", "remediated"), made);
    equal((await remediate(["--task", "3"])).exitCode, 0);
    equal((await remediate(["--task", "3", "--repository", "acme/shop", "--dry-run"])).exitCode, 0);
    const [plain, full] = made as { metadata: object; spec: { arguments: { parameters: object[] } } }[];
    deepEqual(plain, {
      apiVersion: "argoproj.io/v1alpha1",
      kind: "Workflow",
      metadata: {
        generateName: "rex-remediation-3-",
        labels: {
          "app.kubernetes.io/name": "rex-remediation",
          "app.kubernetes.io/instance": "rex-remediation",
          "app.kubernetes.io/component": "remediation",
          "rex-remediation/task": "3",
        },
        ownerReferences: [
          {
            apiVersion: "argoproj.io/v1alpha1",
            kind: "WorkflowTemplate",
            name: "rex-remediation",
            uid: "the-template",
          },
        ],
      },
      spec: {
        workflowTemplateRef: { name: "rex-remediation" },
        arguments: { parameters: [{ name: "task", value: "3" }] },
      },
    });
    deepEqual(full?.spec.arguments.parameters, [
      { name: "task", value: "3" },
      { name: "repository", value: "acme/shop" },
      { name: "dry-run", value: "true" },
    ]);
  });

  it("ends with the last report and the outcome in words", async () => {
    cluster.answers = madeRun(() => ended("Succeeded", "held"));
    const { exitCode, stdout } = await remediate(["--task", "3"]);
    equal(exitCode, 0);
    equal(
      stdout.replace(/http:\S+(?=: this)/, "SERVER"),
      `remediation of task 3, in namespace qa on SERVER: this cancels the task's QA agents, removes the ready label, and resets and resumes the main workflow, for the current head of the branch; --dry-run shows the details
run rex-remediation-3-abcde of task 3, in namespace qa
report:
  leave rex-1: why
  plan: held: a label is on it (1.5 s)
  record: held: a label is on it (0.5 s)
held: a person holds the task with a label on its pull request; nothing was touched; take the label off and start this again
`,
    );
  });

  it("prints one object with --json, and nothing else on standard output", async () => {
    cluster.answers = madeRun(() => ended("Succeeded", "nothing-stale"));
    const { exitCode, stdout } = await remediate(["--task", "3", "--json"]);
    equal(exitCode, 0);
    deepEqual(JSON.parse(stdout), {
      run: "rex-remediation-3-abcde",
      namespace: "qa",
      task: "3",
      outcome: "nothing-stale",
      ended: true,
      message: "nothing-stale: no agent, label or stage is left from an old head; nothing was touched",
      steps: [],
      report,
    });
  });

  it("fails if Argo refuses the run, with Argo's message", async () => {
    cluster.answers = madeRun(() => ended("Failed", undefined, "invalid spec: no such thing"));
    const { exitCode, stdout } = await remediate(["--task", "3"]);
    equal(exitCode, 1);
    match(
      stdout,
      /^failed: invalid spec: no such thing; details: argo -n qa get rex-remediation-3-abcde; argo -n qa logs /m,
    );
  });

  it("takes the outcome from the label if the steps succeeded, and reports failures around the steps", async () => {
    const pod = {
      type: "Pod",
      phase: "Error",
      message: "wait: Error (exit code 64): failed to put file: no such bucket\nat s3.go",
      finishedAt: "2026-01-01T00:00:00Z",
      outputs: { exitCode: "0" },
    };
    cluster.answers = madeRun(() => ended("Error", "remediated", "No more retries left", { pod }));
    const { exitCode, stdout } = await remediate(["--task", "3"]);
    equal(exitCode, 0);
    equal(
      stdout.trimEnd().split("\n").at(-1),
      "remediated: QA of the task begins again on the current head; Argo nevertheless ended it as Error: wait: Error (exit code 64): failed to put file: no such bucket",
    );
  });

  it("does not take the outcome of a failed run from a label that its pods did not set [outcome-not-from-old-label]", async () => {
    cluster.answers = madeRun(() => ended("Error", "remediated", "the pod is gone"));
    const { exitCode, stdout } = await remediate(["--task", "3"]);
    equal(exitCode, 1);
    match(stdout, /^failed: the pod is gone; /m);
  });

  it("does not wait for a deleted run", async () => {
    cluster.answers = madeRun(() => ({ code: 404, body: { kind: "Status" } }));
    const { exitCode, stdout } = await remediate(["--task", "3"]);
    equal(exitCode, 1);
    match(stdout, /^failed: the run was deleted; /m);
  });

  it("reports once what a run waits for, and that it did not end in time", async () => {
    const words = "Waiting for qa/Mutex/rex-remediation-3 lock. Lock status: 0/1";
    cluster.answers = madeRun(() => ended("Pending", undefined, words));
    const { exitCode, stdout } = await remediate(["--task", "3", "--wait", "2"]);
    equal(exitCode, 1);
    equal(stdout.split(`  (waits: ${words})\n`).length, 2, stdout);
    match(
      stdout,
      /^run rex-remediation-3-abcde has not ended within 2 s; it continues without this tool; see: argo -n qa get rex-remediation-3-abcde; argo -n qa logs rex-remediation-3-abcde$/m,
    );
  });

  it("says what to do if Argo's limit on running workflows is reached", async () => {
    const words = "Workflow processing has been postponed because too many workflows are already running";
    cluster.answers = madeRun(() => ended("Pending", undefined, words));
    const { exitCode, stdout } = await remediate(["--task", "3", "--wait", "2"]);
    equal(exitCode, 1);
    match(
      stdout,
      /^run rex-remediation-3-abcde has not ended within 2 s \(Workflow processing has been postponed because too many workflows are already running; the ConfigMap of Argo limits the number of running workflows \(parallelism, namespaceParallelism\), and main workflows that wait at gates count too: scripts\/rex doctor shows the numbers, and docs\/troubleshooting\.md, "Too many workflows are running", says what to do\); /m,
    );
  });

  it("asks again while the API server does not answer, and says so once", async () => {
    cluster.answers = madeRun((asked) => (asked < 3 ? undefined : ended("Succeeded", "remediated")));
    const { exitCode, stdout } = await remediate(["--task", "3"]);
    equal(exitCode, 0, stdout);
    equal(stdout.split("; asking again)\n").length, 2, stdout);
    match(stdout, /^remediated: QA of the task begins again on the current head$/m);
  });
});
