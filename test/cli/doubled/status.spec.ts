import { deepEqual, equal, match } from "node:assert/strict";
import { spawn } from "node:child_process";
import { resolve } from "node:path";
import type { Finding } from "../../../cli/lib/findings.ts";
import type { Ending } from "../../../components/vocabulary/ending.ts";
import { runName } from "../../../components/vocabulary/runName.ts";
import { type ApiAnswers, ApiServerDouble } from "../../support/apiServerDouble.ts";
import { GitHubDoubleClient, generateAppKey, startGitHubDouble } from "../../support/github/index.ts";
import { manifests, ofKind } from "../../support/pulumi/manifests.ts";
import { callTool, type ToolResult } from "../../support/tool.ts";

const outputs = {
  namespace: "agent-platform",
  workflowTemplate: "rex-remediation",
  eventSource: "rex-remediation",
  sensor: "rex-remediation",
  webhookUrl: "https://hooks.example.com/push",
};

const sha = (digit: string) => digit.repeat(40);
const pushedAt = 1767312000;
const nameOf = (task: string, after: string, before: string) =>
  runName("rex-remediation", "a salt", { task, before, after, repository: "5dlabs/platform", pushedAt });

/** A run in the double of the API server. */
interface RunOf {
  name: string;
  task: string;
  began: string;
  after?: string;
  before?: string;
  outcome?: string;
  status?: object;
}

function runObject({ name, task, began, after, before, outcome, status }: RunOf) {
  const given = { task, after, before, "pushed-at": before && String(pushedAt) };
  const parameters = Object.entries(given).flatMap(([name, value]) => (value ? [{ name, value }] : []));
  return {
    metadata: {
      name,
      creationTimestamp: began,
      labels: {
        "app.kubernetes.io/component": "remediation",
        "rex-remediation/task": task,
        ...(outcome && { "rex-remediation/outcome": outcome }),
      },
    },
    spec: { arguments: { parameters } },
    ...(status && { status }),
  };
}

const reported = (report: Ending[], outcome: string, finishedAt = "2026-01-02T00:00:20Z") => ({
  phase: "Succeeded",
  finishedAt,
  nodes: {
    a: {
      displayName: "remediate(0)",
      type: "Pod",
      phase: "Succeeded",
      finishedAt,
      outputs: {
        parameters: [
          { name: "outcome", value: outcome },
          { name: "report", value: JSON.stringify(report) },
        ],
      },
    },
  },
});

const restarted = runObject({
  name: nameOf("3", sha("b"), sha("a")),
  task: "3",
  began: "2026-01-02T00:00:00Z",
  after: sha("b"),
  outcome: "remediated",
  status: reported(
    [
      { step: "plan", did: "why", cause: "remediate", seconds: 1.5, head: sha("b"), planned: ["cancel cleo-1"] },
      { step: "record", did: "QA begins again on head bbbbbbbbbbbb", cause: "remediated", seconds: 0.3 },
      { step: "restart-qa", did: "resumed play-3 at stage x (it was y)", object: "main workflow play-3", seconds: 1 },
      { step: "stop-qa", did: "cancelled cleo-1, took ready-for-qa off #3", seconds: 2 },
    ],
    "remediated",
  ),
});
const heldByHand = runObject({
  name: "rex-remediation-4-abcde",
  task: "4",
  began: "2026-01-02T00:01:00Z",
  outcome: "held",
  status: reported(
    [
      { step: "plan", did: "a label is on it", cause: "held", seconds: 1, head: sha("c"), planned: [] },
      { step: "record", did: "label remediation-hold is on pull request #4", cause: "held", seconds: 0.2 },
    ],
    "held",
    "2026-01-02T00:01:05Z",
  ),
});
const noAnswer = { cause: "github-does-not-answer", passes: true, command: "retry", seconds: 20 };
const failedStatus = {
  phase: "Failed",
  message: "child failed",
  finishedAt: "2026-01-02T00:02:30Z",
  nodes: {
    a: {
      displayName: "plan",
      type: "Container",
      phase: "Failed",
      message: `Error (exit code 1): plan: no answer\n${JSON.stringify({ step: "plan", ...noAnswer })}\n`,
    },
    b: { displayName: "main", type: "Container", phase: "Failed", message: "Error (exit code 64)" },
    c: { displayName: "remediate(0)", type: "Pod", phase: "Failed", message: "main: Error (exit code 64)" },
  },
};
const failedOfSweep = runObject({
  name: `${nameOf("5", sha("d"), sha("c"))}-sweep`,
  task: "5",
  began: "2026-01-02T00:02:00Z",
  after: sha("d"),
  outcome: "failed",
  status: failedStatus,
});
/** Argo's own container failed in each try, after all steps had done their work. */
const waitFailed = {
  type: "Pod",
  phase: "Error",
  message: "wait: Error (exit code 64): failed to put file: no such bucket\nat s3.go",
};
const uploadWarning =
  "Argo nevertheless ended it as Error: wait: Error (exit code 64): failed to put file: no such bucket";
