import { deepEqual, equal, match, ok } from "node:assert/strict";
import { execFile } from "node:child_process";
import { createPublicKey } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterwards } from "../../support/afterwards.ts";
import { Cluster } from "../../support/cluster.ts";
import { readDevStack } from "../../support/devStack.ts";
import { say } from "../../support/figures.ts";
import { GitHubDoubleClient, randomSha } from "../../support/github/index.ts";
import { nodeEnvironment } from "../../support/node.ts";
import { privateKey } from "../../support/pulumi/stackConfig.ts";
import { type Ended, freshName } from "../../support/pulumi/stackRun.ts";
import { tool } from "../../support/pulumi/upstream.ts";
import { runTool } from "../../support/tool.ts";

const root = resolve(import.meta.dirname, "../../..");
const run = promisify(execFile);

/**
 * The instructions of docs/install.md and docs/operate.md for a user with their own cluster, its context and no Pulumi login. The embedded
 * node plays that cluster. Pulumi's own Kubernetes provider, `pulumi up` by Pulumi's language host, access from outside and the real GitHub
 * are not covered.
 */
describe("scripts/up and scripts/down, on a cluster by its context", function () {
  this.timeout(300_000);
  const name = freshName();
  const context = "acme-prod";
  const repository = `acme/${name}`;
  const appId = 5_000_000 + Math.floor(Math.random() * 1_000_000);
  const { namespace } = nodeEnvironment();
  const task = "3";
  let folder: string;
  let environment: Record<string, string | undefined>;
  let outputs: string;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "rex-own-cluster-"));
    environment = {
      KUBECONFIG: kubeconfig(),
      REX_STATE: join(folder, "state"),
      REX_OUTPUTS: undefined,
      PULUMI_BACKEND_URL: undefined,
      PATH: [dirname(process.execPath), dirname(tool("pulumi") ?? ""), process.env.PATH].join(delimiter),
    };
    writeFileSync(join(folder, "app.private-key.pem"), privateKey);
    await run("bash", ["-c", "openssl rand -hex 32 > webhook-secret"], { cwd: folder });
    const github = new GitHubDoubleClient(readDevStack().githubUrl);
    await github.putApp({
      appId,
      slug: name,
      publicKeyPem: createPublicKey(privateKey).export({ type: "spki", format: "pem" }).toString(),
      installationId: appId,
      permissions: { contents: "read", pull_requests: "write", metadata: "read" },
      repositories: [repository],
    });
    await github.putRepository(repository, {
      branches: { "task-3-trial": randomSha() },
      pushedBy: "somebody",
      pulls: [{ number: 17, headRef: "task-3-trial", labels: ["ready-for-qa"] }],
    });
  });
  after(() =>
    afterwards(
      () => down(),
      () => new Cluster(namespace).deleteWorkflows(`task-id=${task}`),
      () => rmSync(folder, { recursive: true, force: true }),
    ),
  );

  /** Writes a kubeconfig with the node under another name. The current context belongs to a cluster that does not exist. */
  function kubeconfig(): string {
    const { config } = new Cluster(namespace);
    const [own] = config.getContexts().filter(({ name: known }) => known === config.getCurrentContext());
    const text = JSON.parse(config.exportConfig());
    const path = join(folder, "kubeconfig");
    writeFileSync(
      path,
      JSON.stringify({
        ...text,
        clusters: [...text.clusters, { name: "away", cluster: { server: "https://127.0.0.1:10" } }],
        contexts: [
          { name: context, context: { cluster: own?.cluster, user: own?.user } },
          { name: "away", context: { cluster: "away", user: own?.user } },
        ],
        "current-context": "away",
      }),
    );
    return path;
  }

  async function script(file: string, ...args: string[]): Promise<Ended> {
    const env = { ...process.env, ...environment };
    return run(join(root, file), [...args, "--context", context, "--stack", "own", "--provider", "double"], {
      env,
      timeout: 200_000,
    }).then(
      ({ stdout, stderr }) => ({ exitCode: 0, stdout, stderr }),
      ({ code, stdout, stderr }) => ({ exitCode: code, stdout, stderr }),
    );
  }

  const down = (...args: string[]) => script("scripts/down", ...args);
  const named = async (kinds: string): Promise<string[]> => {
    const { stdout } = await run("kubectl", ["get", kinds, "--namespace", namespace, "--output", "name"]);
    return stdout.split("\n").filter((line) => line.includes(name));
  };
  const kinds =
    "secrets,serviceaccounts,services,roles,rolebindings,eventsources,sensors,workflows,workflowtemplates,cronworkflows,pods,validatingadmissionpolicies,validatingadmissionpolicybindings";

  it("says where it stored the outputs for the other tools [says-where-outputs-are]", async () => {
    const began = Date.now();
    const values = {
      name,
      repositories: JSON.stringify([repository]),
      "githubApp.id": `${appId}`,
      "githubApp.apiUrl": readDevStack().githubUrl,
      "steps.image": nodeEnvironment().stepsImage,
      "sweep.schedule": "0 0 1 1 *",
    };
    const up = [
      ...Object.entries(values).flatMap(([key, value]) => ["--config", `${key}=${value}`]),
      ...["--secret", `githubAppPrivateKey@${join(folder, "app.private-key.pem")}`],
      ...["--secret", `webhookSecret@${join(folder, "webhook-secret")}`],
    ];
    const previewed = await script("scripts/up", ...up, "--dry-run");
    deepEqual([previewed.exitCode, await named(kinds)], [0, []], previewed.stderr);
    const { exitCode, stdout, stderr } = await script("scripts/up", ...up);
    equal(exitCode, 0, stderr);
    say(`scripts/up --context: ${((Date.now() - began) / 1000).toFixed(0)} s`);
    [, outputs = ""] = /export REX_OUTPUTS=(\S+)$/m.exec(stderr) ?? [];
    equal(readFileSync(outputs, "utf8"), stdout);
    match(stderr, new RegExp(`scripts/down --context ${context} --stack own removes it`));
    // scripts/down of the embedded node deletes the node's folder, so the outputs must not be in it.
    const { stdout: node } = await run("bash", ["-c", `source ${root}/scripts/lib.sh; state_dir`], {
      env: { ...process.env, ...environment },
    });
    ok(!outputs.startsWith(`${node.trim()}/`), `${outputs} is in ${node}`);
    ok((await named(kinds)).length > 20, "the created objects were not found");
  });

  it("remediates the trial task after a push [trial-task-remediated]", async () => {
    const example = join(root, "examples/trial-workflow.yaml");
    const kubectl = (verb: string) => run("kubectl", [verb, "--namespace", namespace, "--filename", example]);
    await kubectl("create");
    const { exitCode, stdout, stderr } = await runTool(
      "push",
      ["--task", task, "--wait", "200", "--context", context, "--yes"],
      {
        ...environment,
        REX_OUTPUTS: outputs,
      },
    );
    equal(exitCode, 0, `${stdout}${stderr}`);
    match(stdout, /^ {2}stop-qa: .*, took ready-for-qa off #17$/m);
    match(stdout, /^ {2}restart-qa: resumed trial-task-3 at stage waiting-pr-created \(it was [a-z-]+\)$/m);
    match(stdout, /^remediated: QA of the task begins again on the current head\n$(?![\s\S])/m);
    await kubectl("delete");
  });

  it("removes everything, including the outputs", async () => {
    const made = await named("eventsources,sensors,workflowtemplates");
    const previewed = await down("--dry-run");
    const left = await named("eventsources,sensors,workflowtemplates");
    deepEqual([previewed.exitCode, left.length, left], [0, 3, made], previewed.stderr);
    const { exitCode, stderr } = await down();
    equal(exitCode, 0, stderr);
    deepEqual(await named(kinds), []);
    const { exitCode: refused, stderr: words } = await runTool("status", ["--context", context], {
      ...environment,
      REX_OUTPUTS: outputs,
    });
    equal(refused, 2);
    match(words, /^status: REX_OUTPUTS: cannot read \S+outputs-own\.json \(ENOENT\)/);
  });
});
