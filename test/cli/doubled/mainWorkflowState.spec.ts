import { deepEqual, equal } from "node:assert/strict";
import { howItEnded, type Node, type WorkflowState, waitingGates } from "../../../cli/lib/mainWorkflowState.ts";

const name = "play-3";

const node = (path: string, phase: string, more: Partial<Node> = {}): [string, Node] => [
  path,
  { name: `${name}${path}`, displayName: path.replace(/^.*\./, ""), type: "Suspend", phase, ...more },
];

const workflow = (nodes: [string, Node][], more: Omit<WorkflowState, "metadata"> = {}): WorkflowState => ({
  metadata: { name },
  ...more,
  status: { phase: "Running", nodes: Object.fromEntries(nodes), ...more.status },
});

const gate = { suspend: {} };
const pause = { suspend: { duration: "20" } };

/** How the tools judge a main workflow from what Argo 3.7 writes. test/steps/restart-qa.spec.ts covers the same for the steps. */
describe("tools on a main workflow", () => {
  it("say that it has ended if it can no longer begin a round, even if Argo calls it Running", () => {
    deepEqual(
      [
        workflow([node("", "Running", { type: "Steps" })]),
        workflow([], { status: { phase: "Error" } }),
        workflow([], { spec: { shutdown: "Terminate" } }),
        workflow([node("", "Succeeded", { type: "Steps" })]),
        workflow([node(".onExit", "Running")]),
      ].map(howItEnded),
      [
        undefined,
        "has ended (Error)",
        "was told to stop (spec.shutdown: Terminate)",
        "reached its exit handler",
        "reached its exit handler",
      ],
    );
  });

  it("name the waiting gates, without pauses in any kind of template, hooks and the exit handler", () => {
    const templates = [
      { name: "gate", ...gate },
      { name: "pause", ...pause },
      {
        name: "play",
        steps: [
          [
            { name: "inline", inline: pause },
            { name: "open", inline: gate },
          ],
        ],
      },
    ];
    const of = (path: string, more: Partial<Node>) => node(path, "Running", more);
    const nodes = [
      of("", { type: "Steps", templateName: "play", templateScope: `local/${name}` }),
      of("[0].gate", { templateName: "gate", templateScope: `local/${name}` }),
      of("[0].pause", { templateName: "pause", templateScope: "local/" }),
      of("[0].inline(0:x)", { boundaryID: "", templateScope: `local/${name}` }),
      of("[0].open", { boundaryID: "", templateScope: `local/${name}` }),
      of("[0].called", { templateRef: { name: "other", template: "pause" }, templateScope: `local/${name}` }),
      of("[0].everywhere", { templateRef: { name: "all", template: "pause", clusterScope: true } }),
      of("[0].within", { templateName: "gate", templateScope: "namespaced/other" }),
      of("[0].unknown", { templateName: "gone", templateScope: `local/${name}` }),
      of("[0].passed", { templateName: "gate", phase: "Succeeded" }),
      of(".hooks.running", { templateName: "gate" }),
      of(".onExit", { templateName: "gate" }),
    ];
    const status = {
      storedTemplates: {
        "namespaced/other/pause": pause,
        "cluster/all/pause": pause,
        "namespaced/other/gate": gate,
      },
    };
    const expected = ["gate", "open", "within", "unknown"];
    deepEqual(waitingGates(workflow(nodes, { spec: { templates }, status })), expected);
    deepEqual(
      waitingGates(workflow(nodes, { spec: {}, status: { ...status, storedWorkflowTemplateSpec: { templates } } })),
      expected,
    );
  });

  it("name no gate if all suspend templates have a duration by default", () => {
    const spec = { templates: [{ name: "gate", ...gate }], templateDefaults: pause };
    equal(waitingGates(workflow([node("[0].gate", "Running", { templateName: "gate" })], { spec })).length, 0);
  });
});
