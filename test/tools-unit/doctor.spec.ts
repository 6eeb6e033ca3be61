import { deepEqual, equal, match, ok, throws } from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { imageName } from "../../config/kinds.ts";
import { controllers, eventBus } from "../../scripts/doctor/argo.ts";
import { planned } from "../../scripts/doctor/before.ts";
import { asText, type Check, type Finding, fail, pass, run, warn } from "../../scripts/doctor/check.ts";
import { kubernetes } from "../../scripts/doctor/cluster.ts";
import { configuration } from "../../scripts/doctor/configuration.ts";
import { contract } from "../../scripts/doctor/contract.ts";
import { granted, removed } from "../../scripts/doctor/githubApp.ts";
import { changed, judged as letThrough } from "../../scripts/doctor/goodWrites.ts";
import type { Thing } from "../../scripts/doctor/ground.ts";
import { fromText, known, labelled } from "../../scripts/doctor/mainWorkflows.ts";
import { filledIn, runOfPush } from "../../scripts/doctor/pushedRun.ts";
import { node, plugin, pulumi } from "../../scripts/doctor/tools.ts";
import { newest, seen, swept } from "../../scripts/doctor/wayIn.ts";
import { type Delivery, type Hook, judged, registered } from "../../scripts/doctor/webhook.ts";
import { Refusal } from "../../scripts/tools/installation.ts";
import { manifests, ofKind } from "../support/pulumi/manifests.ts";
import { runTool } from "../support/tool.ts";

const root = resolve(import.meta.dirname, "../..");
const verdicts = (findings: Finding[]) => findings.map(({ verdict }) => verdict);