const doneWithWarning = runObject({
  name: nameOf("8", sha("1"), sha("0")),
  task: "8",
  began: "2026-01-02T00:04:00Z",
  after: sha("1"),
  outcome: "remediated",
  status: {
    phase: "Error",
    message: "No more retries left",
    finishedAt: "2026-01-02T00:05:00Z",
    nodes: {
      a: {
        ...waitFailed,
        displayName: "x(0)",
        outputs: {
          exitCode: "0",
          parameters: [
            {
              name: "report",
              value: JSON.stringify([
                { step: "record", did: "QA", cause: "remediated", seconds: 0.3 },
                { step: "restart-qa", did: "resumed play-8", seconds: 1 },
                { step: "stop-qa", did: "cancelled cleo-1", seconds: 2 },
              ]),
            },
          ],
        },
      },
      b: { displayName: "main", type: "Container", phase: "Succeeded" },
    },
  },
});
/** A resubmitted run that Argo refused, so that it still has the outcome label of the first run. */
const refusedResubmit = runObject({
  name: "rex-remediation-8-refused",
  task: "8",
  began: "2026-01-02T00:06:00Z",
  outcome: "held",
  status: { phase: "Error", message: "invalid spec: no such template", finishedAt: "2026-01-02T00:06:01Z" },
});
const waiting = runObject({
  name: nameOf("6", sha("e"), sha("d")),
  task: "6",
  began: "2026-01-02T00:03:00Z",
  after: sha("e"),
  status: { phase: "Pending", message: "Waiting for agent-platform/Mutex/rex-remediation-6 lock. Lock status: 0/1" },
});

/**
 * Calls scripts/rex status as a person would, with the GitHub double and a simple double of the API server. What this does not show: that
 * Argo writes runs like this; test/cli/by-hand/status.spec.ts uses real ones.
 */
