import { deepEqual, equal, ok } from "node:assert/strict";
import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { devPlatform } from "../../support/devPlatform.ts";
import { readDevStack } from "../../support/devStack.ts";
import { say } from "../../support/figures.ts";
import type { Credential } from "../../support/github/index.ts";
import { nodeEnvironment } from "../../support/node.ts";
import type { Task } from "../../support/platform.ts";
import { findings, forms, type NamedSecret, pemSecret } from "../../support/secretSearch.ts";
import {
  filesBelow,
  objects,
  objectsButSecrets,
  podLogs,
  taskResults,
  type WrittenText,
} from "../../support/writtenTexts.ts";

/**
 * All that is written while `pulumi up` makes the stack and two runs go through it, one to a good end and one to its exit handler,
 * searched for the stack's secrets and for what the runs proved themselves to GitHub with.
 *
 * Not searched, since the secrets are there by intent: the Secret objects (and so etcd), the pods' mounts, the memory of the double of
 * GitHub (github.json; its log is searched), and the files private-key.pem and webhook-secret, with which dev/dev-stack keeps the
 * tests' secrets. What this does not show: the command lines and environments of processes, the memory of pods, logs that the kubelet
 * has rotated away, what a proxy before GitHub writes, and other forms of a secret than plain text and base64.
 */
