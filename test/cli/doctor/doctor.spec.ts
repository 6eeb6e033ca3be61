import { deepEqual, equal, match, ok } from "node:assert/strict";
import { execFile } from "node:child_process";
import { createPublicKey } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterwards } from "../../support/afterwards.ts";
import { Cluster, until } from "../../support/cluster.ts";
import { addressOf } from "../../support/delivery.ts";
import { say } from "../../support/figures.ts";
import { generateAppKey } from "../../support/github/index.ts";
import { Mutation } from "../../support/mutation.ts";
import { nodeEnvironment } from "../../support/node.ts";
import { OwnStack } from "../../support/ownStack.ts";
import { Platform } from "../../support/platform.ts";
import { leastConfig, privateKey } from "../../support/pulumi/stackConfig.ts";
import { runTool } from "../../support/tool.ts";

const appId = 3_000_000 + Math.floor(Math.random() * 1_000_000);
const hookId = appId;
const publicKeyPem = createPublicKey(privateKey).export({ type: "spki", format: "pem" }).toString();

/** A fault, how to create and repair it, and the one additional line that the doctor has to print. */
interface Fault {
  what: string;
  line: string;
  args?: string[];
  /** Why the fault cannot be created here; undefined if it can. */
  missing?: () => Promise<string | undefined>;
  seed(): Promise<unknown>;
  repair(): Promise<unknown>;
}

/**
 * Runs scripts/rex doctor against a separate stack on the node: first without faults, then with one real fault at a time, in the cluster,
 * in the stack's configuration, or in the GitHub double. It does not cover the real GitHub, Argo's controllers as Deployments (here they
 * are processes), or a cluster that is too old.
 */
