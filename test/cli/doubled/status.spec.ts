import { deepEqual, equal, match } from "node:assert/strict";
import { spawn } from "node:child_process";
import { resolve } from "node:path";
import type { Finding } from "../../../cli/lib/findings.ts";
import { runName } from "../../../components/vocabulary/runName.ts";
import { type ApiAnswers, ApiServerDouble } from "../../support/apiServerDouble.ts";
import { GitHubDoubleClient, generateAppKey, startGitHubDouble } from "../../support/github/index.ts";
import { manifests, ofKind } from "../../support/pulumi/manifests.ts";
import { runTool, type ToolResult } from "../../support/tool.ts";

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

/** What a run of the cluster of this test is made of. */
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
  const told = { task, after, before, "pushed-at": before && String(pushedAt) };
  const parameters = Object.entries(told).flatMap(([name, value]) => (value ? [{ name, value }] : []));
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

const reported = (report: string, outcome: string, finishedAt = "2026-01-02T00:00:20Z") => ({
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
          { name: "report", value: report },
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
    "task 3, pushed bbbbbbbbbbbb, head bbbbbbbbbbbb\ncancel cleo-1 (cleo, since x)\nplan: remediate: why (1.5 s)\nstop-qa: cancelled cleo-1, took ready-for-qa off #3 (2 s)\nrestart-qa: resumed play-3 at stage x (it was y) (1 s)\nrecord: remediated: QA begins again on head bbbbbbbbbbbb (0.3 s)\n",
    "remediated",
  ),
});
const heldByHand = runObject({
  name: "rex-remediation-4-abcde",
  task: "4",
  began: "2026-01-02T00:01:00Z",
  outcome: "held",
  status: reported(
    "task 4, by hand, head cccccccccccc\nrecord: held: label remediation-hold is on pull request #4 (0.2 s)\n",
    "held",
    "2026-01-02T00:01:05Z",
  ),
});
const failedOfSweep = runObject({
  name: `${nameOf("5", sha("d"), sha("c"))}-sweep`,
  task: "5",
  began: "2026-01-02T00:02:00Z",
  after: sha("d"),
  outcome: "failed",
  status: {
    phase: "Failed",
    message: "child failed",
    finishedAt: "2026-01-02T00:02:30Z",
    nodes: {
      a: { displayName: "plan", type: "Container", phase: "Failed", message: "Error (exit code 1): plan: no answer\n" },
      b: { displayName: "main", type: "Container", phase: "Failed", message: "Error (exit code 64)" },
      c: { displayName: "remediate(0)", type: "Pod", phase: "Failed", message: "main: Error (exit code 64)" },
    },
  },
});
/** Argo's own container failed after all steps had done their work, at each try. */
const waitFailed = {
  type: "Pod",
  phase: "Error",
  message: "wait: Error (exit code 64): failed to put file: no such bucket\nat s3.go",
};
const putAway = "Argo ended it as Error all the same: Argo's container wait: failed to put file: no such bucket";
const doneAllTheSame = runObject({
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
              value:
                "stop-qa: cancelled cleo-1 (2 s)\nrestart-qa: resumed play-8 (1 s)\nrecord: remediated: QA (0.3 s)\n",
            },
          ],
        },
      },
      b: { displayName: "main", type: "Container", phase: "Succeeded" },
    },
  },
});
/** Refused by Argo, so that it bears the outcome of the run that it was resubmitted from. */
const refusedAnew = runObject({
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
 * cli/status.ts as a person calls it. A few lines stand in for the API server, the double for GitHub: what this does not show is that
 * Argo writes runs so; test/cli/by-hand/status.spec.ts asks a real one.
 */
describe("npm run status", function () {
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
    /** Of each, whether it is ready. */
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

  const status = (...args: string[]): Promise<ToolResult> => runTool("status.ts", args, api.environment);

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
    const limited = await status("--limit", "1");
    match(limited.stdout, /plan: no answer\n… and 2 older ones: --limit 3\n$/);
  });

  it("goes by what the steps did, and says what failed around them", async () => {
    api.answers = cluster({ runs: [refusedAnew, doneAllTheSame] });
    deepEqual(
      JSON.parse((await status("--json")).stdout).remediations.map(({ outcome, summary }: Record<string, string>) => [
        outcome,
        summary,
      ]),
      [
        ["failed", "invalid spec: no such template"],
        ["remediated", `cancelled cleo-1; resumed play-8; ${putAway}`],
      ],
    );
    equal((await status("--task", "8", "--no-github")).exitCode, 1);
    api.answers = cluster({ runs: [doneAllTheSame] });
    const { exitCode, findings } = await findingsOf("8", "--no-github");
    equal(exitCode, 0);
    deepEqual(findings[0], { found: "remediated: QA of the task begins again on the present head" });
  });

  it("does not call a sweep failed that did its work", async () => {
    const numbers = [
      { name: "started", value: "1" },
      { name: "redelivered", value: "0" },
    ];
    const sweepOf = (exitCode: string) => ({
      metadata: { name: "rex-remediation-sweep-2", creationTimestamp: "2026-01-02T00:05:00Z" },
      spec: {},
      status: { phase: "Error", nodes: { a: { ...waitFailed, outputs: { exitCode, parameters: numbers } } } },
    });
    const said = async (exitCode: string) => {
      api.answers = cluster({ runs: [restarted], sweeps: [sweepOf(exitCode)] });
      return (await findingsOf("3", "--no-github")).findings.at(-1)?.found.split("05:00Z: ")[1];
    };
    equal(await said("0"), `it started 1 remediations and asked for 0 redeliveries; ${putAway}`);
    match((await said("1")) ?? "", /^it failed: /);
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

  it("says all about a task: its runs, its main workflow, its agents, its branch, and the sweep", async () => {
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
    const { exitCode, stdout, stderr } = await status("--task", "3");
    equal(exitCode, 0, stderr);
    equal(
      stdout.split("\n\n")[1]?.replace(/ \d+ s old/, " N s old"),
      `main workflows of task 3:
  play-3: Running, stage waiting-pr-created, waits at gate-2
    head: ${sha("b")}
    outcome: remediated
agents of task 3:
  rex-1: 5DLabs-Rex, no phase, N s old, not in the cancel list
what that means:
  - remediated: QA of the task begins again on the present head
  - task-3-fix of 5dlabs/platform is at bbbbbbbbbbbb, pushed by 5dlabs-rex[bot] at 2026-01-02T00:00:00Z: this head has had run ${nameOf("3", sha("b"), sha("a"))} (remediated)
  - a person holds the task: label remediation-hold is on pull request #3; runs end as held
  - the last sweep for lost pushes, rex-remediation-sweep-1 of 2026-01-02T00:05:00Z: it started 1 remediations and asked for 2 redeliveries
`,
    );
  });

  it("says why nothing happened where no push has arrived", async () => {
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
        found: "no pod of EventSource rex-remediation is ready (there is 1), so no push gets in",
        fix: "kubectl -n agent-platform describe pod -l eventsource-name=rex-remediation; kubectl -n agent-platform get eventsource rex-remediation -o yaml",
      },
      {
        found:
          "no run: no push of task 7 has arrived, or its runs are older than they are kept. A push counts if its sender is the App 5DLabs-Rex[bot], its branch task-7, alone or followed by -, / or _ and more, and its repository 5dlabs/platform",
        fix: "what GitHub delivered, and where: npm run webhook -- deliveries; whether everything on the way is well: npm run doctor",
      },
      {
        found:
          "no main workflow of task 7 is running (workflow-type=play-orchestration, task-id=7), so there is nothing to restart",
      },
      {
        found:
          "task-7 of 5dlabs/platform is at 111111111111, pushed by 5dlabs-rex[bot] at 2026-01-02T00:00:00Z: this head has had no remediation: its delivery is lost or late; a sweep starts it where there is one",
        fix: "at once: npm run remediate -- --task 7",
      },
      { found: "no open pull request comes from task-7 of 5dlabs/platform: a run of it ends as no-pull-request" },
      { found: "no sweep for lost pushes has run within a day: there is none where sweep.schedule is empty" },
    ]);
  });

  it("says of a head only the run of the push that made it, not one of an earlier push from and to the same commits", async () => {
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
      status: reported("", "nothing-stale"),
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
    deepEqual(await verdict(), { found: `this head has had run ${run.metadata.name} (nothing-stale)` });
    await move(a, pushedAt + 20);
    await move(b, pushedAt + 40);
    const none = {
      found: "this head has had no remediation: its delivery is lost or late; a sweep starts it where there is one",
      fix: "at once: npm run remediate -- --task 12",
    };
    deepEqual(await verdict(), none);
    const begun = { head: b, heads: `${a},${b}`, pushed: b, run: "another-run", resumed: "false" };
    deepEqual(await verdict([ledger(begun)]), none);
    deepEqual(await verdict([ledger({ ...begun, head: a, resumed: "true" })]), {
      found: "this head was handled by run another-run, as play-12 says",
    });
  });

  it("says that somebody else's push starts nothing, and that there is no branch", async () => {
    await github.putRepository("5dlabs/platform", {
      branches: { "task-8/x": sha("3") },
      pushedBy: { login: "ann", type: "User" },
      pushedAt: 1767312000,
    });
    api.answers = cluster({ runs: [] });
    match(
      (await findingsOf("8")).findings.find(({ found }) => found.startsWith("task-8/x"))?.found ?? "",
      /pushed by ann at \S+: this head has had none, because only pushes of 5DLabs-Rex\[bot\] count$/,
    );
    const none = (await findingsOf("9")).findings.filter(({ found }) => found.startsWith("GitHub"));
    deepEqual(none, [{ found: "GitHub has no branch task-9 in 5dlabs/platform" }]);
  });

  it("says that a repository was renamed, and what mends it", async () => {
    await github.putRepository("5dlabs/platform", {
      branches: { "task-10": sha("4") },
      pulls: [{ number: 10, headRef: "task-10" }],
    });
    await github.renameRepository("5dlabs/platform", "5DLabs/Ground");
    try {
      api.answers = cluster({ runs: [] });
      const { findings } = await findingsOf("10");
      deepEqual(findings[0], {
        found: "5dlabs/platform was renamed to 5DLabs/Ground, whose pushes nobody takes",
        fix: "correct repositories: pulumi config set --path 'repositories[0]' 5DLabs/Ground, then pulumi up",
      });
      deepEqual(
        findings.filter(({ found }) => found.startsWith("no open pull request")),
        [],
      );
    } finally {
      await github.renameRepository("5DLabs/Ground", "5dlabs/platform");
    }
  });

  it("says what a run waits for, what was begun and not ended, and which failed", async () => {
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
          "GitHub was not asked: --no-github was given; so whether the branch's head has had a remediation is not known here",
      },
    ]);
    api.answers = cluster({ runs: [failedOfSweep], mainWorkflows: [main("play-5", "false")] });
    const { exitCode, findings } = await findingsOf("5", "--no-github");
    equal(exitCode, 1);
    const run = `${nameOf("5", sha("d"), sha("c"))}-sweep`;
    deepEqual(findings.slice(0, 2), [
      {
        found: `run ${run} failed: plan: no answer`,
        fix: `more: argo -n agent-platform get ${run}; the ways out: docs/troubleshooting.md`,
      },
      {
        found: "run rex-remediation-5-x began on play-5 and did not end",
        fix: "a new one carries it on: npm run remediate -- --task 5",
      },
    ]);
    api.answers = cluster({ runs: [failedOfSweep], mainWorkflows: [main("play-5", "true"), main("play-5b", "true")] });
    deepEqual((await findingsOf("5", "--no-github")).findings[1], {
      found: "task 5 has more than one main workflow: play-5, play-5b; a run fails until all but one are ended",
      fix: "argo -n agent-platform stop NAME",
    });
  });

  it("says what to do where Argo runs no more workflows at once", async () => {
    const message = "Workflow processing has been postponed because too many workflows are already running";
    const run = nameOf("6", sha("e"), sha("d"));
    const of = { name: run, task: "6", began: "2026-01-02T00:03:00Z", after: sha("e") };
    api.answers = cluster({ runs: [runObject({ ...of, status: { phase: "Pending", message } })] });
    const { exitCode, findings } = await findingsOf("6", "--no-github");
    equal(exitCode, 0);
    deepEqual(findings[0], {
      found: `run ${run} has not begun: ${message}`,
      fix: `Argo runs no more workflows at once than its ConfigMap says (parallelism, namespaceParallelism), and main workflows that wait at gates count: npm run doctor says how many, docs/troubleshooting.md, "Too many workflows are running", the ways out; argo -n agent-platform get ${run}`,
    });
  });

  it("does without GitHub where the App's key may not be read, and says so", async () => {
    secretAnswer = { code: 403, body: { message: 'User "ann" cannot get secrets' } };
    api.answers = cluster({ runs: [restarted] });
    const { exitCode, findings } = await findingsOf("3");
    equal(exitCode, 0);
    match(
      findings.at(-2)?.found ?? "",
      /^GitHub was not asked: cannot read Secret rex-remediation-github-app in namespace agent-platform: the API server \S+ says 403: User "ann" cannot get secrets; so whether/,
    );
  });

  it("refuses a bad task, a bad limit, and an installation that is not there", async () => {
    match((await status("--task", "03")).stderr, /^status: --task: expected the number of a task, .*; got "03"\n$/);
    match(
      (await status("--limit", "0")).stderr,
      /^status: --limit: expected a whole number from 1 to 9999; got "0"\n$/,
    );
    api.answers = () => ({ code: 404, body: {} });
    const { exitCode, stderr } = await status();
    equal(exitCode, 2);
    match(stderr, /^status: there is no WorkflowTemplate rex-remediation in namespace agent-platform on /);
  });

  it("tells with --follow of each beginning and end once, also of what happened while the API server was away, until SIGINT", async () => {
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
      [resolve(import.meta.dirname, "../../../cli/status.ts"), "--follow", "--json"],
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