describe("scripts/rex status", function () {
  this.timeout(60_000);
  let api: ApiServerDouble;
  let github: GitHubDoubleClient;
  let closeGitHub: () => Promise<void>;
  let template: object;
  let eventSource: object;
  const key = generateAppKey();
  let secretAnswer: { code: number; body: object };

  before(async () => {
    const double = await startGitHubDouble({ host: "127.0.0.1", port: 0 });
    closeGitHub = () => double.close();
    github = new GitHubDoubleClient(double.url);
    await github.putApp({
      appId: 1234,
      slug: "rex-remediation",
      publicKeyPem: key.publicKeyPem,
      installationId: 42,
      permissions: { contents: "read", pull_requests: "write", metadata: "read" },
      repositories: ["5dlabs/platform"],
    });
    const objects = await manifests({ "githubApp.apiUrl": double.url });
    template = ofKind(objects, "WorkflowTemplate");
    eventSource = ofKind(objects, "EventSource");
    api = await ApiServerDouble.open(outputs);
  });
  after(async () => {
    await api.close();
    await closeGitHub();
  });
  beforeEach(() => {
    secretAnswer = {
      code: 200,
      body: { data: { "private-key.pem": Buffer.from(key.privateKeyPem).toString("base64") } },
    };
  });

  interface ClusterOf {
    runs: { metadata: { labels: Record<string, string> } }[];
    mainWorkflows?: object[];
    agents?: object[];
    sweeps?: object[];
    /** One entry per pod: whether it is ready. */
    eventSourcePods?: boolean[];
  }

  function cluster({
    runs,
    mainWorkflows = [],
    agents = [],
    sweeps = [],
    eventSourcePods = [true],
  }: ClusterOf): ApiAnswers {
    const argo = "/apis/argoproj.io/v1alpha1/namespaces/agent-platform";
    const list = (items: object[]) => ({ code: 200, body: { metadata: { resourceVersion: "7" }, items } });
    const pod = (ready: boolean) => ({
      metadata: {},
      status: { conditions: [{ type: "Ready", status: ready ? "True" : "False" }] },
    });
    return (request, query) => {
      const selector = query.get("labelSelector") ?? "";
      const task = /rex-remediation\/task=([0-9]+)/.exec(selector)?.[1];
      switch (request) {
        case `GET ${argo}/workflowtemplates/rex-remediation`:
          return { code: 200, body: template };
        case `GET ${argo}/eventsources/rex-remediation`:
          return { code: 200, body: eventSource };
        case `GET ${argo}/workflows`:
          if (selector.includes("component=sweep")) return list(sweeps);
          if (selector.includes("workflow-type=play-orchestration")) return list(mainWorkflows);
          return list(runs.filter(({ metadata }) => !task || metadata.labels["rex-remediation/task"] === task));
        case "GET /apis/agents.platform/v1/namespaces/agent-platform/coderuns":
          return list(agents);
        case "GET /api/v1/namespaces/agent-platform/pods":
          return list(selector.startsWith("eventsource") ? eventSourcePods.map(pod) : [pod(true)]);
        case "GET /api/v1/namespaces/agent-platform/secrets/rex-remediation-github-app":
          return secretAnswer;
      }
      return { code: 404, body: { message: request } };
    };
  }

  const status = (...args: string[]): Promise<ToolResult> => callTool("status", args, api.environment);

  async function findingsOf(
    task: string,
    ...args: string[]
  ): Promise<{ exitCode: number | null; findings: Finding[] }> {
    const { exitCode, stdout, stderr } = await status("--task", task, "--json", ...args);
    equal(stderr, "");
    return { exitCode, findings: JSON.parse(stdout).findings };
  }

  it("lists remediations, newest first, with what each did or why it did nothing", async () => {
    api.answers = cluster({ runs: [restarted, failedOfSweep, heldByHand] });
    const { exitCode, stdout, stderr } = await status();
    equal(exitCode, 0, stderr);
    equal(
      stdout,
      `STARTED               TASK   SHA           OUTCOME            SECONDS  TRIGGER  SUMMARY
2026-01-02 00:02:00Z  5      dddddddddddd  failed                  30  sweep    plan: no answer
2026-01-02 00:01:00Z  4      cccccccccccc  held                     5  by hand  label remediation-hold is on pull request #4
2026-01-02 00:00:00Z  3      bbbbbbbbbbbb  remediated              20  push     cancelled cleo-1, took ready-for-qa off #3; resumed play-3 at stage x (it was y)
`,
    );
    const limited = await status("--limit=1");
    match(limited.stdout, /plan: no answer\n… and 2 older ones; to see all: --limit 3\n$/);
  });

  it("judges runs by their steps, and reports failures around the steps", async () => {
    api.answers = cluster({ runs: [refusedResubmit, doneWithWarning] });
    deepEqual(
      JSON.parse((await status("--json")).stdout).remediations.map(({ outcome, summary }: Record<string, string>) => [
        outcome,
        summary,
      ]),
      [
        ["failed", "invalid spec: no such template"],
        ["remediated", `cancelled cleo-1; resumed play-8; ${uploadWarning}`],
      ],
    );
    equal((await status("--task", "8", "--no-github")).exitCode, 1);
    api.answers = cluster({ runs: [doneWithWarning] });
    const { exitCode, findings } = await findingsOf("8", "--no-github");
    equal(exitCode, 0);
    deepEqual(findings[0], { found: "remediated: QA of the task begins again on the current head" });
  });

  it("says why a run failed and which command continues it, according to its exit handler", async () => {
    const ending = {
      step: "plan",
      did: "plan: no answer; plan: renamed",
      cause: "x",
      passes: false,
      command: "resubmit",
    };
    const nodes = {
      ...failedStatus.nodes,
      d: {
        displayName: "record-failure",
        type: "Pod",
        phase: "Succeeded",
        finishedAt: "2026-01-02T00:02:29Z",
        outputs: { parameters: [{ name: "ending", value: JSON.stringify(ending) }] },
      },
    };
    api.answers = cluster({ runs: [Object.assign({}, failedOfSweep, { status: { ...failedStatus, nodes } })] });
    const { stdout } = await status("--task=5", "--no-github", "--json");
    const { remediations, findings } = JSON.parse(stdout);
    const run = failedOfSweep.metadata.name;
    deepEqual([remediations[0].summary, remediations[0].failure], [ending.did, ending]);
    deepEqual(findings[0], {
      found: `run ${run} failed: ${ending.did}`,
      fix: `details: argo -n agent-platform get ${run}; what to do: docs/troubleshooting.md; once that is fixed: argo -n agent-platform resubmit ${run}`,
    });
  });

  it("does not report a sweep as failed if it did its work", async () => {
    const numbers = [
      { name: "started", value: "1" },
      { name: "redelivered", value: "0" },
    ];
    const sweepOf = (exitCode: string) => ({
      metadata: { name: "rex-remediation-sweep-2", creationTimestamp: "2026-01-02T00:05:00Z" },
      spec: {},
      status: { phase: "Error", nodes: { a: { ...waitFailed, outputs: { exitCode, parameters: numbers } } } },
    });
    const sweepFinding = async (exitCode: string) => {
      api.answers = cluster({ runs: [restarted], sweeps: [sweepOf(exitCode)] });
      return (await findingsOf("3", "--no-github")).findings.at(-1)?.found.split("05:00Z: ")[1];
    };
    equal(await sweepFinding("0"), `it started 1 remediation and requested 0 redeliveries; ${uploadWarning}`);
    match((await sweepFinding("1")) ?? "", /^it failed: /);
  });

  it("prints one object with --json", async () => {
    api.answers = cluster({ runs: [waiting, restarted] });
    const { exitCode, stdout } = await status("--json");
    equal(exitCode, 0);
    const { namespace, remediations } = JSON.parse(stdout);
    equal(namespace, "agent-platform");
    const { seconds, ...first } = remediations[0];
    equal(seconds > 0, true);
    deepEqual(first, {
      run: nameOf("6", sha("e"), sha("d")),
      started: "2026-01-02T00:03:00Z",
      task: "6",
      sha: "eeeeeeeeeeee",
      state: "waits",
      trigger: "push",
      summary: "Waiting for agent-platform/Mutex/rex-remediation-6 lock. Lock status: 0/1",
    });
    equal(remediations.length, 2);
  });

  it("reports everything about a task: its runs, its main workflow, its agents, its branch, and the sweep", async () => {
    await github.putRepository("5dlabs/platform", {
      branches: { "task-3-fix": sha("b") },
      pushedBy: "5dlabs-rex[bot]",
      pushedAt: 1767312000,
      pulls: [{ number: 3, headRef: "task-3-fix", labels: ["Remediation-Hold"] }],
    });
    api.answers = cluster({
      runs: [restarted, heldByHand],
      mainWorkflows: [
        {
          metadata: {
            name: "play-3",
            creationTimestamp: "2026-01-01T00:00:00Z",
            labels: { "current-stage": "waiting-pr-created" },
            annotations: { "rex-remediation/head": sha("b"), "rex-remediation/outcome": "remediated", other: "x" },
          },
          spec: {},
          status: {
            phase: "Running",
            nodes: { g: { displayName: "gate-2", type: "Suspend", phase: "Running" } },
          },
        },
      ],
      agents: [
        {
          metadata: {
            name: "rex-1",
            creationTimestamp: "2026-01-01T00:00:00Z",
            labels: { "github-app": "5DLabs-Rex" },
          },
        },
      ],
      sweeps: [
        {
          metadata: { name: "rex-remediation-sweep-1", creationTimestamp: "2026-01-02T00:05:00Z" },
          spec: {},
          status: {
            phase: "Succeeded",
            nodes: {
              a: {
                displayName: "s",
                type: "Pod",
                phase: "Succeeded",
                outputs: {
                  parameters: [
                    { name: "started", value: "1" },
                    { name: "redelivered", value: "2" },
                  ],
                },
              },
            },
          },
        },
      ],
    });
    const { exitCode, stdout, stderr } = await status("--task=3");
    equal(exitCode, 0, stderr);
    equal(
      stdout.split("\n\n")[1]?.replace(/ \d+ s old/, " N s old"),
      `main workflows of task 3:
  play-3: Running, stage waiting-pr-created, waits at gate-2
    head: ${sha("b")}
    outcome: remediated
agents of task 3:
  rex-1: 5DLabs-Rex, no phase, N s old, not in agents.toCancel
what this means:
  - remediated: QA of the task begins again on the current head
  - task-3-fix of 5dlabs/platform is at bbbbbbbbbbbb, pushed by 5dlabs-rex[bot] at 2026-01-02T00:00:00Z: this head has run ${nameOf("3", sha("b"), sha("a"))} (remediated)
  - a person holds the task with label remediation-hold on pull request #3, so runs end as held
  - the last sweep for lost pushes, rex-remediation-sweep-1 of 2026-01-02T00:05:00Z: it started 1 remediation and requested 2 redeliveries
`,
    );
  });

  it("explains why nothing happened if no push has arrived", async () => {
    await github.putRepository("5dlabs/platform", {
      branches: { "task-7": sha("1"), "task-70": sha("2") },
      pushedBy: "5dlabs-rex[bot]",
      pushedAt: 1767312000,
    });
    api.answers = cluster({ runs: [], eventSourcePods: [false] });
    const { exitCode, findings } = await findingsOf("7");
    equal(exitCode, 1);
    deepEqual(findings, [
      {
        found: "no pod of EventSource rex-remediation is ready (1 pod in all), so no push can arrive",
        fix: "kubectl -n agent-platform describe pod -l eventsource-name=rex-remediation; kubectl -n agent-platform get eventsource rex-remediation -o yaml",
      },
      {
        found:
          "no run: no push of task 7 has arrived, or its runs are no longer kept. A push counts if its sender is the App 5DLabs-Rex[bot], its branch is task-7 or begins with that and -, / or _, and its repository is 5dlabs/platform",
        fix: "see what GitHub delivered: scripts/rex webhook deliveries; check everything on the way: scripts/rex doctor",
      },
      {
        found:
          "no main workflow of task 7 is running (workflow-type=play-orchestration, task-id=7), so there is nothing to restart",
      },
      {
        found:
          "task-7 of 5dlabs/platform is at 111111111111, pushed by 5dlabs-rex[bot] at 2026-01-02T00:00:00Z: this head had no remediation: its delivery was lost or is late; the sweep, if there is one, will start it",
        fix: "to start it now: scripts/rex remediate --task 7",
      },
      { found: "there is no open pull request from task-7 of 5dlabs/platform, so a run ends as no-pull-request" },
      { found: "no sweep for lost pushes has run within a day; if sweep.schedule is empty, there is no sweep" },
    ]);
  });

  it("reports only the run of the head's own push, not of an earlier push between the same commits", async () => {
    const [a, b] = [sha("a"), sha("b")];
    const move = (head: string, at: number) =>
      github.putRepository("5dlabs/platform", {
        branches: { "task-12": head },
        pushedBy: "5dlabs-rex[bot]",
        pushedAt: at,
      });
    await move(a, pushedAt - 60);
    await move(b, pushedAt - 2);
    const run = runObject({
      name: nameOf("12", b, a),
      task: "12",
      began: "2026-01-02T00:00:00Z",
      after: b,
      before: a,
      outcome: "nothing-stale",
      status: reported([], "nothing-stale"),
    });
    const ledger = (values: Record<string, string>) => ({
      metadata: {
        name: "play-12",
        creationTimestamp: "2026-01-01T00:00:00Z",
        annotations: Object.fromEntries(
          Object.entries(values).map(([key, value]) => [`rex-remediation/${key}`, value]),
        ),
      },
      spec: {},
      status: { phase: "Running" },
    });
    const verdict = async (mainWorkflows: object[] = []) => {
      api.answers = cluster({ runs: [run], mainWorkflows });
      const { findings } = await findingsOf("12");
      const { found, ...way } = findings.find((one) => one.found.startsWith("task-12 of")) ?? { found: "" };
      return { found: found.replace(/^.*?Z: /, ""), ...way };
    };
    deepEqual(await verdict(), { found: `this head has run ${run.metadata.name} (nothing-stale)` });
    await move(a, pushedAt + 20);
    await move(b, pushedAt + 40);
    const none = {
      found:
        "this head had no remediation: its delivery was lost or is late; the sweep, if there is one, will start it",
      fix: "to start it now: scripts/rex remediate --task 12",
    };
    deepEqual(await verdict(), none);
    const begun = { head: b, heads: `${a},${b}`, pushed: b, run: "another-run", resumed: "false" };
    deepEqual(await verdict([ledger(begun)]), none);
    deepEqual(await verdict([ledger({ ...begun, head: a, resumed: "true" })]), {
      found: "this head was handled by run another-run, according to main workflow play-12",
    });
  });

  it("says that another person's push starts nothing, and that there is no branch", async () => {
    await github.putRepository("5dlabs/platform", {
      branches: { "task-8/x": sha("3") },
      pushedBy: { login: "ann", type: "User" },
      pushedAt: 1767312000,
    });
    api.answers = cluster({ runs: [] });
    match(
      (await findingsOf("8")).findings.find(({ found }) => found.startsWith("task-8/x"))?.found ?? "",
      /pushed by ann at \S+: this head had no remediation, because only pushes by 5DLabs-Rex\[bot\] count$/,
    );
    const none = (await findingsOf("9")).findings.filter(({ found }) => found.startsWith("GitHub"));
    deepEqual(none, [{ found: "GitHub has no branch task-9 in 5dlabs/platform" }]);
  });

  it("says that a repository was renamed, and how to fix it", async () => {
    await github.putRepository("5dlabs/platform", {
      branches: { "task-10": sha("4") },
      pulls: [{ number: 10, headRef: "task-10" }],
    });
    await github.renameRepository("5dlabs/platform", "5DLabs/Ground");
    try {
      api.answers = cluster({ runs: [] });
      const { findings } = await findingsOf("10");
      deepEqual(findings[0], {
        found: "5dlabs/platform was renamed to 5DLabs/Ground, and pushes under the new name are ignored",
        fix: "correct repositories: pulumi config set --path 'repositories[0]' 5DLabs/Ground, then pulumi up",
      });
      deepEqual(
        findings.filter(({ found }) => found.startsWith("there is no open pull request")),
        [],
      );
    } finally {
      await github.renameRepository("5DLabs/Ground", "5dlabs/platform");
    }
  });

  it("reports what a run waits for, which run did not finish, and which run failed", async () => {
    const main = (name: string, resumed: string) => ({
      metadata: {
        name,
        creationTimestamp: "2026-01-01T00:00:00Z",
        annotations: { "rex-remediation/resumed": resumed, "rex-remediation/run": "rex-remediation-5-x" },
      },
      spec: {},
      status: { phase: "Running" },
    });
    api.answers = cluster({ runs: [waiting], mainWorkflows: [main("play-6", "false")] });
    deepEqual((await findingsOf("6", "--no-github")).findings.slice(0, 2), [
      {
        found: `run ${nameOf("6", sha("e"), sha("d"))} has not begun: Waiting for agent-platform/Mutex/rex-remediation-6 lock. Lock status: 0/1`,
        fix: `argo -n agent-platform get ${nameOf("6", sha("e"), sha("d"))}`,
      },
      {
        found:
          "GitHub was not asked: --no-github was given; so it is unknown whether the head of the branch had a remediation",
      },
    ]);
    api.answers = cluster({ runs: [failedOfSweep], mainWorkflows: [main("play-5", "false")] });
    const { exitCode, findings } = await findingsOf("5", "--no-github");
    equal(exitCode, 1);
    const run = `${nameOf("5", sha("d"), sha("c"))}-sweep`;
    deepEqual(findings.slice(0, 2), [
      {
        found: `run ${run} failed: plan: no answer`,
        fix: `details: argo -n agent-platform get ${run}; what to do: docs/troubleshooting.md; once that is fixed: argo -n agent-platform retry ${run}`,
      },
      {
        found: "run rex-remediation-5-x began to change play-5 and did not finish",
        fix: "a new run finishes the work: scripts/rex remediate --task 5",
      },
    ]);
    api.answers = cluster({ runs: [failedOfSweep], mainWorkflows: [main("play-5", "true"), main("play-5b", "true")] });
    deepEqual((await findingsOf("5", "--no-github")).findings[1], {
      found: "task 5 has more than one main workflow: play-5, play-5b; every run fails until only one of them is left",
      fix: "argo -n agent-platform stop NAME",
    });
  });

  it("says what to do if Argo's limit on running workflows is reached", async () => {
    const message = "Workflow processing has been postponed because too many workflows are already running";
    const run = nameOf("6", sha("e"), sha("d"));
    const of = { name: run, task: "6", began: "2026-01-02T00:03:00Z", after: sha("e") };
    api.answers = cluster({ runs: [runObject({ ...of, status: { phase: "Pending", message } })] });
    const { exitCode, findings } = await findingsOf("6", "--no-github");
    equal(exitCode, 0);
    deepEqual(findings[0], {
      found: `run ${run} has not begun: ${message}`,
      fix: `the ConfigMap of Argo limits the number of running workflows (parallelism, namespaceParallelism), and main workflows that wait at gates count too: scripts/rex doctor shows the numbers, and docs/troubleshooting.md, "Too many workflows are running", says what to do; argo -n agent-platform get ${run}`,
    });
  });

  it("reports without GitHub if the App's key may not be read, and says so", async () => {
    secretAnswer = { code: 403, body: { message: 'User "ann" cannot get secrets' } };
    api.answers = cluster({ runs: [restarted] });
    const { exitCode, findings } = await findingsOf("3");
    equal(exitCode, 0);
    match(
      findings.at(-2)?.found ?? "",
      /^GitHub was not asked: cannot read Secret rex-remediation-github-app in namespace agent-platform: the API server \S+ says 403: User "ann" cannot get secrets; so it is unknown/,
    );
  });

  it("refuses a bad task, a bad limit, and an installation that does not exist", async () => {
    match(
      (await callTool("status", ["--task=03"])).stderr,
      /^status: --task: expected the number of a task, .*; got "03"\n$/,
    );
    match(
      (await callTool("status", ["--limit", "0"])).stderr,
      /^status: --limit: expected a whole number from 1 to 9999; got "0"\n$/,
    );
    api.answers = () => ({ code: 404, body: {} });
    const { exitCode, stderr } = await status();
    equal(exitCode, 2);
    match(stderr, /^status: there is no WorkflowTemplate rex-remediation in namespace agent-platform on /);
  });

  it("reports with --follow each beginning and end once until SIGINT, also after an outage of the API server", async () => {
    const begun = runObject({ name: "rex-remediation-6-aaaaa", task: "6", began: "2026-01-03T00:00:00Z" });
    const ended = { ...begun, ...heldByHand, metadata: { ...heldByHand.metadata, name: begun.metadata.name } };
    const still = cluster({ runs: [restarted] });
    const later = cluster({ runs: [restarted, ended, failedOfSweep] });
    let watches = 0;
    api.answers = (request, query) => {
      if (query.get("watch") !== "true") return (watches === 0 ? still : later)(request, query, "");
      watches += 1;
      if (watches === 1)
        return {
          lines: [
            { type: "ADDED", object: begun },
            { type: "MODIFIED", object: begun },
          ],
        };
      return {
        lines: [
          { type: "ERROR", object: { code: 410 } },
          { type: "MODIFIED", object: ended },
        ],
      };
    };
    const child = spawn(
      process.execPath,
      [resolve(import.meta.dirname, "../../../cli/rex.ts"), "status", "--follow", "--json"],
      {
        env: { ...process.env, ...api.environment },
        stdio: ["ignore", "pipe", "inherit"],
        timeout: 50_000,
      },
    );
    let said = "";
    const lines = () =>
      said
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line));
    const exitCode = await new Promise((done) => {
      child.stdout.on("data", (text) => {
        said += text;
        const number = said.split("\n").length - 1;
        if (number === 2) api.cutConnections();
        if (number === 4) child.kill("SIGINT");
      });
      child.on("close", done);
    });
    equal(exitCode, 0);
    deepEqual(
      lines().map(({ run, state }) => [run, state]),
      [
        [restarted.metadata.name, "ended"],
        [begun.metadata.name, "waits"],
        [begun.metadata.name, "ended"],
        [failedOfSweep.metadata.name, "ended"],
      ],
    );
  });
});
