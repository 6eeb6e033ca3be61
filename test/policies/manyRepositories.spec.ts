import { deepEqual, equal, match } from "node:assert/strict";
import { repositoryLabelValue } from "../../components/labels.ts";
import type { ApiAnswer, Caller } from "../support/caller.ts";
import { codeRun } from "../support/codeRuns.ts";
import { Guarded } from "../support/guarded.ts";
import { repositoryNames } from "../support/repositoryNames.ts";
import { mainWorkflow, workflowNode } from "../support/workflows.ts";

const repositories = repositoryNames(500, { characters: 43, owners: 7 });
const labelOf = (index: number) => repositoryLabelValue(repositories.at(index) ?? "");

/** The policies with 500 repositories to compare with: that the API server takes them, and judges within its bounds of cost and length. */
describe("the policies of 500 repositories", function () {
  this.timeout(120_000);
  let guarded: Guarded;
  let pod: Caller;

  before(async () => {
    guarded = await Guarded.open({ repositories });
    const name = `${guarded.runName("3")}-remediate-123`;
    await guarded.startPod(name, "remediation");
    pod = await guarded.as("remediation", name);
  });
  after(() => guarded?.close());

  const path = (group: string, plural: string, name: string) =>
    `/apis/${group}/namespaces/${guarded.cluster.namespace}/${plural}/${name}`;

  async function deletion(name: string, repository: string): Promise<ApiAnswer> {
    const { metadata } = await guarded.cluster.create(codeRun(name, "5DLabs-Cleo", 3, { repository }));
    return pod.send({
      method: "DELETE",
      path: path("agents.platform/v1", "coderuns", name),
      body: { apiVersion: "v1", kind: "DeleteOptions", preconditions: { uid: metadata.uid } },
    });
  }

  it("let a run delete an agent of the first one and of the last one", async () => {
    deepEqual(
      [
        (await deletion("of-the-first", labelOf(0))).code,
        (await deletion("of-the-last", labelOf(-1).toUpperCase())).code,
      ],
      [200, 200],
    );
  });

  it("refuse an agent of another repository, in words that name a few", async () => {
    const { code, message } = await deletion("of-another", `${labelOf(0)}x`);
    equal(code, 403);
    match(
      message,
      new RegExp(`CodeRun of-another names none of the watched repositories \\(${labelOf(0)}, .* and 480 more\\)$`),
    );
  });

  it("let a run open the gate of a main workflow of the last one, and refuse another's", async () => {
    const nodes = [workflowNode("gate", "Suspend", "Running")];
    const open = async (name: string, repository: string) => {
      await guarded.cluster.create(mainWorkflow(name, 3, "waiting-ready-for-qa", nodes, { labels: { repository } }));
      return pod.send({
        method: "PATCH",
        form: "merge",
        path: path("argoproj.io/v1alpha1", "workflows", name),
        body: { status: { nodes: { gate: { phase: "Succeeded", message: "resumed" } } } },
      });
    };
    deepEqual([(await open("main", labelOf(-1))).code, (await open("foreign", `${labelOf(-1)}x`)).code], [200, 403]);
  });
});
