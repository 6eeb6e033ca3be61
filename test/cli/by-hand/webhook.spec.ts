import { deepEqual, equal, match } from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { addressOf } from "../../support/delivery.ts";
import { devPlatform } from "../../support/devPlatform.ts";
import { installDevApp, readDevStack } from "../../support/devStack.ts";
import { pushPayload } from "../../support/github/index.ts";
import { rex } from "../../support/platform.ts";
import { runTool, type ToolResult } from "../../support/tool.ts";

const hookId = 71;

/**
 * cli/webhook.ts against the dev stack: outputs, Secret and EventSource are real, and the double of GitHub delivers for real what a
 * webhook is sent. What this does not show: bad calls and GitHub's refusals, which test/cli/doubled/webhook.spec.ts makes; a real GitHub;
 * and a way in from outside, in whose place the Service's address is given.
 */
describe("npm run webhook, on a cluster", function () {
  this.timeout(240_000);
  const dev = devPlatform();
  let url: string;

  before(async () => {
    await installDevApp(dev.platform.github, { repository_hooks: "write" });
    const inCluster = new URL(readDevStack().outputs.webhookUrl);
    inCluster.hostname = await addressOf(dev.platform.cluster, inCluster.hostname);
    url = inCluster.href;
  });
  afterEach(async () => {
    const { hooks } = await dev.platform.github.state();
    for (const { id } of hooks.filter((hook) => hook.url === url)) await dev.platform.github.removeHook(id);
  });
  after(() => installDevApp(dev.platform.github));

  function webhook(...args: string[]): Promise<ToolResult> {
    const outputs = join(process.env.REX_DEV_STACK ?? "", "outputs.json");
    return runTool("webhook.ts", [...args, "--url", url], { REX_OUTPUTS: outputs, GITHUB_TOKEN: undefined });
  }

  const putHook = (secret: string) =>
    dev.platform.github.putRepositoryHook(readDevStack().repository, { id: hookId, url, secret });

  it("registers a webhook whose pings the EventSource takes", async () => {
    const { repository, webhookSecret } = readDevStack();
    const { exitCode, stdout } = await webhook("register");
    equal(exitCode, 0, stdout);
    const made = (await dev.platform.github.state()).hooks.find((hook) => hook.url === url);
    deepEqual([made?.repository, made?.secret], [repository, webhookSecret]);
    const pinged = await webhook("ping");
    equal(pinged.stdout, `${repository}: webhook ${made?.id}: answered 200: it was taken, so the signature is right\n`);
    equal(pinged.exitCode, 0);
    equal((await webhook("status")).exitCode, 0);
  });

  it("finds another secret out, and sets it right [webhook-secret-set-right]", async () => {
    await putHook("another");
    const pinged = await webhook("ping");
    equal(pinged.exitCode, 1);
    match(pinged.stdout, /answered 400: .* npm run webhook -- register sets it\n$/);
    equal((await webhook("register")).exitCode, 0);
    equal((await webhook("ping")).exitCode, 0);
  });

  it("brings a push through that failed before, and its run comes [redeliver-brings-push]", async () => {
    const { webhookSecret, repository } = readDevStack();
    await putHook(webhookSecret);
    const task = await dev.platform.startTask("at-bare-gate", { pullLabels: ["ready-for-qa"] });
    const push = {
      ref: `refs/heads/${task.branch}`,
      ...(await dev.platform.moveBranch(task)),
      pushedAt: dev.platform.clock(),
    };
    const payload = pushPayload({ repository, sender: rex, ...push });
    await dev.platform.github.noteDelivery({ hook: hookId, guid: randomUUID(), statusCode: 400, payload });
    const { exitCode, stdout } = await webhook("redeliver", "--failed");
    equal(exitCode, 0, stdout);
    match(stdout, /was answered 200: it was taken, so the signature is right$/m);
    const run = await dev.platform.ended(dev.platform.runName(task.id, push));
    equal(run.metadata.labels?.["rex-remediation/outcome"], "remediated");
  });
});
