import { deepEqual, equal, match, ok, rejects, throws } from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { ApiException, KubeConfig } from "@kubernetes/client-node";
import { controllers, eventBus } from "../../../cli/doctor/argo.ts";
import { PlannedContext, planned } from "../../../cli/doctor/beforeInstall.ts";
import { type Check, type Finding, fail, pass, type Result, run, skip, warn } from "../../../cli/doctor/check.ts";
import { checksBefore } from "../../../cli/doctor/checks.ts";
import { clusterCheck, kubernetes } from "../../../cli/doctor/cluster.ts";
import { blocking, labelled } from "../../../cli/doctor/codeRuns.ts";
import { configuration } from "../../../cli/doctor/configuration.ts";
import type { ClusterObject } from "../../../cli/doctor/context.ts";
import { contract } from "../../../cli/doctor/contract.ts";
import { archivedLogsCheck, configOf, controllersOf, workflowsAtOnceCheck } from "../../../cli/doctor/controller.ts";
import { granted, removed } from "../../../cli/doctor/githubApp.ts";
import { changed, judged as letThrough } from "../../../cli/doctor/goodWrites.ts";
import { fromText } from "../../../cli/doctor/mainWorkflow.ts";
import { runOfPush } from "../../../cli/doctor/pushedRun.ts";
import { asText } from "../../../cli/doctor/report.ts";
import { newest, seen, swept } from "../../../cli/doctor/route.ts";
import { known } from "../../../cli/doctor/stages.ts";
import { node, plugin, pulumi } from "../../../cli/doctor/tools.ts";
import { judged, registered } from "../../../cli/doctor/webhook.ts";
import { asRead } from "../../../cli/doctor/webhookSecret.ts";
import { statusOf } from "../../../cli/lib/apiServerStatus.ts";
import { ApiServerRefusal, Refusal } from "../../../cli/lib/installation.ts";
import { webhookSecretOf } from "../../../cli/lib/settings.ts";
import { type Delivery, type Hook, repositoryHooks } from "../../../cli/lib/webhooks.ts";
import { imageName } from "../../../config/kinds.ts";
import { type ApiAnswer, ApiServerDouble } from "../../support/apiServerDouble.ts";
import { manifests, ofKind } from "../../support/pulumi/manifests.ts";
import { callTool } from "../../support/tool.ts";

const root = resolve(import.meta.dirname, "../../..");
const verdicts = (findings: Finding[]) => findings.map(({ verdict }) => verdict);