describe("scripts/rex doctor, on a cluster", function () {
  this.timeout(400_000);
  const stack = new OwnStack();
  const { name } = stack;
  const { namespace } = nodeEnvironment();
  const repository = `5dlabs/${name}`;
  const config = { repositories: [repository], "githubApp.id": String(appId) };
  let folder: string;
  let platform: Platform;
  let outputs: { webhookUrl?: string };
  let url: string;
  /** The doctor's warnings when nothing is broken. */
  let healthy: string[];
  let seeded = 0;
  let mutation: Mutation | undefined;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "rex-doctor-"));
    await up();
    platform = await Platform.open({
      name,
      webhookUrl: url,
      webhookSecret: `${leastConfig.webhookSecret}`,
      githubUrl: stack.github.url,
      repository,
    });
    // The doctor counts everything in the namespace, also what other tests left.
    await platform.clear();
    await installApp();
    await stack.github.putRepository(repository, { labels: ["ready-for-qa", "remediation-hold"] });
    const task = await platform.startTask("at-bare-gate", { pullLabels: ["ready-for-qa"] });
    await platform.startAgent("5DLabs-Cleo", task);
    const { run } = await platform.push(task);
    await platform.ended(run);
    await until("another gate waits", 30_000, async () => (await platform.waitingGate(task)) !== undefined);
    // The doctor tries the policies on this CodeRun.
    await platform.startAgent("5DLabs-Blaze", task);
  });
  after(() => {
    say(`doctor: ${seeded} faults seeded, one at a time`);
    return afterwards(
      () => platform?.close(),
      () => stack.destroy(),
      () => stack.remove(),
      () => rmSync(folder, { recursive: true, force: true }),
    );
  });

  async function up(more: Parameters<OwnStack["up"]>[0] = {}): Promise<void> {
    outputs = (await stack.up({ ...config, ...more })).outputs;
    if (outputs.webhookUrl !== undefined) {
      const { hostname, pathname, port } = new URL(outputs.webhookUrl);
      // The GitHub double cannot resolve the cluster's names, but it can reach its addresses.
      url = `http://${await addressOf(new Cluster(namespace), hostname)}:${port}${pathname}`;
      await putHook();
    }
    writeOutputs(url);
  }

  /** Writes the stack's outputs to the file, with another URL if they have one. */
  function writeOutputs(webhookUrl: string): void {
    const written = outputs.webhookUrl === undefined ? outputs : { ...outputs, webhookUrl };
    writeFileSync(join(folder, "outputs.json"), JSON.stringify(written));
  }

  function installApp(more: object = {}) {
    return stack.github.putApp({
      appId,
      slug: name,
      publicKeyPem,
      installationId: appId,
      permissions: { contents: "read", pull_requests: "write", metadata: "read", repository_hooks: "write" },
      repositories: [repository],
      ...more,
    });
  }

  function putHook(more: object = {}) {
    return stack.github.putRepositoryHook(repository, {
      id: hookId,
      url,
      secret: `${leastConfig.webhookSecret}`,
      ...more,
    });
  }

  async function kubectl(...args: string[]): Promise<string> {
    const { stdout } = await promisify(execFile)("kubectl", ["--namespace", namespace, ...args], { timeout: 60_000 });
    return stdout;
  }

  function patch(kind: string, object: string, change: object): Promise<string> {
    return kubectl("patch", kind, object, "--type=merge", "--patch", JSON.stringify(change));
  }

  /** Deletes an object. The fix that the doctor suggests brings it back. */
  function without(kind: string, object: string): Pick<Fault, "seed" | "repair"> {
    return {
      seed: () => kubectl("delete", kind, object),
      repair: async () => {
        await stack.refresh();
        await up();
      },
    };
  }

  /** Appends a text to the webhook's secret. The EventSource does not notice, because it reads the secret at its start. */
  async function appendToSecret(end: string): Promise<void> {
    const { spec } = JSON.parse(await kubectl("get", "eventsource", name, "--output=json"));
    await patch("secret", spec.github.push.webhookSecret.name, {
      stringData: { secret: `${leastConfig.webhookSecret}${end}` },
    });
  }

  async function startPlay(stage: string): Promise<void> {
    await platform.cluster.create({
      apiVersion: "argoproj.io/v1alpha1",
      kind: "Workflow",
      metadata: {
        name: `play-${name}`,
        labels: { "workflow-type": "play-orchestration", "task-id": platform.newTask(), "current-stage": stage },
      },
      spec: { entrypoint: "gate", templates: [{ name: "gate", suspend: {} }] },
    });
  }

  async function doctor(...args: string[]): Promise<{ exitCode: number | null; lines: string[] }> {
    const { exitCode, stdout, stderr } = await runTool("doctor", ["--outputs", join(folder, "outputs.json"), ...args]);
    equal(stderr, "");
    for (const secret of [privateKey.split("\n")[1] ?? "", `${leastConfig.webhookSecret}`]) {
      ok(!stdout.includes(secret), "a secret is printed");
    }
    return { exitCode, lines: stdout.trimEnd().split("\n").map(normalized) };
  }

  /** A line without the parts that change from run to run. */
  function normalized(line: string): string {
    return (
      line
        .replaceAll(repository, "REPOSITORY")
        .replaceAll(name, "NAME")
        .replaceAll(url, "URL")
        .replaceAll(String(appId), "ID")
        .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "TIME")
        .replaceAll(/https:\/\/[\d.]+:\d+/g, "SERVER")
        .replaceAll(/Kubernetes v\S+/g, "Kubernetes VERSION")
        .replaceAll(/NAME-\d+-[0-9a-f]{7}-[0-9a-f]{12}/g, "RUN")
        .replaceAll(/NAME-webhook-[0-9a-f]{8}/g, "HOOK")
        // A sweep of another stack may be running.
        .replaceAll(/(?<=\): )\d+ running now(?=; main workflows: )/g, "SOME running now")
        .replaceAll(/#\d+/g, "#PULL")
    );
  }

  const findingsIn = (lines: string[]) => lines.filter((line) => /^(fail|warn) /.test(line));

  /**
   * The findings that the stack without faults does not have. A webhook that was just changed causes a warning about its deliveries, which
   * is left out unless the fault is about deliveries.
   */
  function newFindings(lines: string[], line: string): string[] {
    return findingsIn(lines).filter(
      (found) => !healthy.includes(found) && (line.includes("deliveries") || !found.startsWith("warn  deliveries")),
    );
  }

  it("finds no fault in a healthy stack, and reports what it checked", async () => {
    const { exitCode, lines } = await doctor("--ping", "--main-workflow", "play");
    healthy = findingsIn(lines);
    deepEqual(lines.slice(3), healthyLines);
    equal(exitCode, 0);
    deepEqual(
      healthy.map((line) => line.replace(/:.*/, "")),
      [
        "warn  Pulumi command",
        "warn  Pulumi's Kubernetes plugin",
        "warn  Argo Events' controller",
        "warn  Argo Workflows' controller",
      ],
    );
  });

  it("prints the same as one object with --json", async () => {
    const { stdout } = await runTool("doctor", ["--outputs", join(folder, "outputs.json"), "--json"]);
    const { counts, results } = JSON.parse(stdout);
    equal(counts.fail, 0);
    equal(results.length, counts.pass + counts.warn + counts.skip);
    deepEqual(
      results.filter(({ check }: { check: string }) => check === "Sensor"),
      [{ check: "Sensor", verdict: "pass", found: `${name} is deployed` }],
    );
  });

  it("finds everything that is needed before the installation", async () => {
    const { exitCode, stdout } = await runTool("doctor", ["--before", "--stack", "dev"]);
    equal(exitCode, 0, stdout);
    match(stdout, /^pass {2}your rights: you may create everything that pulumi up creates \(\d+ access reviews\)$/m);
    match(stdout, /^pass {2}event bus: default is deployed$/m);
  });

  const healthyLines = [
    "pass  cluster: Kubernetes VERSION at SERVER",
    "pass  namespace: agent-platform",
    "pass  Argo Events' kinds: eventbus, eventsources, sensors",
    "pass  Argo Workflows' kinds: workflows, workflowtemplates, cronworkflows, workflowtaskresults",
    "warn  Argo Events' controller: no deployment of it was found; the checks of its objects below show whether it works; fix: if it is not installed: https://argoproj.github.io/argo-events/installation/",
    "warn  Argo Workflows' controller: no deployment of it was found; the checks of its objects below show whether it works; fix: if it is not installed: https://argo-workflows.readthedocs.io/en/latest/installation/",
    "pass  event bus: default is deployed",
    "pass  installation: NAME in namespace agent-platform, for REPOSITORY",
    "pass  workflows at once: neither parallelism nor namespaceParallelism is set in ConfigMap agent-platform/workflow-controller-configmap",
    "pass  archived logs: Argo does not archive logs",
    "pass  EventSource: NAME is deployed",
    "pass  EventSource's pods: 1 of 1 ready",
    "pass  signatures: an unsigned event is refused (400)",
    "pass  Sensor: NAME is deployed",
    "pass  Sensor's pods: 1 of 1 ready",
    "pass  last push: TIME, run RUN: remediated",
    "pass  Argo's instance ID: none",
    "pass  sweep: schedule 0 0 1 1 *; no sweep has ended yet",
    "pass  rights (sensor): NAME-sensor has the rights that it needs and no others (31 access reviews)",
    "pass  rights (remediation): NAME has the rights that it needs and no others (35 access reviews)",
    "pass  rights (sweep): NAME-sweep has the rights that it needs and no others (33 access reviews)",
    "pass  rights (event source): NAME-event-source has the rights that it needs and no others (32 access reviews)",
    "pass  admission policies: 6 policies, all bound",
    "pass  admission policies in force: 6 dry runs, each refused by its policy",
    "pass  good writes (a push's run): accepted from NAME-sensor",
    "pass  good writes (a lost push's run): accepted from NAME-sweep",
    "skip  good writes (a CodeRun's deletion): not checked: there is currently no CodeRun that a remediation may delete",
    "pass  good writes (a main workflow's restart): accepted from NAME",
    "pass  App's key: App ID is NAME",
    "pass  App's installation (REPOSITORY): installation ID",
    "pass  App's permissions (REPOSITORY): contents: read, metadata: read, pull_requests: write, and no more",
    "pass  label removal (REPOSITORY): GitHub allows it (tried with a label that #PULL does not have)",
    "pass  labels (REPOSITORY): ready-for-qa, remediation-hold",
    "pass  webhook's secret: Secret HOOK, key secret, without white space at its end",
    "pass  webhook (REPOSITORY): the repository's, ID, to URL",
    "pass  deliveries (REPOSITORY): the last delivery, a ping at TIME, was answered 200: it was accepted, so the signature is right",
    "pass  CodeRuns: 1 CodeRun (coderuns.agents.platform), labelled task-id and github-app",
    "pass  stages in use: no unknown stage (1 running main workflow)",
    "pass  main workflow play (its labels): not part of a template: whatever creates the Workflow has to set workflow-type, task-id, current-stage in its metadata",
    "pass  main workflow play (routes by the stage label): round/again at waiting-pr-created",
    "pass  main workflow play (survives a cancelled agent): quality/cleo, testing/tess",
    "pass  main workflow play (does not bring the agent back): agent",
    "pass  main workflow play (leads from each agent to a gate): quality/cleo, testing/tess",
    "pass  main workflow play (one gate at a time): no two parallel steps reach a gate",
    "pass  main workflow play (its CodeRuns): labelled task-id and github-app, named by generateName",
    "pass  main workflow play (gates without questions): no gate asks for a parameter without a default",
    "pass  main workflow play (its stages): waiting-pr-created, waiting-ready-for-qa, waiting-pr-approved",
    "45 passed, 4 warned, 0 failed, 1 skipped",
  ];
  const otherKey = generateAppKey().publicKeyPem;
  const change =
    "grant it: the App's settings, Permissions & events (https://github.com/apps/NAME), then accept it at https://github.com/organizations/5dlabs/settings/installations/ID";
  const register = "scripts/rex webhook register";
  const waysOut = 'docs/troubleshooting.md, "Too many workflows are running"';
  const atOnce =
    "SOME running now; main workflows: 1 (at gates, where they still count: 1); held back: 0; fix: set the limit higher than the largest number of main workflows, or remove it";
  const again =
    "kubectl -n agent-platform get secret HOOK -o jsonpath='{.data.secret}' | base64 -d | tr -d '\\r\\n' > FILE; kubectl -n agent-platform create secret generic HOOK --from-file=secret=FILE --dry-run=client -o yaml | kubectl apply -f -";
  const faults: Fault[] = [
    {
      what: "the Sensor's RoleBinding is gone",
      ...without("rolebinding", `${name}-sensor`),
      line: "fail  rights (sensor): NAME-sensor may not get workflows.argoproj.io, create workflows.argoproj.io, patch workflows.argoproj.io; fix: pulumi up --refresh, which restores its Role and RoleBinding",
    },
    {
      what: "the remediation has been granted more rights",
      seed: async () => {
        await kubectl("create", "role", `${name}-more`, "--verb=delete", "--resource=pods");
        await kubectl(
          "create",
          "rolebinding",
          `${name}-more`,
          `--role=${name}-more`,
          `--serviceaccount=${namespace}:${name}`,
        );
      },
      repair: () => kubectl("delete", "role,rolebinding", `${name}-more`),
      line: "fail  rights (remediation): NAME may also delete pods, although the program never granted that; fix: kubectl get rolebindings,clusterrolebindings -A -o wide | grep agent-platform/NAME shows the binding that grants it; delete that binding",
    },
    {
      what: "a policy's binding is gone",
      ...without("validatingadmissionpolicybinding", `${name}-runs.${namespace}`),
      line: "fail  admission policies: NAME-runs.agent-platform has no binding, so the API server does not enforce it; fix: pulumi up --refresh",
    },
    {
      what: "a policy no longer refuses anything",
      seed: () =>
        patch("validatingadmissionpolicy", `${name}-runs.${namespace}`, {
          spec: { matchConditions: [{ name: "by-this-account", expression: "false" }] },
        }),
      repair: () =>
        patch("validatingadmissionpolicy", `${name}-runs.${namespace}`, {
          spec: {
            matchConditions: [
              {
                name: "by-this-account",
                expression: `request.userInfo.username == "system:serviceaccount:${namespace}:${name}-sensor"`,
              },
            ],
          },
        }),
      line: "fail  admission policies in force: NAME-runs.agent-platform does not refuse what it must refuse; fix: kubectl get validatingadmissionpolicy NAME-runs.agent-platform -o yaml; pulumi up --refresh restores it",
    },
    {
      what: "another admission webhook adds labels to Workflows that the policies refuse",
      missing: () => Mutation.unserved(platform.cluster),
      seed: async () => {
        mutation = await Mutation.make(platform.cluster, {
          name: `${name}-others.${namespace}`,
          operations: ["CREATE"],
          label: { key: "workflows.argoproj.io/x", value: "1" },
          by: `system:serviceaccount:${namespace}:${name}-sensor`,
        });
      },
      repair: async () => mutation?.end(),
      line: "fail  good writes (a push's run): a push gets no run: the API server says 403: workflows.argoproj.io \"RUN\" is forbidden: ValidatingAdmissionPolicy 'NAME-runs.agent-platform' with binding 'NAME-runs.agent-platform' denied request: the Sensor may only create Workflows in the exact form of a push's remediation: its labels must be the ones that the Sensor sets; fix: kubectl get mutatingwebhookconfigurations,validatingwebhookconfigurations,validatingadmissionpolicies lists what may refuse or change Workflows: exclude namespace agent-platform there with a namespaceSelector; if it is a policy NAME-…, pulumi up --refresh restores it",
    },
    {
      what: "the event bus does not exist",
      seed: () => patch("sensor", name, { spec: { eventBusName: "nowhere" } }),
      repair: () => patch("sensor", name, { spec: { eventBusName: "default" } }),
      line: "fail  event bus: there is no EventBus nowhere in namespace agent-platform; fix: pulumi config set --path eventBus.create true, then pulumi up; or choose another with pulumi config set --path eventBus.name NAME",
    },
    {
      what: "the EventSource's spec is broken",
      seed: () => patch("eventsource", name, { spec: { github: { push: { webhook: { port: "" } } } } }),
      repair: () => patch("eventsource", name, { spec: { github: { push: { webhook: { port: "12000" } } } } }),
      line: "fail  EventSource: NAME: not SourcesProvided (InvalidEventSource: Invalid spec: NAME - push); fix: kubectl -n agent-platform describe eventsource NAME; if it was changed by hand: pulumi up --refresh",
    },
    {
      what: "the Sensor has no pod",
      seed: () => kubectl("scale", "deployment", `--selector=sensor-name=${name}`, "--replicas=0"),
      repair: () => kubectl("scale", "deployment", `--selector=sensor-name=${name}`, "--replicas=1"),
      line: "fail  Sensor's pods: 0 of 1 ready; fix: kubectl -n agent-platform get deployments,pods -l sensor-name=NAME lists them; kubectl -n agent-platform describe pods -l sensor-name=NAME says why; if there are too few pods: kubectl -n agent-platform scale deployment -l sensor-name=NAME --replicas=1",
    },
    {
      what: "the sweep is suspended",
      seed: () => patch("cronworkflow", `${name}-sweep`, { spec: { suspend: true } }),
      repair: () => patch("cronworkflow", `${name}-sweep`, { spec: { suspend: false } }),
      line: "fail  sweep: CronWorkflow NAME-sweep is suspended, so a push whose delivery fails is lost; fix: argo -n agent-platform cron resume NAME-sweep",
    },
    {
      what: "the sweep is gone",
      ...without("cronworkflow", `${name}-sweep`),
      line: "fail  sweep: there is no CronWorkflow NAME-sweep in namespace agent-platform; fix: pulumi up --refresh",
    },
    {
      what: "the EventSource does not verify signatures",
      seed: () => patch("eventsource", name, { spec: { github: { push: { webhookSecret: null } } } }),
      repair: async () => {
        const [secret = ""] = (await kubectl("get", "secrets", "--output=name"))
          .split("\n")
          .filter((one) => one.startsWith(`secret/${name}-`) && one.includes("webhook"));
        await patch("eventsource", name, {
          spec: { github: { push: { webhookSecret: { name: secret.replace("secret/", ""), key: "secret" } } } },
        });
      },
      line: "fail  signatures: EventSource NAME names no webhookSecret for the event push, so it accepts forged pushes; fix: pulumi up --refresh",
    },
    {
      what: "a main workflow is at an unknown stage",
      seed: () => startPlay("waiting-for-nobody"),
      repair: () => kubectl("delete", "workflow", `play-${name}`),
      line: "fail  stages in use: play-NAME is at stage waiting-for-nobody, which is not in mainWorkflow.stages: implementation-in-progress, waiting-pr-created, quality-in-progress, waiting-ready-for-qa, testing-in-progress, waiting-pr-approved; fix: if the stage is right, add it to the list at its place in the order: pulumi config set --path mainWorkflow.stages '[…]', then pulumi up; if it is wrong: kubectl -n agent-platform label --overwrite workflow play-NAME current-stage=STAGE",
    },
    {
      what: "a main workflow has no gate",
      args: ["--main-workflow", `gateless-${name}`],
      seed: async () => {
        const play = JSON.parse(await kubectl("get", "workflowtemplate", "play", "--output=json"));
        const templates = play.spec.templates.map((one: { name: string }) =>
          one.name === "gate" ? { name: "gate", steps: [] } : one,
        );
        const file = join(folder, "gateless.json");
        writeFileSync(
          file,
          JSON.stringify({ ...play, metadata: { name: `gateless-${name}` }, spec: { ...play.spec, templates } }),
        );
        await kubectl("create", "--filename", file);
      },
      repair: () => kubectl("delete", "workflowtemplate", `gateless-${name}`),
      line: "fail  main workflow gateless-NAME (leads from each agent to a gate): it has no suspend template without a duration, so it never waits at a gate; fix: add a template with suspend: {}, and a step that uses it after each agent",
    },
    {
      what: "the key is not the App's",
      seed: () => installApp({ publicKeyPem: otherKey }),
      repair: () => installApp(),
      line: "fail  App's key: GitHub does not accept it as a key of App ID (401: A JSON web token could not be decoded); fix: create a key at GitHub (the App's settings, Private keys), and pulumi config set --secret githubAppPrivateKey < APP.private-key.pem, then pulumi up; if the Secret is your own: kubectl -n agent-platform create secret generic NAME-github-app --from-file=private-key.pem=FILE --dry-run=client -o yaml | kubectl apply -f -; if this is the wrong App: pulumi config set --path githubApp.id ID",
    },
    {
      what: "the App lacks a permission",
      seed: () => installApp({ permissions: { contents: "read", pull_requests: "read", repository_hooks: "write" } }),
      repair: () => installApp(),
      line: `fail  App's permissions (REPOSITORY): the App lacks pull_requests: write; fix: ${change}`,
    },
    {
      what: "the App has more permissions than it needs",
      seed: () =>
        installApp({
          permissions: {
            contents: "write",
            pull_requests: "write",
            repository_hooks: "write",
            administration: "write",
          },
        }),
      repair: () => installApp(),
      line: `warn  App's permissions (REPOSITORY): the App has more permissions than it needs: contents: write, administration: write; fix: ${change.replace("grant it", "remove them")}`,
    },
    {
      what: "the App's installation is suspended",
      seed: () => installApp({ suspended: true }),
      repair: () => installApp(),
      line: "fail  App's installation (REPOSITORY): installation ID has been suspended since TIME; fix: unsuspend it: https://github.com/organizations/5dlabs/settings/installations/ID",
    },
    {
      what: "the App is not installed on the repository",
      seed: () => installApp({ repositories: ["5dlabs/elsewhere"] }),
      repair: () => installApp(),
      line: "fail  App's installation (REPOSITORY): the App is not installed there (404: Not Found); fix: install it: https://github.com/apps/NAME/installations/new; if the repository's name is wrong or was changed: pulumi config set --path 'repositories[0]' OWNER/NAME, then pulumi up",
    },
    {
      what: "the repository was renamed",
      seed: () => stack.github.renameRepository(repository, `${repository}-new`),
      repair: () => stack.github.renameRepository(`${repository}-new`, repository),
      line: "fail  App's installation (REPOSITORY): REPOSITORY was renamed to REPOSITORY-new, and pushes under the new name are ignored; fix: correct repositories: pulumi config set --path 'repositories[0]' REPOSITORY-new, then pulumi up",
    },
    {
      what: "the ready label was deleted",
      seed: () => stack.github.putRepository(repository, { deletedLabels: ["ready-for-qa"] }),
      repair: () => stack.github.putRepository(repository, { labels: ["ready-for-qa"] }),
      line: "fail  labels (REPOSITORY): there is no label ready-for-qa, so no push can ever remove it; fix: gh label create ready-for-qa --repo REPOSITORY; if your label has another name: pulumi config set --path pullRequest.readyLabel NAME, then pulumi up",
    },
    {
      what: "Argo limits the number of running workflows",
      // The limit is higher than the node can reach, so that it delays nothing even if the test leaves it behind.
      seed: () => patch("configmap", "workflow-controller-configmap", { data: { parallelism: "100000" } }),
      repair: () => patch("configmap", "workflow-controller-configmap", { data: { parallelism: null } }),
      line: `warn  workflows at once: at most 100000 workflows of Argo's controller (parallelism in ConfigMap agent-platform/workflow-controller-configmap): ${atOnce}: kubectl -n agent-platform edit configmap workflow-controller-configmap; then restart Argo Workflows' controller, because it reads the ConfigMap only at its start; ${waysOut}`,
    },
    {
      what: "a label of the namespace limits the number of running workflows",
      seed: () => kubectl("label", "namespace", namespace, "workflows.argoproj.io/parallelism-limit=100000"),
      repair: () => kubectl("label", "namespace", namespace, "workflows.argoproj.io/parallelism-limit-"),
      line: `warn  workflows at once: at most 100000 workflows in namespace agent-platform (label workflows.argoproj.io/parallelism-limit of the namespace): ${atOnce}: kubectl label --overwrite namespace agent-platform workflows.argoproj.io/parallelism-limit=NUMBER; ${waysOut}`,
    },
    {
      what: "the webhook's Secret ends with a line feed",
      seed: () => appendToSecret("\n"),
      repair: () => appendToSecret(""),
      line: `warn  webhook's secret: Secret HOOK, key secret, ends with a line feed, which Argo Events ignores: GitHub needs the secret without it; fix: scripts/rex webhook register gives GitHub the right text; to remove the line feed: ${again}`,
    },
    {
      what: "the webhook's Secret also ends with a carriage return",
      seed: () => appendToSecret("\r\n"),
      repair: () => appendToSecret(""),
      line: `warn  webhook's secret: Secret HOOK, key secret, ends with "\\r\\n", of which Argo Events ignores only one line feed: GitHub needs the secret with "\\r" at its end; fix: create it again without the white space: ${again}; kubectl -n agent-platform rollout restart deployment -l eventsource-name=NAME; scripts/rex webhook register`,
    },
    {
      what: "the webhook goes elsewhere",
      seed: () => putHook({ url: "https://elsewhere.example.com/push" }),
      repair: () => putHook(),
      line: `fail  webhook (REPOSITORY): no webhook sends to URL; there are webhooks to https://elsewhere.example.com/push; fix: ${register}`,
    },
    {
      what: "the webhook is not active",
      seed: () => putHook({ active: false }),
      repair: () => putHook(),
      line: `fail  webhook (REPOSITORY): the repository's, ID: active is false, not true; fix: ${register}`,
    },
    {
      what: "the webhook sends forms",
      seed: () => putHook({ contentType: "form" }),
      repair: () => putHook(),
      line: `fail  webhook (REPOSITORY): the repository's, ID: content_type is form, not json; fix: ${register}`,
    },
    {
      what: "the webhook sends no pushes",
      seed: () => putHook({ events: ["issues"] }),
      repair: () => putHook(),
      line: `fail  webhook (REPOSITORY): the repository's, ID: events is issues, not push; fix: ${register}`,
    },
    {
      what: "the webhook has another secret",
      args: ["--ping"],
      seed: () => putHook({ secret: "another secret of the webhook" }),
      repair: () => putHook(),
      line: `fail  deliveries (REPOSITORY): the last delivery, a ping at TIME, was answered 400: the EventSource refuses it: the signature is wrong, so GitHub and the installation have different secrets; fix: ${register}; then scripts/rex doctor --ping`,
    },
    {
      what: "the webhook's deliveries do not reach the EventSource",
      args: ["--ping"],
      seed: async () => {
        const nowhere = url.replace(/:\d+/, ":12001");
        await putHook({ url: nowhere });
        writeOutputs(nowhere);
      },
      repair: async () => {
        writeOutputs(url);
        await putHook();
      },
      line: "fail  deliveries (REPOSITORY): the last delivery, a ping at TIME, was not answered: GitHub got no answer (failed to connect to host): the URL is wrong, or it does not lead to the EventSource; fix: repair the network path from GitHub to the EventSource: host name, Ingress, certificate, NetworkPolicy; then scripts/rex doctor --ping",
    },
    {
      what: "the configuration has the wrong name for CodeRuns",
      seed: () => up({ "codeRun.resource": "agentruns" }),
      repair: () => up(),
      line: "fail  CodeRuns: the API server knows no agentruns of agents.platform/v1; fix: kubectl api-resources | grep -i coderun shows the right names; pulumi config set --path codeRun.resource NAME (codeRun.group, codeRun.version), then pulumi up",
    },
    {
      what: "an existing EventSource of the user does not verify signatures",
      seed: async () => {
        const { spec } = JSON.parse(await kubectl("get", "eventsource", name, "--output=json"));
        delete spec.template.serviceAccountName;
        delete spec.github.push.webhookSecret;
        const theirs = {
          apiVersion: "argoproj.io/v1alpha1",
          kind: "EventSource",
          metadata: { name: `theirs-${name}` },
          spec,
        };
        writeFileSync(join(folder, "theirs.json"), JSON.stringify(theirs));
        await kubectl("create", "--filename", join(folder, "theirs.json"));
        await up({ existingEventSource: { name: `theirs-${name}`, event: "push" }, webhookSecret: undefined });
      },
      repair: async () => {
        await up();
        await kubectl("delete", "eventsource", `theirs-${name}`);
      },
      line: "fail  signatures: EventSource theirs-NAME names no webhookSecret for the event push, so it accepts forged pushes; fix: kubectl -n agent-platform edit eventsource theirs-NAME: spec.github.push.webhookSecret: {name: SECRET, key: KEY}",
    },
  ];

  for (const { what, line, args = [], missing, seed, repair } of faults) {
    it(`finds that ${what}`, async function () {
      const why = await missing?.();
      if (why !== undefined) {
        say(`not tried: ${what}: ${why}`);
        this.skip();
      }
      let last: string[] = [];
      let exitCode: number | null = null;
      try {
        await seed();
        seeded += 1;
        // The cluster reports a change, and the repair of the previous fault, only some seconds later.
        await until(line, 90_000, async () => {
          const result = await doctor(...args);
          exitCode = result.exitCode;
          last = newFindings(result.lines, line);
          return last.length === 1 && last[0] === line;
        }).catch(() => undefined);
      } finally {
        await repair();
      }
      deepEqual(last, [line]);
      equal(exitCode, line.startsWith("fail") ? 1 : 0);
    });
  }

  it("finds no fault once everything is repaired", async () => {
    await until("the stack has no fault", 90_000, async () => {
      const { exitCode, lines } = await doctor("--ping");
      return exitCode === 0 && newFindings(lines, "").length === 0;
    });
  });
});