describe("the secrets", function () {
  this.timeout(300_000);
  const dev = devPlatform();
  const stack = readDevStack();
  const name = stack.outputs.workflowTemplate;
  const folder = process.env.REX_DEV_STACK ?? "";
  const webhookSecret: NamedSecret = { name: "the webhook secret", value: stack.webhookSecret };
  const privateKey = pemSecret("the App's private key", stack.privateKey);
  let tasks: Task[];
  let runs: string[];
  /** Since the spec began; other specs' are among them. */
  let credentials: Credential[];
  let secrets: NamedSecret[];
  let texts: Record<"logs" | "objects" | "components" | "pulumi" | "outputs", WrittenText[]>;

  before(async () => {
    const start = Date.now();
    const [good, bad] = await Promise.all([startTask(), startTask()]);
    await hinder(bad);
    tasks = [good, bad];
    const ends = await Promise.all([remediate(good, "remediated"), remediate(bad, "failed")]);
    runs = ends.map(({ run }) => run);
    credentials = (await dev.platform.github.credentials()).filter(({ time }) => Date.parse(time) >= start);
    secrets = [
      webhookSecret,
      privateKey,
      ...credentials.map(({ value, kind, time }) => ({ name: `${kind} of ${time}`, value })),
    ];
    texts = {
      logs: await podLogs(dev.platform.cluster),
      objects: [...(await objectsButSecrets(dev.platform.cluster)), ...ends.flatMap(({ results }) => results)],
      components: filesBelow(nodeEnvironment().logs),
      pulumi: filesBelow(join(folder, "pulumi")),
      outputs: [{ place: "outputs.json", text: readFileSync(join(folder, "outputs.json"), "utf8") }],
    };
  });

  function startTask(): Promise<Task> {
    return dev.platform.startTask("at-bare-gate", { pullLabels: ["ready-for-qa"] });
  }

  /** Lets no attempt of the task's run take the label off. */
  async function hinder({ pull }: Task): Promise<void> {
    await dev.platform.github.addFault({
      method: "DELETE",
      pathPattern: `/issues/${pull}/labels`,
      status: 403,
      body: { message: "Resource not accessible by integration" },
      times: 3,
    });
  }

  /** Remediates, and gives the run's name and every state of its results: Argo removes them when the run ends. */
  async function remediate(task: Task, outcome: string): Promise<{ run: string; results: WrittenText[] }> {
    const { run } = await dev.platform.push(task);
    let isOver = false;
    const end = async () => {
      equal(await dev.platform.outcome(run, 200_000), outcome);
      await dev.platform.ended(run);
    };
    const [results] = await Promise.all([
      taskResults(dev.platform.cluster, run, () => isOver),
      end().finally(() => {
        isOver = true;
      }),
    ]);
    return { run, results };
  }

  /** The stack's Secret objects, by name. */
  async function ownSecrets(): Promise<WrittenText[]> {
    const all = await objects(stack.outputs.namespace, ["secrets"]);
    return all.filter(({ place }) => new RegExp(`^Secret ${name}-(github-app|webhook-[0-9a-f]{8})$`).test(place));
  }

  /** Every container of the run's pods, as POD/CONTAINER. */
  async function containersOf(run: string): Promise<string[]> {
    const { items } = await dev.platform.cluster.core.listNamespacedPod({
      namespace: stack.outputs.namespace,
      labelSelector: `workflows.argoproj.io/workflow=${run}`,
    });
    return items.flatMap(({ metadata, spec }) =>
      [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])].map(({ name }) => `${metadata?.name}/${name}`),
    );
  }

  it("are the stack's two, and what each of the runs proved itself with", async () => {
    const requests = await dev.platform.github.requests();
    const tokens = new Map((await dev.platform.github.tokens()).map(({ id, token }) => [id, token]));
    const sought = new Set(secrets.map(({ value }) => value));
    for (const { id } of tasks) {
      const used = requests.filter(({ path, tokenId }) => tokenId !== null && path.includes(id));
      const values = new Set(used.map(({ tokenId }) => tokens.get(tokenId ?? "") ?? ""));
      ok(values.size > 0, `the run of task ${id} used no token`);
      for (const value of values) ok(sought.has(value), `a token of task ${id} is not searched for`);
    }
    for (const kind of ["token", "json-web-token"])
      ok(credentials.filter((credential) => credential.kind === kind).length >= 2, kind);
  });

  it("are looked for wherever the runs and the stack were written down", async () => {
    const placesOf = (value: string, searched: WrittenText[]) =>
      findings([{ name: "it", value }], searched).map((finding) => finding.replace("it in ", ""));
    for (const run of runs) {
      const containers = await containersOf(run);
      ok(containers.length > 5, `${run}: ${containers}`);
      const read = texts.logs.map(({ place }) => place);
      deepEqual(
        containers.filter((container) => !read.includes(`log of ${container}`)),
        [],
      );
      ok(placesOf(run, texts.logs).some((place) => place.startsWith(`log of ${run}-`)));
      const kinds = new Set(placesOf(run, texts.objects).map((place) => place.split(" ")[0]));
      for (const kind of ["Workflow", "Pod", "WorkflowTaskResult", "Event"])
        ok(kinds.has(kind), `${run} in no ${kind}`);
      const logs = placesOf(run, texts.components).map((place) => basename(place));
      for (const log of ["workflow-controller.log", "kubelet.log"]) ok(logs.includes(log), `${run} is not in ${log}`);
    }
    for (const { place: secret } of await ownSecrets()) {
      const files = placesOf(secret.replace("Secret ", ""), texts.pulumi);
      ok(
        files.some((file) => /\/stacks\/.*\/dev\.json$/.test(file)),
        `${secret}: ${files}`,
      );
    }
    deepEqual(placesOf(stack.outputs.webhookUrl, texts.outputs), ["outputs.json"]);
    const kinds = new Set(texts.objects.map(({ place }) => place.split(" ")[0]));
    deepEqual(
      [
        ...["WorkflowTemplate", "EventSource", "Sensor", "Deployment", "ConfigMap", "ServiceAccount", "Role", "Secret"],
        ...["RoleBinding", "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"],
      ].filter((kind) => !kinds.has(kind)),
      ["Secret"],
    );
  });

  it("would be found, in each of their forms, and are found in the Secrets", async () => {
    for (const secret of secrets) {
      for (const form of forms(secret))
        deepEqual(findings([secret], [{ place: "it", text: `before${form}after` }]), [`${secret.name} in it`]);
      for (const before of ["", "1", "12"]) {
        const text = Buffer.from(`${before}${secret.value}after`).toString("base64");
        deepEqual(findings([secret], [{ place: "it", text }]), [`${secret.name} in it`]);
      }
      deepEqual(findings([secret], [{ place: "it", text: secret.value.slice(0, 20) }]), []);
    }
    const own = await ownSecrets();
    const names = own.map(({ place }) => place.replace(/-[0-9a-f]{8}$/, "-HASH"));
    deepEqual(names, [`Secret ${name}-github-app`, `Secret ${name}-webhook-HASH`]);
    deepEqual(findings([privateKey, webhookSecret], own), [
      `${privateKey.name} in ${own[0]?.place}`,
      `${webhookSecret.name} in ${own[1]?.place}`,
    ]);
  });

  it("are nowhere [secrets-nowhere]", () => {
    const searched = Object.values(texts).flat();
    const found = findings(secrets, searched);
    say(`secrets: ${searched.length} texts searched for ${secrets.length} secrets, ${found.length} found`);
    deepEqual(found, []);
  });
});