/** The parts of scripts/rex doctor that need no cluster: how it judges what it reads. test/cli/doctor covers the reading, on a node. */
describe("scripts/rex doctor", function () {
  this.timeout(120_000);

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
      callTool("doctor", args, { KUBECONFIG: join(folder, "kubeconfig"), REX_OUTPUTS: join(folder, "none.json") });

    it("with --help explains itself and its exit codes", async () => {
      const { exitCode, stdout } = await callTool("doctor", ["--help"]);
      equal(exitCode, 0);
      match(stdout, /^usage: scripts\/rex doctor/);
      match(stdout, /Exit codes:\n {2}0 .*\n {2}1 .*\n {2}2 /);
    });

    const bad: [string, string[], RegExp][] = [
      ["an unknown option", ["--all"], /^doctor: Unknown argument: all; see scripts\/rex doctor --help$/],
      [
        "--before and --outputs",
        ["--before", "--outputs", "x"],
        /^doctor: --before and --outputs: .*; give only one of them$/,
      ],
      ["--before and --ping", ["--before", "--ping"], /^doctor: --before and --ping: .*; give only one of them$/],
      [
        "a stack without a file",
        ["--before", "--stack", "nowhere"],
        /^doctor: --stack: cannot read \S+Pulumi\.nowhere\.yaml \(ENOENT\); /,
      ],
      ["outputs that do not exist", [], /^doctor: REX_OUTPUTS: cannot read .*none\.json \(ENOENT\); create it with: /],
      [
        "an unknown context",
        ["--before", "--context", "x"],
        /^doctor: --context: the kubeconfig has no context x; expected one of: production, trial$/,
      ],
    ];
    for (const [what, args, words] of bad) {
      it(`refuses ${what} before it checks anything`, async () => {
        const { exitCode, stdout, stderr } = await doctor(...args);
        match(stderr.trim(), words);
        deepEqual([exitCode, stdout], [2, ""]);
      });
    }

    it("refuses to run without a kubeconfig", async () => {
      const { exitCode, stderr } = await callTool("doctor", ["--before"], { KUBECONFIG: undefined, HOME: folder });
      match(stderr, /^doctor: there is no kubeconfig: the variable KUBECONFIG is not set, .*\n$/);
      equal(exitCode, 2);
    });

    describe("on a stack with its own context", () => {
      const outputs = { namespace: "qa", workflowTemplate: "w", eventSource: "e", sensor: "s" };

      /** Runs the doctor with a stub instead of the pulumi command, which prints the stack's outputs and its context. */
      async function doctorOf(context: string, ...args: string[]): Promise<string> {
        const stub = `#!/bin/sh\ncase $1 in stack) echo '${JSON.stringify(outputs)}' ;; config) echo ${context} ;; esac\n`;
        writeFileSync(join(folder, "pulumi"), stub, { mode: 0o755 });
        const { stdout, stderr } = await callTool("doctor", args, {
          KUBECONFIG: join(folder, "kubeconfig"),
          REX_OUTPUTS: undefined,
          PATH: `${folder}:${process.env.PATH}`,
        });
        return `${stdout}${stderr}`;
      }

      it("uses the cluster of that context, not of the kubeconfig's current one", async () => {
        match(await doctorOf("trial"), /^fail {2}cluster: .* https:\/\/127\.0\.0\.1:11 does not answer/m);
      });

      it("prefers the context on the command line", async () => {
        const said = await doctorOf("trial", "--context", "production");
        match(said, /^fail {2}cluster: .* https:\/\/127\.0\.0\.1:10 does not answer/m);
      });

      it("says where the context comes from if the kubeconfig does not have it", async () => {
        equal(
          await doctorOf("staging"),
          "doctor: the stack's configuration, kubernetes:context: the kubeconfig has no context staging; expected one of: production, trial; choose another with --context NAME, or permanently with pulumi config set kubernetes:context NAME\n",
        );
      });
    });

    it("fails once if the cluster does not answer, and skips the checks that depend on it", async () => {
      const { exitCode, stdout } = await doctor("--before", "--json");
      equal(exitCode, 1);
      const { results, counts } = JSON.parse(stdout);
      const failed = results.filter(({ verdict, check }: Result) => verdict === "fail" && check !== "Pulumi command");
      deepEqual(failed, [
        {
          check: "cluster",
          verdict: "fail",
          found:
            "cannot read the version: the API server https://127.0.0.1:10 does not answer (connect ECONNREFUSED 127.0.0.1:10)",
          fix: "is it the right cluster? kubectl config current-context shows the current one, --context NAME chooses another",
        },
      ]);
      const skipped = results.filter(
        ({ verdict, found, skippedFor }: Result) =>
          verdict === "skip" && found === "because cluster failed" && skippedFor === "cluster",
      );
      const needsCluster = ({ needs = [] }: Check): boolean =>
        needs.some((need) => need === clusterCheck || needsCluster(need));
      deepEqual(
        skipped.map(({ check }: Result) => check),
        checksBefore(undefined)
          .filter(needsCluster)
          .map(({ name }) => name),
      );
      ok(counts.skip >= skipped.length);
    });
  });

  describe("runs checks", () => {
    const begun: string[] = [];
    const check = (name: string, finding: Finding | Error, needs: Check<unknown>[] = []): Check<unknown> => ({
      name,
      needs,
      look: async () => {
        begun.push(name);
        if (finding instanceof Error) throw finding;
        return finding;
      },
    });
    const linesOf = async (...checks: Check<unknown>[]): Promise<string[]> => {
      const lines: string[] = [];
      await run(checks, undefined, (results) => lines.push(...results.map(asText)));
      return lines;
    };
    beforeEach(() => begun.splice(0));

    it("in parallel, but a check only after those that it needs", async () => {
      const one = check("one", pass("well"));
      const two = check("two", fail("ill", "mend it"));
      const four = check("four", pass("well"), [two]);
      deepEqual(
        await linesOf(one, two, check("three", pass("well"), [one]), four, check("five", pass("well"), [four])),
        [
          "pass  one: well",
          "fail  two: ill; fix: mend it",
          "pass  three: well",
          "skip  four: because two failed",
          "skip  five: because two failed",
        ],
      );
      deepEqual(begun, ["one", "two", "three"]);
    });

    it("with the original reason if a check that they need was skipped", async () => {
      const one = check("one", skip("because there is nothing to look at"));
      const two = check("two", pass("well"), [one]);
      deepEqual(await run([one, two, check("three", pass("well"), [two])], undefined, () => {}), [
        { check: "one", verdict: "skip", found: "because there is nothing to look at" },
        { check: "two", verdict: "skip", found: "because there is nothing to look at", skippedFor: "one" },
        { check: "three", verdict: "skip", found: "because there is nothing to look at", skippedFor: "one" },
      ]);
    });

    it("only if every needed check comes before", async () => {
      const one = check("one", pass("well"));
      const two = check("two", pass("well"), [one]);
      for (const checks of [[two], [two, one]]) {
        await rejects(
          run(checks, undefined, () => {}),
          /^Error: two needs one, which is not run before it$/,
        );
      }
      deepEqual(begun, []);
    });

    it("and separates the finding from the fix, and a fault from a missing permission", async () => {
      const refused = (status: number) => new ApiServerRefusal(`no; not even so (${status})`, { status, fix: "ask" });
      deepEqual(
        await linesOf(
          check("one", new Refusal("a; b", "c; d")),
          { ...check("two", new Refusal("a; b")), defaultFix: "mend it" },
          check("three", refused(500)),
          check("four", refused(403)),
        ),
        [
          "fail  one: a; b; fix: c; d",
          "fail  two: a; b; fix: mend it",
          "fail  three: no; not even so (500); fix: ask",
          "warn  four: cannot be checked: no; not even so (403); ask; fix: run this as a user with that permission",
        ],
      );
    });
  });

  describe("of a stack's file, before the installation", () => {
    let folder: string;
    before(() => {
      folder = mkdtempSync(join(tmpdir(), "rex-tool-"));
    });
    after(() => rmSync(folder, { recursive: true, force: true }));

    const whole = [
      "  rex-remediation:repositories: [acme/shop]",
      '  rex-remediation:githubApp: {id: "123456"}',
      "  rex-remediation:githubAppPrivateKey: {secure: v1:abc}",
      "  rex-remediation:webhookSecret: {secure: v1:def}",
      "  rex-remediation:steps: {image: registry.example.com/steps:1}",
    ];

    function write(lines: string[], head = ""): string {
      const path = join(folder, "Pulumi.qa.yaml");
      writeFileSync(path, `${head}config:\n${lines.join("\n")}\n`);
      return path;
    }

    const judged = (lines: string[], head?: string) => configuration(write(lines, head), "qa");

    it("accepts a file with all required values and encrypted secrets", async () => {
      deepEqual(await judged(whole), [pass("Pulumi.qa.yaml has every required value, and all values are valid")]);
    });

    it("reports each missing or bad key, with the command that sets it", async () => {
      const lines = whole.filter((line) => !/webhookSecret|steps/.test(line));
      const bad = ["  rex-remediation:stepImage: x/steps:1", "  rex-remediation:steps: {gateTimeoutSeconds: 1m}"];
      deepEqual(await judged([...lines, ...bad]), [
        warn(
          `expected ${imageName.expected}; Pulumi.qa.yaml has no value, and pulumi up refuses to run without one`,
          `pulumi config set --path steps.image ${imageName.example}`,
          "steps.image",
        ),
        fail(
          'expected a whole number from 5 to 600; got "1m"',
          "pulumi config set --path steps.gateTimeoutSeconds 5",
          "steps.gateTimeoutSeconds",
        ),
        warn(
          "expected at least 16 characters, no spaces; Pulumi.qa.yaml has no value, and pulumi up refuses to run without one",
          "openssl rand -hex 32 | pulumi config set --secret webhookSecret",
          "webhookSecret",
        ),
        fail("expected a key of this program; got an unknown key", "pulumi config rm stepImage", "stepImage"),
      ]);
    });

    it("requires secrets to be encrypted", async () => {
      const plain = whole.map((line) => line.replace(/webhookSecret: .*/, "webhookSecret: 0123456789abcdef"));
      deepEqual(await judged(plain), [
        fail(
          "expected at least 16 characters, no spaces, encrypted; got plain text",
          "openssl rand -hex 32 | pulumi config set --secret webhookSecret",
          "webhookSecret",
        ),
      ]);
    });

    it("does not check what only Pulumi can read", async () => {
      const hidden = whole.map((line) => line.replace(/image: .*/, "image: {secure: v1:ghi}}"));
      deepEqual(await judged(hidden), [
        warn(
          "not checked: the value is encrypted, so only Pulumi can read it",
          "pulumi preview --stack qa",
          "steps.image",
        ),
      ]);
      const [{ verdict, fix } = fail("", "")] = await judged(whole, "environment: [shared]\n");
      deepEqual([verdict, fix], ["warn", "pulumi preview --stack qa"]);
    });

    it("reads the cluster's context from the file", () => {
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

  it("accepts an event bus only if all its conditions are true", () => {
    const bus = (...conditions: object[]) => ({
      metadata: { name: "default", creationTimestamp: "" },
      spec: {},
      status: { conditions },
    });
    const judge = (thing: ClusterObject | undefined, created = false) =>
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
        "namespace qa already has an EventBus default that does not belong to this stack, so pulumi up cannot create it",
        "to use it: pulumi config set --path eventBus.create false; to create another one: pulumi config set --path eventBus.name NAME",
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

  it("requires exactly the App's permissions that are needed", () => {
    const at = { repository: "acme/shop", app: "https://github.com/apps/x", installation: "https://github.com/x/1" };
    const enough = { contents: "read", metadata: "read", pull_requests: "write" };
    const judge = (more: Record<string, string>) => granted({ ...enough, ...more }, at);
    deepEqual(verdicts([judge({}), judge({ repository_hooks: "write" })]), ["pass", "pass"]);
    deepEqual(judge({ pull_requests: "read" }), {
      verdict: "fail",
      of: "acme/shop",
      found: "the App lacks pull_requests: write",
      fix: "grant it: the App's settings, Permissions & events (https://github.com/apps/x), then accept it at https://github.com/x/1",
    });
    deepEqual(
      [judge({ contents: "write", administration: "read" })].map(({ verdict, found }) => [verdict, found]),
      [["warn", "the App has more permissions than it needs: contents: write, administration: read"]],
    );
  });

  it("accepts only one answer as proof of the right to remove labels", () => {
    const judge = (status: number, said: string) => removed({ status, said }, "acme/shop", 5).verdict;
    deepEqual(
      [
        judge(404, "Label does not exist"),
        judge(404, "Not Found"),
        judge(403, "Resource not accessible by integration"),
        judge(0, ""),
        removed(undefined, "acme/shop", 5).verdict,
      ],
      ["pass", "fail", "fail", "fail", "fail"],
    );
  });

  describe("of webhooks", () => {
    const place = repositoryHooks("acme/shop", undefined as never);
    const hook = (more: Partial<Hook> = {}): Hook => ({
      place,
      id: 7,
      name: "acme/shop: webhook 7",
      path: `${place.path}/7`,
      active: true,
      events: ["push"],
      url: "https://hooks.example.com/push",
      contentType: "json",
      insecureSsl: "0",
      hasSecret: true,
      ...more,
    });
    const at = { repository: "acme/shop", webhookUrl: "https://hooks.example.com/push", unseen: [] as string[] };

    it("names every wrong setting of the webhook", () => {
      equal(registered([hook()], at).verdict, "pass");
      const wrong = hook({ active: false, events: ["issues"], contentType: "form", hasSecret: false });
      equal(
        registered([wrong], at).found,
        "the repository's, 7: active is false, not true; content_type is form, not json; secret is none, not set; events is issues, not push",
      );
      equal(registered([hook({ insecureSsl: "1" })], at).verdict, "warn");
      equal(registered([hook({ events: ["*"] })], at).verdict, "pass");
    });

    it("names the URLs of other webhooks, without possible secrets in them", () => {
      const other = hook({ url: "https://me:pw@other.example.com/push?token=x" });
      equal(
        registered([other], at).found,
        "no webhook sends to https://hooks.example.com/push; there are webhooks to https://other.example.com/push",
      );
    });

    it("does not report a webhook as missing if it may not read all webhooks", () => {
      equal(
        registered([], { ...at, unseen: ["the repository's (403: Resource not accessible by integration)"] }).verdict,
        "warn",
      );
      equal(registered([], at).verdict, "fail");
    });

    it("accepts only a delivery with the current secret as proof of the secret", () => {
      const delivery = (statusCode: number, deliveredAt: string): Delivery => ({
        id: 1,
        guid: "g",
        event: "push",
        action: null,
        redelivery: false,
        status: "OK",
        statusCode,
        deliveredAt,
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
      equal(
        judge(delivery(200, late)).found,
        `the last delivery, a push at ${late}, was answered 200: it was accepted, so the signature is right`,
      );
      match(
        judge(delivery(400, late)).found,
        /, was answered 400: the EventSource refuses it: the signature is wrong, /,
      );
      match(judge(delivery(0, late)).found, /, was not answered: GitHub got no answer \(OK\): /);
    });
  });

  describe("of the ConfigMap of Argo Workflows' controller", () => {
    let api: ApiServerDouble;
    before(async () => {
      api = await ApiServerDouble.open({});
    });
    after(() => api.close());

    /** What the API server has in a test case. A number is the status code of a refusal. */
    interface Has {
      /** By namespace/name. */
      configMaps?: Record<string, { data?: Record<string, string>; annotations?: Record<string, string> } | number>;
      /** Arguments of the controller in namespace argo; undefined: there is no Deployment of it. */
      controller?: string[] | number;
      image?: string;
      label?: string;
      /** Main workflows, by whether they wait at a gate. */
      mainWorkflows?: boolean[];
      /** How many other workflows run in the namespace, and elsewhere. */
      others?: [number, number];
      /** Messages of the pending workflows in the namespace. */
      pending?: string[];
      /** Status code of a refused list of all namespaces. */
      allNamespaces?: number;
    }

    const instance = "workflows.argoproj.io/controller-instanceid";
    const postponed = "Workflow processing has been postponed because too many workflows are already running";
    const waysOut = 'docs/troubleshooting.md, "Too many workflows are running"';

    function answers(has: Has, whose: string): void {
      const node = (phase: string) => ({ a: { type: "Suspend", phase: "Succeeded" }, b: { type: "Suspend", phase } });
      const main = (has.mainWorkflows ?? []).map((waits) => ({
        metadata: {},
        spec: {},
        status: { nodes: node(waits ? "Running" : "Succeeded") },
      }));
      const [here = 0, elsewhere = 0] = has.others ?? [];
      const items = (some: object[]): ApiAnswer => ({ code: 200, body: { metadata: {}, items: some } });
      const refused = (code: number): ApiAnswer => ({ code, body: { message: `not for you` } });
      const workflows = (selector: string, everywhere: boolean): ApiAnswer => {
        if (selector === "workflow-type=play-orchestration,workflows.argoproj.io/phase=Running") return items(main);
        if (selector === `workflows.argoproj.io/phase=Running,${whose}`) {
          return items(Array.from({ length: main.length + here + (everywhere ? elsewhere : 0) }, () => ({})));
        }
        if (selector === `workflows.argoproj.io/phase=Pending,${whose}`) {
          return items((has.pending ?? []).map((message) => ({ status: { message } })));
        }
        return refused(400);
      };
      api.answers = (request, query) => {
        const selector = query.get("labelSelector") ?? "";
        const [, at, name] = /^GET \/api\/v1\/namespaces\/([^/]+)\/configmaps\/(.+)$/.exec(request) ?? [];
        if (at !== undefined) {
          const found = has.configMaps?.[`${at}/${name}`];
          if (typeof found === "number") return refused(found);
          if (found === undefined) return refused(404);
          return { code: 200, body: { metadata: { annotations: found.annotations }, data: found.data } };
        }
        switch (request) {
          case "GET /apis/apps/v1/deployments":
            if (typeof has.controller === "number") return refused(has.controller);
            return items(has.controller === undefined ? [] : [controller(has.controller, has.image)]);
          case "GET /api/v1/namespaces/qa":
            return { code: 200, body: { metadata: { labels: has.label && { [limitLabel]: has.label } } } };
          case "GET /apis/argoproj.io/v1alpha1/namespaces/qa/workflows":
            return workflows(selector, false);
          case "GET /apis/argoproj.io/v1alpha1/workflows":
            return has.allNamespaces === undefined ? workflows(selector, true) : refused(has.allNamespaces);
        }
        return refused(404);
      };
    }

    const limitLabel = "workflows.argoproj.io/parallelism-limit";
    const controller = (args: string[], image = "quay.io/argoproj/workflow-controller:v3.7.4") => ({
      metadata: { name: "workflow-controller", namespace: "argo" },
      spec: { selector: {}, template: { spec: { containers: [{ name: "c", image, args }] } } },
    });

    /** @param whose label selector of the controller's workflows */
    async function look(has: Has, whose = `!${instance}`): Promise<string[]> {
      answers(has, whose);
      const config = new KubeConfig();
      config.loadFromFile(api.environment.KUBECONFIG ?? "");
      const context = new PlannedContext(config, { ...planned(undefined), namespace: "qa" }, undefined);
      const configured: Check<unknown> = { name: "configured", look: async () => pass("") };
      const alone = (check: Check<PlannedContext>) => ({ ...check, needs: [] });
      const checks = [workflowsAtOnceCheck(configured), archivedLogsCheck(configured)].map(alone);
      const results = await run(checks, context, () => {});
      return results.map(asText).map((line) => line.replace(/http:\S+/, "SERVER"));
    }

    const noLogs = "pass  archived logs: Argo does not archive logs";
    const gates = (found: string) => `main workflows: 2 (at gates, where they still count: 1); ${found}`;

    it("accepts a ConfigMap without limits, in the namespace of the controller or of the installation", async () => {
      const none = (at: string) => [
        `pass  workflows at once: neither parallelism nor namespaceParallelism is set in ConfigMap ${at}/workflow-controller-configmap`,
        noLogs,
      ];
      deepEqual(await look({ controller: [], configMaps: { "argo/workflow-controller-configmap": {} } }), none("argo"));
      deepEqual(await look({ configMaps: { "qa/workflow-controller-configmap": { data: {} } } }), none("qa"));
      deepEqual(
        await look({
          controller: 403,
          configMaps: { "argo/workflow-controller-configmap": { data: { config: "parallelism: 0\n" } } },
        }),
        none("argo"),
      );
    });

    it("warns about a limit, with the number of running workflows and of those at gates", async () => {
      const of = { mainWorkflows: [true, false], others: [1, 4] as [number, number], pending: ["Waiting for a lock"] };
      const fix = `set the limit higher than the largest number of main workflows, or remove it: kubectl -n argo edit configmap told; then kubectl -n argo rollout restart deployment workflow-controller, because it reads the ConfigMap only at its start; ${waysOut}`;
      deepEqual(
        await look({
          ...of,
          controller: ["--configmap", "told", "--executor-image", "x"],
          configMaps: { "argo/told": { data: { parallelism: "9" } } },
        }),
        [
          `warn  workflows at once: at most 9 workflows of Argo's controller (parallelism in ConfigMap argo/told): 8 running now; ${gates("held back: 0")}; fix: ${fix}`,
          noLogs,
        ],
      );
      deepEqual(
        await look({
          ...of,
          controller: ["--configmap=told", "--namespaced", "--managed-namespace=qa"],
          configMaps: { "argo/told": { data: { parallelism: "9" } } },
        }),
        [
          `warn  workflows at once: at most 9 workflows in namespace qa (parallelism in ConfigMap argo/told): 4 running now; ${gates("held back: 0")}; fix: ${fix}`,
          noLogs,
        ],
      );
    });

    it("fails if a limit is reached or holds workflows back [doctor-sees-limits]", async () => {
      const name = "qa/workflow-controller-configmap";
      const fix = `set the limit higher than the largest number of main workflows, or remove it: kubectl -n qa edit configmap workflow-controller-configmap; then restart Argo Workflows' controller, because it reads the ConfigMap only at its start; ${waysOut}`;
      const configMaps = { [name]: { data: { config: "namespaceParallelism: 3\nnodeEvents:\n  enabled: true\n" } } };
      const said = (now: number, back: string) => [
        `fail  workflows at once: at most 3 workflows in namespace qa (namespaceParallelism in ConfigMap ${name}): ${now} running now; ${gates(`held back: ${back}`)}; fix: ${fix}`,
        noLogs,
      ];
      const mainWorkflows = [true, false];
      deepEqual(
        await look({ configMaps, mainWorkflows, others: [1, 0] }),
        said(3, "0; a remediation has to wait until one of them ends"),
      );
      deepEqual(
        await look({ configMaps, mainWorkflows, pending: [postponed, postponed] }),
        said(2, "2, because of another limit, or because the controller has not read this one since it started"),
      );
    });

    it("uses the namespace's own limit if the controller is new enough for it", async () => {
      const configMaps = { "argo/workflow-controller-configmap": { data: { namespaceParallelism: "3" } } };
      const of = { configMaps, controller: [], label: "5", mainWorkflows: [true, false] };
      deepEqual((await look(of))[0]?.split("; ").slice(0, 1), [
        `warn  workflows at once: at most 5 workflows in namespace qa (label ${limitLabel} of the namespace): 2 running now`,
      ]);
      match(
        (await look(of))[0] ?? "",
        /fix: .*: kubectl label --overwrite namespace qa workflows\.argoproj\.io\/parallelism-limit=NUMBER; docs/,
      );
      const old = await look({ ...of, image: "quay.io/argoproj/workflow-controller:v3.6.7" });
      deepEqual(old[0]?.split("; ").slice(0, 1), [
        "warn  workflows at once: at most 3 workflows in namespace qa (namespaceParallelism in ConfigMap argo/workflow-controller-configmap): 2 running now",
      ]);
      deepEqual((await look({ ...of, label: "0" }))[0]?.slice(0, 4), "pass");
    });

    it("counts only workflows with the controller's instance ID", async () => {
      const [line = ""] = await look(
        {
          controller: [],
          configMaps: { "argo/workflow-controller-configmap": { data: { instanceID: "two", parallelism: "9" } } },
          others: [1, 1],
        },
        `${instance}=two`,
      );
      match(line, /^warn {2}workflows at once: at most 9 workflows of Argo's controller \([^)]*\): 2 running now; /);
    });

    it("says that it did not check what it may not read, and why", async () => {
      const fix =
        "fix: kubectl get configmaps -A | grep workflow-controller-configmap finds the ConfigMap of Argo Workflows' controller; " +
        `${waysOut}, explains its settings`;
      const skipped = "skip  archived logs: because the ConfigMap of Argo Workflows' controller cannot be read";
      deepEqual(await look({ controller: [], configMaps: { "argo/workflow-controller-configmap": 403 } }), [
        `warn  workflows at once: not checked: cannot read ConfigMap argo/workflow-controller-configmap: the API server SERVER says 403: not for you; ${fix}`,
        skipped,
      ]);
      deepEqual(await look({}), [
        `warn  workflows at once: not checked: there is no ConfigMap qa/workflow-controller-configmap; there is no ConfigMap argo/workflow-controller-configmap; ${fix}`,
        skipped,
      ]);
      const [line = ""] = await look({
        controller: [],
        configMaps: { "argo/workflow-controller-configmap": { data: { parallelism: "9" } } },
        allNamespaces: 403,
      });
      match(
        line,
        /^warn {2}workflows at once: at most 9 workflows of Argo's controller \([^)]*\): their number cannot be read \(cannot list workflows in all namespaces: the API server SERVER says 403: not for you\); /,
      );
    });

    it("warns if logs are archived: by the controller, by default, or by the namespace's own repository, which has priority", async () => {
      const archives = "archiveLogs: true\ns3:\n  bucket: logs\n";
      const controllers = "argo/workflow-controller-configmap";
      const own = (text: string) => ({
        "qa/artifact-repositories": {
          annotations: { "workflows.argoproj.io/default-artifact-repository": "here" },
          data: { here: text },
        },
      });
      const said = async (data: Record<string, string>, configMaps: Has["configMaps"] = {}) =>
        (await look({ controller: [], configMaps: { [controllers]: { data }, ...configMaps } }))[1];
      const warned = (by: string) =>
        `warn  archived logs: archiveLogs is true (${by}): if the artifact store does not answer, Argo shows a run as Failed even if it remediated; fix: keep the artifact store reachable, or remove archiveLogs; the annotations of the main workflow say what a run really did: kubectl get workflow MAIN -o jsonpath='{.metadata.annotations}'`;
      deepEqual(
        [
          await said({ artifactRepository: archives }),
          await said({ workflowDefaults: "spec:\n  archiveLogs: true\n" }),
          await said({}, own(archives)),
          await said({ artifactRepository: archives }, own("s3:\n  bucket: logs\n")),
          await said({ artifactRepository: "s3:\n  bucket: logs\n" }),
        ],
        [
          warned(`artifactRepository in ConfigMap ${controllers}`),
          warned(`workflowDefaults in ConfigMap ${controllers}`),
          warned("the namespace's ConfigMap artifact-repositories"),
          noLogs,
          noLogs,
        ],
      );
    });

    it("considers only controllers that handle the namespace", () => {
      const at = (namespace: string, ...args: string[]) => {
        const one = controller(args);
        return { ...one, metadata: { ...one.metadata, namespace } };
      };
      const found = (...deployments: Parameters<typeof controllersOf>[1]) =>
        controllersOf("qa", deployments).map(({ namespace, configMap }) => `${namespace}/${configMap}`);
      const usual = "workflow-controller-configmap";
      deepEqual(
        [
          found(at("argo"), at("other", "--namespaced"), at("ours", "--namespaced", "--managed-namespace", "qa")),
          found(at("other", "--namespaced")),
          found(at("qa", "--namespaced", "--configmap=mine")),
          found(),
        ],
        [
          [`argo/${usual}`, `ours/${usual}`],
          [`qa/${usual}`, `argo/${usual}`],
          ["qa/mine"],
          [`qa/${usual}`, `argo/${usual}`],
        ],
      );
    });

    it("is parsed as Argo parses it: one text with all settings, or one text per key", () => {
      const told = { parallelism: 10, artifactRepository: { archiveLogs: true } };
      deepEqual(configOf({ config: "parallelism: 10\nartifactRepository:\n  archiveLogs: true\n" }), told);
      deepEqual(configOf({ parallelism: "10", artifactRepository: "archiveLogs: true\n" }), told);
      deepEqual([configOf({}), configOf({ config: "" })], [{}, {}]);
    });
  });

  it("says which text GitHub needs if the webhook's Secret ends with white space [doctor-secret-with-line-feed]", () => {
    const at = { name: "hook", key: "secret" };
    const look = (content: string) => {
      const { text, ...secret } = webhookSecretOf(content, at);
      return [text, asRead({ ...secret }, { namespace: "qa", eventSource: "rex" })];
    };
    const again =
      "kubectl -n qa get secret hook -o jsonpath='{.data.secret}' | base64 -d | tr -d '\\r\\n' > FILE; kubectl -n qa create secret generic hook --from-file=secret=FILE --dry-run=client -o yaml | kubectl apply -f -";
    const odd = (words: string) =>
      warn(
        `Secret hook, key secret, ends with ${words} at its end`,
        `create it again without the white space: ${again}; kubectl -n qa rollout restart deployment -l eventsource-name=rex; scripts/rex webhook register`,
      );
    deepEqual(look("abc"), ["abc", pass("Secret hook, key secret, without white space at its end")]);
    deepEqual(look("abc\n"), [
      "abc",
      warn(
        "Secret hook, key secret, ends with a line feed, which Argo Events ignores: GitHub needs the secret without it",
        `scripts/rex webhook register gives GitHub the right text; to remove the line feed: ${again}`,
      ),
    ]);
    const rest = "of which Argo Events ignores only one line feed: GitHub needs the secret with";
    deepEqual(look("abc\r\n"), ["abc\r", odd(`"\\r\\n", ${rest} "\\r"`)]);
    deepEqual(look("abc\n\n"), ["abc\n", odd(`"\\n\\n", ${rest} "\\n"`)]);
    deepEqual(look("abc\r"), [
      "abc\r",
      odd(`"\\r", which Argo Events treats as part of the secret: GitHub needs the secret with "\\r"`),
    ]);
  });

  describe("of writes that the API server has to accept", () => {
    const push = {
      task: "3",
      before: "a".repeat(40),
      after: "b".repeat(40),
      repository: "acme/shop",
      pushedAt: 1_767_225_600,
    };

    it("refuses a Sensor that fills in its runs differently", async () => {
      const { metadata, spec } = ofKind(await manifests({ name: "rex", namespace: "qa" }), "Sensor");
      const other = JSON.parse(JSON.stringify(spec).replace("trunc 7", "trunc 8"));
      throws(
        () => runOfPush({ metadata: { ...metadata, creationTimestamp: "" }, spec: other }, push),
        /^Error: Sensor rex fills in its runs differently from this version of the program/,
      );
    });

    it("creates the same object for a push as the program's Sensor", async () => {
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

    it("distinguishes a refusal from a write that could not be tried", () => {
      const judge = (came: Parameters<typeof letThrough>[0]) =>
        letThrough(came, {
          of: "a push's run",
          account: "rex-sensor",
          consequence: "a push gets no run",
          fix: "mend it",
        });
      const refused = (code: number, message: string, details: object = { kind: "workflows" }) =>
        statusOf(new ApiException(code, "", JSON.stringify({ kind: "Status", message, details }), {}));
      const denied = "ValidatingAdmissionPolicy 'x' with binding 'x' denied request: x cannot create resource \"y\"";
      deepEqual(
        (
          [
            "let through",
            refused(403, 'users "x" is forbidden: User "me" cannot impersonate resource "users"', { kind: "users" }),
            refused(400, 'admission webhook "x" does not support dry run'),
            refused(
              403,
              'workflows is forbidden: User "x" cannot create resource "workflows" in API group "argoproj.io"',
            ),
            refused(403, denied, { kind: "workflows", causes: [{ message: denied }] }),
            refused(500, "failed calling webhook x"),
          ] as const
        ).map((came) => [judge(came).verdict, judge(came).found]),
        [
          ["pass", "accepted from rex-sensor"],
          ["warn", "not checked: you may not impersonate the accounts"],
          ["warn", 'not checked: the API server says 400: admission webhook "x" does not support dry run'],
          ["skip", "not checked: rex-sensor lacks the right to do it"],
          ["fail", `a push gets no run: the API server says 403: ${denied}`],
          ["fail", "a push gets no run: the API server says 500: failed calling webhook x"],
        ],
      );
    });

    it("names the fields that something else changes, without those that the API server sets", () => {
      const sent = { metadata: { name: "x", labels: { a: "1" } }, spec: { priority: 1 } };
      const stored = {
        metadata: { name: "x", uid: "u", generation: 1, labels: { a: "1", b: "2" }, finalizers: ["f"] },
        spec: { priority: 2 },
      };
      deepEqual(changed(sent, stored), ["metadata.labels.b", "metadata.finalizers", "spec.priority"]);
    });
  });

  it("finds the last push among runs by hand and by the sweep", () => {
    const made = (name: string, day: number, labels: Record<string, string>, after: string) => ({
      metadata: { name, creationTimestamp: `2026-01-0${day}T00:00:00Z`, labels },
      spec: { arguments: { parameters: [{ name: "after", value: after }] } },
    });
    const push = made("by-push", 1, { "rex-remediation/outcome": "remediated" }, "abc");
    const others = [made("by-hand", 2, {}, ""), made("by-sweep", 3, { "rex-remediation/swept": "1" }, "def")];
    deepEqual(newest([...others, push], "qa"), pass("2026-01-01T00:00:00Z, run by-push: remediated"));
    equal(newest(others, "qa").verdict, "warn");
  });

  it("judges the last push and the last sweep by their steps, and warns about failures around the steps", () => {
    const nodes = (exitCode: string) => ({
      a: { type: "Pod", phase: "Error", message: "wait: Error (exit code 64): no such bucket", outputs: { exitCode } },
    });
    const ended = (exitCode: string): ClusterObject => ({
      metadata: {
        name: "by-push",
        creationTimestamp: "2026-01-01T00:00:00Z",
        labels: { "rex-remediation/outcome": "remediated" },
      },
      spec: { arguments: { parameters: [{ name: "after", value: "a" }] } },
      status: { phase: "Error", finishedAt: "2026-01-01T00:01:00Z", nodes: nodes(exitCode) },
    });
    const why = "Argo nevertheless ended it as Error: wait: Error (exit code 64): no such bucket";
    deepEqual(
      newest([ended("0")], "qa"),
      warn(`2026-01-01T00:00:00Z, run by-push: remediated; ${why}`, artifacts("qa", "by-push")),
    );
    equal(newest([ended("1")], "qa").found, "2026-01-01T00:00:00Z, run by-push: failed");
    const cron = { metadata: { name: "s", creationTimestamp: "" }, spec: { schedules: ["@hourly"] } };
    deepEqual(
      swept(cron, [ended("0")], "qa"),
      warn(`schedule @hourly; the last sweep, by-push, did its work; ${why}`, artifacts("qa", "by-push")),
    );
    equal(swept(cron, [ended("1")], "qa").verdict, "fail");
  });

  /** The fix if one of Argo's own containers fails. */
  const artifacts = (namespace: string, run: string) =>
    `argo -n ${namespace} get ${run}; repair the artifact repository of the workflow controller (archiveLogs), see docs/troubleshooting.md`;

  it("finds runs that no controller picks up, and an instance ID that differs from that of the main workflows", () => {
    const now = Date.parse("2026-01-01T00:10:00Z");
    const made = (name: string, minute: number, phase?: string, id?: string): ClusterObject => ({
      metadata: {
        name,
        creationTimestamp: `2026-01-01T00:0${minute}:00Z`,
        labels: id === undefined ? {} : { "workflows.argoproj.io/controller-instanceid": id },
      },
      spec: {},
      ...(phase !== undefined && { status: { phase } }),
    });
    const judge = (own: ClusterObject[], main: ClusterObject[], argoInstanceId?: string) =>
      seen(own, main, { namespace: "qa", argoInstanceId, now });
    deepEqual(judge([made("run", 8, "Running")], [made("play", 1, "Running")]), pass("none"));
    deepEqual(judge([made("run", 9, undefined)], []), pass("none"));
    deepEqual(judge([], [made("play", 1, "Running", "prod"), made("old", 1, "Failed")], "prod"), pass("prod"));
    const unseen = judge([made("run", 8)], []);
    equal(unseen.verdict, "fail");
    match(
      unseen.found,
      /^no controller has picked up run since 2026-01-01T00:08:00Z; it has no instance ID: .* another instanceID$/,
    );
    match(unseen.fix ?? "", /pulumi config set --path argo.instanceId ID, then pulumi up/);
    match(unseen.fix ?? "", /kubectl -n qa label workflow run workflows\.argoproj\.io\/controller-instanceid=ID$/);
    const main = judge([made("run", 8)], [made("play", 1, "Running", "prod")]);
    match(main.fix ?? "", /^pulumi config set --path argo.instanceId prod, then pulumi up; /);
    deepEqual(
      judge([], [made("play", 1, "Running", "prod")]),
      warn(
        "the runs have no instance ID, but the running main workflow play has the instance ID prod: perhaps no controller handles the runs",
        "pulumi config set --path argo.instanceId prod, then pulumi up",
      ),
    );
    deepEqual(
      judge([], [made("play", 1, "Running")], "prod").fix,
      "pulumi config rm --path argo.instanceId, then pulumi up",
    );
  });

  it("finds a sweep that is suspended or whose last run failed", () => {
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

  it("requires the stages and labels in use to be configured", () => {
    const platform = planned(undefined);
    const workflow = (stage: string | undefined, phase = "Running"): ClusterObject => ({
      metadata: {
        name: "play-1",
        creationTimestamp: "",
        labels: stage === undefined ? {} : { "current-stage": stage },
      },
      spec: {},
      status: { phase },
    });
    const judge = (...all: ClusterObject[]) => known(all, platform, "qa");
    deepEqual(
      verdicts([
        judge(),
        judge(workflow("waiting-pr-created")),
        judge(workflow("elsewhere")),
        judge(workflow(undefined)),
        judge(workflow("elsewhere", "Failed")),
        judge({ ...workflow("elsewhere"), spec: { shutdown: "Stop" } }),
      ]),
      ["pass", "pass", "fail", "fail", "pass", "pass"],
    );
    const codeRun = (labels: Record<string, string>) => ({
      metadata: { name: "c", creationTimestamp: "", labels },
      spec: {},
    });
    const kind = (...all: ClusterObject[]) => labelled(all, "coderuns.agents.platform", platform).verdict;
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

  describe("of CodeRuns that would prevent a remediation", () => {
    const run = (name: string, agent: string, more: { task?: string; owners?: string[] } = {}): ClusterObject => ({
      metadata: {
        name,
        uid: `uid-${name}`,
        creationTimestamp: "",
        labels: { "task-id": more.task ?? "3", "github-app": agent },
        ...(more.owners && { ownerReferences: more.owners.map((owner) => ({ name: owner, uid: `uid-${owner}` })) }),
      },
      spec: {},
    });
    const judge = (...all: ClusterObject[]) =>
      blocking(all, "kubectl -n qa %s coderuns.agents.platform", planned(undefined));
    const cleo = run("cleo", "5DLabs-Cleo");

    it("warns about a CodeRun of another agent or task that a listed agent's CodeRun owns", () => {
      deepEqual(judge(cleo, run("rex", "5DLabs-Rex", { owners: ["play", "cleo"] })), [
        warn(
          "rex (5DLabs-Rex) would be deleted together with its owner cleo (5DLabs-Cleo): while the owner runs, no push of its task is remediated",
          `kubectl -n qa patch coderuns.agents.platform rex --type json -p '[{"op":"remove","path":"/metadata/ownerReferences/1"}]'; then change what creates it, so that it gets another owner`,
          "owners",
        ),
      ]);
      const bare: ClusterObject = {
        ...run("bare", ""),
        metadata: { ...run("bare", "", { owners: ["cleo"] }).metadata },
      };
      delete bare.metadata.labels;
      deepEqual(
        [judge(cleo, run("tess", "5DLabs-Tess", { task: "4", owners: ["cleo"] })), judge(cleo, bare)].map(verdicts),
        [["warn"], ["warn"]],
      );
    });

    it("warns about an agent that differs from a listed one only in spelling", () => {
      deepEqual(judge(cleo, run("odd", "5dlabs_cleo")), [
        warn(
          "agent 5dlabs_cleo of odd differs from a listed agent only in spelling (5DLabs-Cleo): while it runs, no push of its task is remediated",
          "kubectl -n qa label --overwrite coderuns.agents.platform odd github-app=5DLabs-Cleo; or add that spelling to the list: pulumi config set --path agents.toCancel '[…]', then pulumi up",
          "spelling",
        ),
      ]);
    });

    it("accepts owners that are deleted alone or with listed agents, and other names", () => {
      const rex = run("rex", "5DLabs-Rex");
      deepEqual(
        judge(
          rex,
          run("cleo", "5DLabs-Cleo", { owners: ["rex"] }),
          run("tess", "5DLabs-Tess", { owners: ["cleo", "gone"] }),
          run("blaze", "5DLabs-Blaze", { owners: ["rex"] }),
        ),
        [],
      );
    });
  });

  it("reads a stack's configuration on top of the defaults", () => {
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

    it("is kept by the example", () => {
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
    /** A title, a text of the example, its replacement, the broken rule, and the expected finding. */
    const broken: [string, string, string, string, string][] = [
      [
        "no gate",
        "      suspend: {}\n",
        "      steps: []\n",
        "leads from each agent to a gate",
        "it has no suspend template without a duration, so it never waits at a gate",
      ],
      [
        "an agent that ends the workflow when it is cancelled",
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
        "the retryStrategy of agent creates a cancelled CodeRun again",
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
        "no step depends on workflow.labels.current-stage being waiting-pr-created, so no new round begins",
      ],
      [
        "a comparison without quotes",
        again,
        again.replace("'{{workflow.labels.current-stage}}'", "{{workflow.labels.current-stage}}"),
        "routes by the stage label",
        "round/again compares the stage label without quotes",
      ],
      [
        "a second gate parallel to the first",
        gateAfterCleo,
        `${gateAfterCleo}          - name: other\n            template: gate\n`,
        "one gate at a time",
        "quality/ready-for-qa and quality/other reach a gate in parallel",
      ],
      [
        "CodeRuns without their task",
        '              task-id: "{{workflow.parameters.task}}"\n',
        "",
        "its CodeRuns",
        "template agent creates CodeRuns without task-id",
      ],
      [
        "CodeRuns with a fixed name",
        "            generateName: {{inputs.parameters.agent}}-task-{{workflow.parameters.task}}-",
        "            name: {{inputs.parameters.agent}}-task-{{workflow.parameters.task}}",
        "its CodeRuns",
        "template agent gives its CodeRuns a fixed name, which an earlier round has already used",
      ],
      [
        "a question without a default",
        "      suspend: {}\n",
        "      suspend: {}\n      outputs: { parameters: [{ name: who, valueFrom: { supplied: {} } }] }\n",
        "gates without questions",
        "gate gate asks for who, which has no default",
      ],
      [
        "an unknown stage",
        "value: waiting-pr-approved",
        "value: waiting-for-nobody",
        "its stages",
        "it sets current-stage to waiting-for-nobody, which is not in mainWorkflow.stages: implementation-in-progress, waiting-pr-created, quality-in-progress, waiting-ready-for-qa, testing-in-progress, waiting-pr-approved",
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

    it("finds a pause where a gate should be", () => {
      const failed = look(example.replace("      suspend: {}\n", "      suspend: { duration: 1h }\n")).filter(
        ({ verdict }) => verdict !== "pass",
      );
      deepEqual(
        failed.map(({ verdict, of, found }) => [verdict, of, found]),
        [
          [
            "fail",
            "leads from each agent to a gate",
            "it has no suspend template without a duration, so it never waits at a gate",
          ],
          [
            "warn",
            "gates without questions",
            "gate is a pause that ends by itself after 1h, not a gate, so a remediation leaves it alone",
          ],
        ],
      );
    });

    it("does not count a pause as a second gate", () => {
      const pause = "          - name: other\n            template: pause\n";
      const findings = look(
        example
          .replace(gateAfterCleo, `${gateAfterCleo}${pause}`)
          .replace("    - name: gate\n", "    - name: pause\n      suspend: { duration: 1h }\n\n    - name: gate\n"),
      );
      deepEqual(
        findings.filter(({ verdict }) => verdict !== "pass").map(({ verdict, of }) => [verdict, of]),
        [["warn", "gates without questions"]],
      );
    });

    it("refuses a file without a workflow", () => {
      for (const [text, words] of [
        ["kind: ConfigMap", /expected one Workflow or WorkflowTemplate in x\.yaml; got 0/],
        ["a: [", /x\.yaml is not valid YAML/],
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