/** What of scripts/doctor.ts needs no cluster: how it judges what it was told. That it is told so test/doctor shows on a node. */
describe("npm run doctor", function () {
  this.timeout(30_000);

  describe("called", () => {
    let folder: string;
    before(() => {
      folder = mkdtempSync(join(tmpdir(), "rex-tool-"));
      const config = {
        apiVersion: "v1",
        kind: "Config",
        clusters: [10, 11].map((port) => ({ name: `c${port}`, cluster: { server: `https://127.0.0.1:${port}` } })),
        users: [{ name: "u", user: {} }],
        contexts: [
          { name: "production", context: { cluster: "c10", user: "u" } },
          { name: "trial", context: { cluster: "c11", user: "u" } },
        ],
        "current-context": "production",
      };
      writeFileSync(join(folder, "kubeconfig"), JSON.stringify(config));
    });
    after(() => rmSync(folder, { recursive: true, force: true }));

    const doctor = (...args: string[]) =>
      runTool("doctor.ts", args, { KUBECONFIG: join(folder, "kubeconfig"), REX_OUTPUTS: join(folder, "none.json") });

    it("with --help says how, and which exit codes it has", async () => {
      const { exitCode, stdout } = await doctor("--help");
      equal(exitCode, 0);
      match(stdout, /^usage: npm run doctor/);
      match(stdout, /Exit codes:\n {2}0 .*\n {2}1 .*\n {2}2 /);
    });

    const bad: [string, string[], RegExp][] = [
      ["an unknown option", ["--all"], /^doctor: Unknown option '--all'.*; see --help$/],
      [
        "--before and --outputs",
        ["--before", "--outputs", "x"],
        /^doctor: --before and --outputs: .*; give one of them$/,
      ],
      ["--before and --ping", ["--before", "--ping"], /^doctor: --before and --ping: .*; give one of them$/],
      [
        "a stack without a file",
        ["--before", "--stack", "nowhere"],
        /^doctor: --stack: cannot read Pulumi\.nowhere\.yaml \(ENOENT\); /,
      ],
      ["outputs that are not there", [], /^doctor: REX_OUTPUTS: cannot read .*none\.json \(ENOENT\); make it with: /],
      [
        "an unknown context",
        ["--before", "--context", "x"],
        /^doctor: --context: the kubeconfig has no context x; expected one of: production, trial$/,
      ],
    ];
    for (const [what, args, words] of bad) {
      it(`refuses ${what} before anything is looked at`, async () => {
        const { exitCode, stdout, stderr } = await doctor(...args);
        match(stderr.trim(), words);
        deepEqual([exitCode, stdout], [2, ""]);
      });
    }

    it("says so where there is no kubeconfig", async () => {
      const { exitCode, stderr } = await runTool("doctor.ts", ["--before"], { KUBECONFIG: undefined, HOME: folder });
      match(stderr, /^doctor: there is no kubeconfig: the variable KUBECONFIG names none, .*\n$/);
      equal(exitCode, 2);
    });

    describe("on a stack that has its own context", () => {
      const outputs = { namespace: "qa", workflowTemplate: "w", eventSource: "e", sensor: "s" };

      /** In the place of the pulumi command: the stack's outputs, and its context. */
      async function doctorOf(context: string, ...args: string[]): Promise<string> {
        const stub = `#!/bin/sh\ncase $1 in stack) echo '${JSON.stringify(outputs)}' ;; config) echo ${context} ;; esac\n`;
        writeFileSync(join(folder, "pulumi"), stub, { mode: 0o755 });
        const { stdout, stderr } = await runTool("doctor.ts", args, {
          KUBECONFIG: join(folder, "kubeconfig"),
          REX_OUTPUTS: undefined,
          PATH: `${folder}:${process.env.PATH}`,
        });
        return `${stdout}${stderr}`;
      }

      it("looks at that context's cluster, not at the kubeconfig's current one", async () => {
        match(await doctorOf("trial"), /^fail {2}cluster: .* https:\/\/127\.0\.0\.1:11 does not answer/m);
      });

      it("looks at the call's all the same", async () => {
        const said = await doctorOf("trial", "--context", "production");
        match(said, /^fail {2}cluster: .* https:\/\/127\.0\.0\.1:10 does not answer/m);
      });

      it("says whose word it is where the kubeconfig has no such context", async () => {
        equal(
          await doctorOf("staging"),
          "doctor: the stack's configuration, kubernetes:context: the kubeconfig has no context staging; expected one of: production, trial; --context NAME names another, pulumi config set kubernetes:context NAME for good\n",
        );
      });
    });

    it("for a cluster that does not answer, fails once and skips what rests on it", async () => {
      const { exitCode, stdout } = await doctor("--before", "--json");
      equal(exitCode, 1);
      const { lines, counts } = JSON.parse(stdout);
      const failed = lines.filter(
        ({ verdict, what }: Finding & { what: string }) => verdict === "fail" && what !== "Pulumi command",
      );
      deepEqual(failed, [
        {
          what: "cluster",
          verdict: "fail",
          found:
            "cannot read the version: the API server https://127.0.0.1:10 does not answer (connect ECONNREFUSED 127.0.0.1:10)",
          fix: "is it the right cluster? kubectl config current-context says which is meant, --context NAME names another",
        },
      ]);
      const skipped = lines.filter(
        ({ verdict, found }: Finding) => verdict === "skip" && found === "because cluster failed",
      );
      deepEqual([skipped.length, counts.skip >= skipped.length], [9, true]);
    });
  });

  it("begins checks side by side, and what needs another after it", async () => {
    const begun: string[] = [];
    const check = (what: string, finding: Finding, needs: string[] = []): Check => ({
      what,
      needs,
      look: async () => {
        begun.push(what);
        return finding;
      },
    });
    const told: string[] = [];
    await run(
      [
        check("one", pass("well")),
        check("two", fail("ill", "mend it")),
        check("three", pass("well"), ["one"]),
        check("four", pass("well"), ["two"]),
        check("five", pass("well"), ["four"]),
      ],
      (lines) => told.push(...lines.map(asText)),
    );
    deepEqual(told, [
      "pass  one: well",
      "fail  two: ill; fix: mend it",
      "pass  three: well",
      "skip  four: because two failed",
      "skip  five: because two failed",
    ]);
    deepEqual(begun, ["one", "two", "three"]);
  });

  describe("of a stack's file, before installation", () => {
    let folder: string;
    before(() => {
      folder = mkdtempSync(join(tmpdir(), "rex-tool-"));
    });
    after(() => rmSync(folder, { recursive: true, force: true }));

    const whole = [
      "  rex-remediation:repositories: [acme/shop]",
      '  rex-remediation:githubAppId: "123456"',
      "  rex-remediation:githubAppPrivateKey: {secure: v1:abc}",
      "  rex-remediation:webhookSecret: {secure: v1:def}",
      "  rex-remediation:stepsImage: registry.example.com/steps:1",
    ];

    function write(lines: string[], head = ""): string {
      const path = join(folder, "Pulumi.qa.yaml");
      writeFileSync(path, `${head}config:\n${lines.join("\n")}\n`);
      return path;
    }

    const judged = (lines: string[], head?: string) => configuration(write(lines, head), "qa");

    it("has nothing against one that has all that is needed, its secrets encrypted", async () => {
      deepEqual(await judged(whole), [pass("Pulumi.qa.yaml has all that is needed")]);
    });

    it("says each key that is missing or bad, and the command that sets it", async () => {
      const lines = whole.filter((line) => !/webhookSecret|stepsImage/.test(line));
      const bad = ["  rex-remediation:stepImage: registry.example.com/steps:1", "  rex-remediation:gateSeconds: 1m"];
      deepEqual(await judged([...lines, ...bad]), [
        fail('expected a whole number from 5 to 600; got "1m"', "pulumi config set gateSeconds 5", "gateSeconds"),
        warn(
          "expected at least 16 characters, no spaces; got nothing in Pulumi.qa.yaml; without it pulumi up is refused",
          "openssl rand -hex 32 | pulumi config set --secret webhookSecret",
          "webhookSecret",
        ),
        warn(
          `expected ${imageName.expected}; got nothing in Pulumi.qa.yaml; without it pulumi up is refused`,
          `pulumi config set stepsImage ${imageName.example}`,
          "stepsImage",
        ),
        fail("expected a key of this program; did you mean stepsImage?", "pulumi config rm stepImage", "stepImage"),
      ]);
    });

    it("wants secrets encrypted", async () => {
      const plain = whole.map((line) => line.replace(/webhookSecret: .*/, "webhookSecret: 0123456789abcdef"));
      deepEqual(await judged(plain), [
        fail(
          "expected at least 16 characters, no spaces, encrypted; got plain text",
          "openssl rand -hex 32 | pulumi config set --secret webhookSecret",
          "webhookSecret",
        ),
      ]);
    });

    it("leaves to Pulumi what only Pulumi can read", async () => {
      const hidden = whole.map((line) => line.replace(/stepsImage: .*/, "stepsImage: {secure: v1:ghi}"));
      deepEqual(await judged(hidden), [
        warn("it is encrypted, so only Pulumi can tell whether it is right", "pulumi preview --stack qa", "stepsImage"),
      ]);
      const [{ verdict, fix } = fail("", "")] = await judged(whole, "environment: [shared]\n");
      deepEqual([verdict, fix], ["warn", "pulumi preview --stack qa"]);
    });

    it("takes the cluster's context from it", () => {
      write([...whole, "  kubernetes:context: trial"]);
      equal(planned("qa", folder).context, "trial");
      write(whole);
      equal(planned("qa", folder).context, undefined);
    });
  });

  it("knows which versions are too old", () => {
    const image = (name: string) => ({
      metadata: { name: "controller", namespace: "argo" },
      spec: { selector: {}, template: { spec: { containers: [{ name: "c", image: name }] } } },
      status: { readyReplicas: 1 },
    });
    deepEqual(verdicts([node("22.18.9"), node("22.19.0"), node("24.0.1")]), ["fail", "pass", "pass"]);
    deepEqual(verdicts([kubernetes("v1.29.9", "x"), kubernetes("v1.30.0-eks-1", "x"), kubernetes("v1.34.3", "x")]), [
      "fail",
      "pass",
      "pass",
    ]);
    deepEqual(verdicts([pulumi("v2.9.0", "3.270.0"), pulumi("v3.269.9", "3.270.0"), pulumi("v3.270.0", "3.270.0")]), [
      "fail",
      "warn",
      "pass",
    ]);
    const plugins = [{ name: "kubernetes", kind: "resource", version: "4.34.1" }];
    deepEqual(verdicts([plugin([], "4.34.2"), plugin(plugins, "4.34.2"), plugin(plugins, "4.34.1")]), [
      "warn",
      "warn",
      "pass",
    ]);
    deepEqual(
      verdicts(
        ["v1.8.1", "v1.9.11", "latest"].map((tag) =>
          controllers("Argo Events", [image(`quay.io/argoproj/argo-events:${tag}`)]),
        ),
      ),
      ["fail", "pass", "pass"],
    );
    deepEqual(
      verdicts([
        controllers("Argo Workflows", [image("x/workflow-controller:v3.5.9")]),
        controllers("Argo Workflows", []),
      ]),
      ["fail", "warn"],
    );
    deepEqual(
      controllers("Argo Workflows", [{ ...image("x/workflow-controller:v3.7.4"), status: {} }]).verdict,
      "fail",
    );
  });

  it("takes an event bus for ready only if it says so in every respect", () => {
    const bus = (...conditions: object[]) => ({
      metadata: { name: "default", creationTimestamp: "" },
      spec: {},
      status: { conditions },
    });
    const judge = (thing: Thing | undefined, created = false) =>
      eventBus(thing, { name: "default", created, namespace: "qa" });
    const well = { type: "Deployed", status: "True" };
    deepEqual(verdicts([judge(bus(well)), judge(bus()), judge(undefined), judge(undefined, true)]), [
      "pass",
      "fail",
      "fail",
      "pass",
    ]);
    const made = (instance: string) => ({
      ...bus(well),
      metadata: { name: "default", creationTimestamp: "", labels: { "app.kubernetes.io/instance": instance } },
    });
    const own = { name: "default", created: true, prefix: "rex-remediation", namespace: "qa" };
    deepEqual(verdicts([eventBus(made("rex-remediation"), own), eventBus(made("other"), own)]), ["pass", "fail"]);
    deepEqual(
      eventBus(bus(well), own),
      fail(
        "EventBus default is in namespace qa already, and not this stack's, so that pulumi up cannot make it",
        "use it: pulumi config set createEventBus false; or make another: pulumi config set eventBusName NAME",
      ),
    );
    equal(
      judge(
        bus(
          { type: "Deployed", status: "Unknown" },
          { type: "Configured", status: "False", reason: "Why", message: "not so" },
        ),
      ).found,
      "default: not Configured (Why: not so)",
    );
  });

  it("wants of the App's permissions enough, and not more", () => {
    const at = { repository: "acme/shop", app: "https://github.com/apps/x", installation: "https://github.com/x/1" };
    const enough = { contents: "read", metadata: "read", pull_requests: "write" };
    const judge = (more: Record<string, string>) => granted({ ...enough, ...more }, at);
    deepEqual(verdicts([judge({}), judge({ repository_hooks: "write" })]), ["pass", "pass"]);
    deepEqual(judge({ pull_requests: "read" }), {
      verdict: "fail",
      of: "acme/shop",
      found: "it lacks pull_requests: write",
      fix: "grant it: the App's settings, Permissions & events (https://github.com/apps/x), then accept it at https://github.com/x/1",
    });
    deepEqual(
      [judge({ contents: "write", administration: "read" })].map(({ verdict, found }) => [verdict, found]),
      [["warn", "it has more than it needs: contents: write, administration: read"]],
    );
  });

  it("takes the right to take labels off for proved by one answer only", () => {
    const judge = (status: number, said: string) => removed({ status, said }, "acme/shop", 5).verdict;
    deepEqual(
      [
        judge(404, "Label does not exist"),
        judge(404, "Not Found"),
        judge(403, "Resource not accessible by integration"),
        judge(0, ""),
      ],
      ["pass", "fail", "fail", "fail"],
    );
  });

  describe("of webhooks", () => {
    const hook = (more: Partial<Hook> = {}, config: Partial<Hook["config"]> = {}): Hook => ({
      kind: "repository",
      id: 7,
      active: true,
      events: ["push"],
      config: {
        url: "https://hooks.example.com/push",
        content_type: "json",
        insecure_ssl: "0",
        secret: "********",
        ...config,
      },
      ...more,
    });
    const at = { repository: "acme/shop", webhookUrl: "https://hooks.example.com/push", unseen: [] as string[] };

    it("names everything that is wrong with the one that there is", () => {
      equal(registered([hook()], at).verdict, "pass");
      const wrong = hook({ active: false, events: ["issues"] }, { content_type: "form", secret: "" });
      equal(
        registered([wrong], at).found,
        "the repository's, 7: it is not active; it sends issues, not push; its content type is form, not json; it has no secret, so nothing it sends is signed",
      );
      equal(registered([hook({}, { insecure_ssl: "1" })], at).verdict, "warn");
      equal(registered([hook({ events: ["*"] })], at).verdict, "pass");
    });

    it("names where others go, without what may be secret in it", () => {
      const other = hook({}, { url: "https://me:pw@other.example.com/push?token=x" });
      equal(
        registered([other], at).found,
        "none sends to https://hooks.example.com/push; there is one to https://other.example.com/push",
      );
    });

    it("does not call one missing that it may not see", () => {
      equal(
        registered([], { ...at, unseen: ["the repository's (403: Resource not accessible by integration)"] }).verdict,
        "warn",
      );
      equal(registered([], at).verdict, "fail");
    });

    it("takes the secret for proved only by a delivery of the present one", () => {
      const delivery = (status_code: number, delivered_at: string): Delivery => ({
        id: 1,
        guid: "g",
        event: "push",
        status: "OK",
        status_code,
        delivered_at,
      });
      const [early, late] = ["2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"];
      const judge = (...all: Delivery[]) => judged(all, { repository: "acme/shop", since: "2026-01-01T12:00:00Z" });
      deepEqual(
        verdicts([
          judge(),
          judge(delivery(200, early)),
          judge(delivery(200, late)),
          judge(delivery(400, late)),
          judge(delivery(0, late)),
          judge(delivery(400, early), delivery(200, late)),
        ]),
        ["warn", "warn", "pass", "fail", "fail", "warn"],
      );
      match(judge(delivery(400, late)).found, /the secrets differ$/);
      match(judge(delivery(0, late)).found, /reached nobody/);
    });
  });

  describe("of what has to be let through", () => {
    const push = {
      task: "3",
      before: "a".repeat(40),
      after: "b".repeat(40),
      repository: "acme/shop",
      pushedAt: 1_767_225_600,
    };

    it("fills in a Sensor's templates as Argo Events does, and says so where it cannot", () => {
      deepEqual(
        [
          "rex-{{ .Input.task }}-{{ substr 0 12 .Input.after }}-{{ substr 0 8 .Input.before }}",
          '{{ trunc 3 .Input.after }}-{{ printf "salt %s %d" .Input.task (int64 .Input.pushedAt) | sha256sum | trunc 12 }}',
        ].map((template) => filledIn(template, push)),
        ["rex-3-bbbbbbbbbbbb-aaaaaaaa", "bbb-505069fcf697"],
      );
      for (const template of ["{{ .Input.branch }}", "{{ env .Input.task }}", "{{ .Input.task .Input.after }}"]) {
        throws(() => filledIn(template, push), /^Error: what the Sensor fills in is not known here: /);
      }
    });

    it("makes the very object that the program's Sensor makes of a push", async () => {
      const { metadata, spec } = ofKind(await manifests({ name: "rex", namespace: "qa" }), "Sensor");
      const run = runOfPush({ metadata: { ...metadata, creationTimestamp: "" }, spec }, push);
      const { name, ownerReferences, ...rest } = run.metadata as Record<string, unknown>;
      match(`${name}`, /^rex-3-b/);
      equal((ownerReferences as unknown[]).length, 1);
      deepEqual(
        { ...run, metadata: rest },
        {
          apiVersion: "argoproj.io/v1alpha1",
          kind: "Workflow",
          metadata: {
            namespace: "qa",
            labels: {
              "app.kubernetes.io/name": "rex-remediation",
              "app.kubernetes.io/instance": "rex",
              "app.kubernetes.io/component": "remediation",
              "rex-remediation/task": "3",
            },
          },
          spec: {
            workflowTemplateRef: { name: "rex" },
            priority: 1_767_225_600,
            arguments: {
              parameters: [
                { name: "task", value: "3" },
                { name: "before", value: "a".repeat(40) },
                { name: "after", value: "b".repeat(40) },
                { name: "repository", value: "acme/shop" },
                { name: "pushed-at", value: "1767225600" },
              ],
            },
          },
        },
      );
    });

    it("tells what was refused from what could not be tried", () => {
      const judge = (said: string) =>
        letThrough(said, {
          of: "a push's run",
          account: "rex-sensor",
          otherwise: "a push gets no run",
          fix: "mend it",
        });
      deepEqual(
        [
          "it would have been done",
          'the API server says 403: users "x" is forbidden: User "me" cannot impersonate resource "users"',
          "the API server says 400: admission webhook x does not support dry run",
          'the API server says 403: workflows is forbidden: User "x" cannot create resource "workflows" in API group "argoproj.io"',
          "the API server says 403: ValidatingAdmissionPolicy x denied request: no",
          "the API server says 500: failed calling webhook x",
        ].map((said) => [judge(said).verdict, judge(said).found.split(":")[0]]),
        [
          ["pass", "rex-sensor is let through"],
          ["warn", "not checked"],
          ["warn", "not checked"],
          ["skip", "not checked"],
          ["fail", "a push gets no run"],
          ["fail", "a push gets no run"],
        ],
      );
    });

    it("names what somebody else changes on the way in, and not what the API server sets", () => {
      const sent = { metadata: { name: "x", labels: { a: "1" } }, spec: { priority: 1 } };
      const stored = {
        metadata: { name: "x", uid: "u", generation: 1, labels: { a: "1", b: "2" }, finalizers: ["f"] },
        spec: { priority: 2 },
      };
      deepEqual(changed(sent, stored), ["metadata.labels.b", "metadata.finalizers", "spec.priority"]);
    });
  });

  it("tells the last push from what people and the sweep started", () => {
    const made = (name: string, day: number, labels: Record<string, string>, after: string) => ({
      metadata: { name, creationTimestamp: `2026-01-0${day}T00:00:00Z`, labels },
      spec: { arguments: { parameters: [{ name: "after", value: after }] } },
    });
    const push = made("by-push", 1, { "rex-remediation/outcome": "remediated" }, "abc");
    const others = [made("by-hand", 2, {}, ""), made("by-sweep", 3, { "rex-remediation/swept": "1" }, "def")];
    deepEqual(newest([...others, push], "qa"), pass("2026-01-01T00:00:00Z, run by-push: remediated"));
    equal(newest(others, "qa").verdict, "warn");
  });

  it("finds runs that no controller of Argo's looks at, and an instance ID that is not that of the main workflows", () => {
    const now = Date.parse("2026-01-01T00:10:00Z");
    const made = (name: string, minute: number, phase?: string, id?: string): Thing => ({
      metadata: {
        name,
        creationTimestamp: `2026-01-01T00:0${minute}:00Z`,
        labels: id === undefined ? {} : { "workflows.argoproj.io/controller-instanceid": id },
      },
      spec: {},
      ...(phase !== undefined && { status: { phase } }),
    });
    const judge = (own: Thing[], main: Thing[], argoInstanceId?: string) =>
      seen(own, main, { namespace: "qa", argoInstanceId, now });
    deepEqual(judge([made("run", 8, "Running")], [made("play", 1, "Running")]), pass("none"));
    deepEqual(judge([made("run", 9, undefined)], []), pass("none"));
    deepEqual(judge([], [made("play", 1, "Running", "prod"), made("old", 1, "Failed")], "prod"), pass("prod"));
    const unseen = judge([made("run", 8)], []);
    equal(unseen.verdict, "fail");
    match(
      unseen.found,
      /^no controller has looked at run since 2026-01-01T00:08:00Z, which has no instance ID: .* another instanceID$/,
    );
    match(unseen.fix ?? "", /pulumi config set argoInstanceId ID, then pulumi up/);
    match(unseen.fix ?? "", /kubectl -n qa label workflow run workflows\.argoproj\.io\/controller-instanceid=ID$/);
    const main = judge([made("run", 8)], [made("play", 1, "Running", "prod")]);
    match(main.fix ?? "", /^pulumi config set argoInstanceId prod, then pulumi up; /);
    deepEqual(
      judge([], [made("play", 1, "Running", "prod")]),
      warn(
        "the runs have no instance ID, but main workflow play, which is at work, has the instance ID prod: perhaps no controller takes the runs",
        "pulumi config set argoInstanceId prod, then pulumi up",
      ),
    );
    deepEqual(judge([], [made("play", 1, "Running")], "prod").fix, "pulumi config rm argoInstanceId, then pulumi up");
  });

  it("finds a sweep that is suspended, or failed last", () => {
    const cron = (spec: object) => ({
      metadata: { name: "s", creationTimestamp: "" },
      spec: { schedules: ["@hourly"], ...spec },
    });
    const ended = (phase: string, finishedAt: string) => ({
      metadata: { name: "s-1", creationTimestamp: "" },
      spec: {},
      status: { phase, finishedAt },
    });
    const runs = [ended("Failed", "2026-01-01T00:00:00Z"), ended("Succeeded", "2026-01-02T00:00:00Z")];
    deepEqual(
      verdicts([
        swept(cron({}), runs, "qa"),
        swept(cron({}), runs.slice(0, 1), "qa"),
        swept(cron({}), [], "qa"),
        swept(cron({ suspend: true }), runs, "qa"),
      ]),
      ["pass", "fail", "pass", "fail"],
    );
  });

  it("wants the stages and labels in use to be the configured ones", () => {
    const platform = planned(undefined);
    const workflow = (stage: string | undefined, phase = "Running"): Thing => ({
      metadata: {
        name: "play-1",
        creationTimestamp: "",
        labels: stage === undefined ? {} : { "current-stage": stage },
      },
      spec: {},
      status: { phase },
    });
    const judge = (...all: Thing[]) => known(all, platform, "qa");
    deepEqual(
      verdicts([
        judge(),
        judge(workflow("waiting-pr-created")),
        judge(workflow("elsewhere")),
        judge(workflow(undefined)),
        judge(workflow("elsewhere", "Failed")),
      ]),
      ["pass", "pass", "fail", "fail", "pass"],
    );
    const codeRun = (labels: Record<string, string>) => ({
      metadata: { name: "c", creationTimestamp: "", labels },
      spec: {},
    });
    const kind = (...all: Thing[]) => labelled(all, "coderuns.agents.platform", platform).verdict;
    deepEqual(
      [
        kind(),
        kind(codeRun({ "task-id": "3", "github-app": "5DLabs-Cleo" })),
        kind(codeRun({ "github-app": "5DLabs-Cleo" })),
        kind(codeRun({ "task-id": "3" })),
      ],
      ["pass", "pass", "fail", "fail"],
    );
  });

  it("reads a stack's configuration over the defaults", () => {
    const { namespace, eventBus: bus, agents, stages } = planned("dev");
    deepEqual(
      [namespace, bus, agents],
      [
        "agent-platform",
        { name: "default", created: false, prefix: "rex-remediation" },
        ["5DLabs-Cleo", "5DLabs-Tess"],
      ],
    );
    equal(stages.length, 6);
  });

  describe("of the main workflow's contract", () => {
    const example = readFileSync(join(root, "examples/play-workflow.yaml"), "utf8");
    const look = (text: string) => contract(fromText(text, "play.yaml"), planned(undefined));

    it("finds that the example keeps it", () => {
      const findings = look(example);
      deepEqual(
        verdicts(findings),
        findings.map(() => "pass"),
      );
      equal(findings.length, 9);
    });

    const cleo =
      "            arguments: { parameters: [{ name: agent, value: cleo }, { name: github-app, value: 5DLabs-Cleo }] }\n            continueOn: { failed: true, error: true }\n";
    const gateAfterCleo = "        - - name: ready-for-qa\n            template: gate\n";
    const again =
      "            template: round\n            when: \"'{{workflow.labels.current-stage}}' == 'waiting-pr-created'\"\n";
    /** A text of the example, what stands there instead, the rule that it breaks, and what is said of it. */
    const broken: [string, string, string, string, string][] = [
      [
        "no gate",
        "      suspend: {}\n",
        "      steps: []\n",
        "leads from each agent to a gate",
        "it has no suspend template, so that it never stands at a gate",
      ],
      [
        "an agent that ends it when cancelled",
        cleo,
        cleo.replace(/ *continueOn.*\n/, ""),
        "survives a cancelled agent",
        "quality/cleo ends the workflow when its CodeRun is deleted",
      ],
      [
        "an agent that comes back",
        "      podSpecPatch: &restricted |",
        "      retryStrategy: { limit: 2 }\n      podSpecPatch: &restricted |",
        "does not bring the agent back",
        "the retryStrategy of agent makes a cancelled CodeRun again",
      ],
      [
        "an agent without a gate after it",
        gateAfterCleo,
        "",
        "leads from each agent to a gate",
        "after quality/cleo the gate depends on a condition",
      ],
      [
        "no step at the reset stage",
        again,
        '            template: round\n            when: "false"\n',
        "routes by the stage label",
        "no step is taken when workflow.labels.current-stage is waiting-pr-created, so that nothing begins again",
      ],
      [
        "a comparison without quotes",
        again,
        again.replace("'{{workflow.labels.current-stage}}'", "{{workflow.labels.current-stage}}"),
        "routes by the stage label",
        "round/again compares it without quotes",
      ],
      [
        "a second gate beside the first",
        gateAfterCleo,
        `${gateAfterCleo}          - name: other\n            template: gate\n`,
        "one gate at a time",
        "quality/ready-for-qa and quality/other come to a gate side by side",
      ],
      [
        "CodeRuns without their task",
        '              task-id: "{{workflow.parameters.task}}"\n',
        "",
        "its CodeRuns",
        "template agent makes them without task-id",
      ],
      [
        "CodeRuns of one name",
        "            generateName: {{inputs.parameters.agent}}-task-{{workflow.parameters.task}}-",
        "            name: {{inputs.parameters.agent}}-task-{{workflow.parameters.task}}",
        "its CodeRuns",
        "template agent gives them a name that an earlier round has taken",
      ],
      [
        "a question without a default",
        "      suspend: {}\n",
        "      suspend: {}\n      outputs: { parameters: [{ name: who, valueFrom: { supplied: {} } }] }\n",
        "gates without questions",
        "gate gate asks for who, which has no default",
      ],
      [
        "a stage that nobody knows",
        "value: waiting-pr-approved",
        "value: waiting-for-nobody",
        "its stages",
        "it sets current-stage to waiting-for-nobody; stages has implementation-in-progress, waiting-pr-created, quality-in-progress, waiting-ready-for-qa, testing-in-progress, waiting-pr-approved",
      ],
    ];
    for (const [what, from, to, rule, found] of broken) {
      it(`finds ${what}`, () => {
        equal(example.split(from).length, 2, "the example has it once");
        const failed = look(example.replace(from, () => to)).filter(({ verdict }) => verdict !== "pass");
        deepEqual(
          failed.map(({ of, found: said }) => [of, said]),
          [[rule, found]],
        );
        ok(failed.every(({ fix }) => fix));
      });
    }

    it("refuses a file that holds none", () => {
      for (const [text, words] of [
        ["kind: ConfigMap", /expected one Workflow or WorkflowTemplate in x\.yaml; got 0/],
        ["a: [", /x\.yaml is no YAML/],
      ] as const) {
        let said: unknown;
        try {
          fromText(text, "x.yaml");
        } catch (error) {
          said = error;
        }
        ok(said instanceof Refusal);
        match(said.message, words);
      }
    });
  });
});
