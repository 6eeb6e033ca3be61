import { deepEqual } from "node:assert/strict";
import { jqProgram } from "../../../components/stepScripts.ts";
import { mainWorkflow, type Workflow, type WorkflowNode, workflowNode } from "../../support/workflows.ts";
import { jq, ledger, main, run, withUid } from "./decided.ts";

const name = "play-3";

/** How restart-qa reads a main workflow's nodes, and its patch. test/steps shows that it waits for a gate and opens it in one write. */
describe("restart-qa", function () {
  // Each case starts jq, which is slow on a busy machine.
  this.timeout(60_000);

  /** The ids of the waiting gates and of the pauses. */
  function waiting(nodes: WorkflowNode[], more: Parameters<typeof mainWorkflow>[4] = {}): unknown {
    const workflow = mainWorkflow(name, 3, "waiting-ready-for-qa", nodes, more);
    const program = `${jqProgram("gates.jq")} {gates: [gates[].id], pauses: [waiting | select(.pauses) | .node.id]}`;
    return jq(program, workflow);
  }

  const suspended = (id: string, more: Partial<WorkflowNode> = {}) =>
    workflowNode(id, "Suspend", "Running", { name: `${name}[0].${id}`, ...more });
  const gate = suspended("gate");

  it("takes waiting suspend nodes as gates, even if their template is not found", () => {
    const nodes = [
      gate,
      suspended("other", { templateRef: { name: "parts", template: "lost" } }),
      suspended("open", { phase: "Succeeded" }),
      workflowNode("agent", "Pod", "Running"),
    ];
    deepEqual(waiting(nodes), { gates: ["gate", "other"], pauses: [] });
  });

  for (const [what, of] of [
    ["a hook of the whole workflow [hooks-gate-left-alone]", "hooks.running"],
    ["its exit handler", "onExit"],
    ["a template that its exit handler calls", "onExit[0].ask"],
  ] as const) {
    it(`does not count a gate in ${what}`, () => {
      const other = suspended("other", { name: `${name}.${of}`, nodeFlag: { hooked: true } });
      deepEqual(waiting([other, gate]), { gates: ["gate"], pauses: [] });
    });
  }

  describe("takes a suspend node with a duration as a pause and not as a gate, if its template is", () => {
    const pauses = { name: "pause", inputs: { parameters: [{ name: "wait" }] }, suspend: { duration: "20" } };
    const inline = { name: "pause", inline: { suspend: { duration: "2m" } } };
    const local = { templateName: "pause", templateScope: `local/${name}` };
    /** The places where its template can be, as Argo 3.7 writes them: in the workflow and in the node. */
    const kinds: [string, { spec?: object; status?: object }, Partial<WorkflowNode>][] = [
      ["in the workflow itself", { spec: { templates: [pauses] } }, local],
      [
        "in the workflow, with a duration from a parameter",
        { spec: { templates: [{ ...pauses, suspend: { duration: "{{inputs.parameters.wait}}" } }] } },
        local,
      ],
      [
        "in the WorkflowTemplate of the workflow",
        {
          spec: { workflowTemplateRef: { name: "play" } },
          status: { storedWorkflowTemplateSpec: { templates: [pauses] } },
        },
        { ...local, templateScope: "local/" },
      ],
      [
        "in another WorkflowTemplate that a step calls",
        { status: { storedTemplates: { "namespaced/parts/pause": pauses } } },
        { templateRef: { name: "parts", template: "pause" }, templateScope: `local/${name}` },
      ],
      [
        "in another WorkflowTemplate, called by a step of that WorkflowTemplate",
        { status: { storedTemplates: { "namespaced/parts/pause": pauses } } },
        { templateName: "pause", templateScope: "namespaced/parts" },
      ],
      [
        "in a ClusterWorkflowTemplate",
        { status: { storedTemplates: { "cluster/parts/pause": pauses } } },
        { templateRef: { name: "parts", template: "pause", clusterScope: true }, templateScope: `local/${name}` },
      ],
      [
        "in the step that calls it, without a name",
        { spec: { templates: [{ name: "play", steps: [[inline]] }] } },
        { boundaryID: name, templateScope: `local/${name}` },
      ],
      [
        "in a task of another WorkflowTemplate, without a name, once per item",
        { status: { storedTemplates: { "namespaced/parts/part": { name: "part", dag: { tasks: [inline] } } } } },
        { name: `${name}[0].part.pause(0:a)`, boundaryID: `${name}-part`, templateScope: "namespaced/parts" },
      ],
    ];
    for (const [where, more, of] of kinds) {
      it(where, () => {
        const inWorkflow = { templateScope: `local/${name}` };
        const nodes = [
          workflowNode(name, "Steps", "Running", { name, templateName: "play", ...inWorkflow }),
          workflowNode(`${name}-part`, "DAG", "Running", {
            name: `${name}[0].part`,
            boundaryID: name,
            templateRef: { name: "parts", template: "part" },
            ...inWorkflow,
          }),
          suspended("pause", { boundaryID: name, ...inWorkflow, ...of }),
          gate,
        ];
        deepEqual(waiting(nodes, more), { gates: ["gate"], pauses: ["pause"] });
      });
    }
  });

  it("takes all suspend nodes as pauses if the workflow's defaults give each template a duration", () => {
    const templateDefaults = { suspend: { duration: "20" } };
    deepEqual(waiting([gate], { spec: { templateDefaults } }), { gates: [], pauses: ["gate"] });
  });

  describe("patches the main workflow", () => {
    function patch(workflow: Workflow): unknown {
      const patched = jq(
        `. as $workflow | (${jqProgram("gates.jq")} gates) as $gates | $workflow | ${jqProgram("resume.jq")} resumed($gates)`,
        workflow,
      );
      return (patched as { path: string; value?: string }[]).map((one) => {
        if (!one.path.endsWith("/finishedAt")) return one;
        return { ...one, value: one.value?.replace(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/, "now") };
      });
    }

    const asRead = [
      { op: "test", path: "/metadata/uid", value: `uid-of-${name}` },
      { op: "test", path: "/metadata/labels/current-stage", value: "waiting-ready-for-qa" },
      { op: "test", path: "/metadata/annotations/rex-remediation~1pushed-at", value: "1" },
      { op: "test", path: "/metadata/annotations/rex-remediation~1run", value: run },
      { op: "add", path: "/metadata/labels/current-stage", value: "waiting-pr-created" },
    ];
    const resumed = { op: "add", path: "/metadata/annotations/rex-remediation~1resumed", value: "true" };
    const opened = (id: string) => [
      { op: "test", path: `/status/nodes/${id}/type`, value: "Suspend" },
      { op: "test", path: `/status/nodes/${id}/phase`, value: "Running" },
      { op: "replace", path: `/status/nodes/${id}/phase`, value: "Succeeded" },
      { op: "add", path: `/status/nodes/${id}/finishedAt`, value: "now" },
      { op: "add", path: `/status/nodes/${id}/message`, value: `resumed by ${run}` },
    ];
    const annotations = ledger("false", { "pushed-at": "1" });

    it("with stage, gate and ledger at once, if none has changed since it was read", () => {
      deepEqual(patch(main("waiting-ready-for-qa", { annotations })), [...asRead, resumed, ...opened("gate")]);
    });

    it("so that it also wakes if it is suspended as a whole", () => {
      deepEqual(patch(main("waiting-ready-for-qa", { annotations, spec: { suspend: true } })), [
        ...asRead,
        { op: "test", path: "/spec/suspend", value: true },
        { op: "remove", path: "/spec/suspend" },
        resumed,
        ...opened("gate"),
      ]);
    });

    it("so that only the gate's supplied outputs get their default", () => {
      const parameters = [
        { name: "fixed", value: "x" },
        { name: "verdict", valueFrom: { supplied: {}, default: "go" } },
      ];
      const asking = suspended("a/b~c", { outputs: { parameters } });
      const workflow = withUid(mainWorkflow(name, 3, "waiting-ready-for-qa", [asking], { annotations }));
      deepEqual(patch(workflow), [
        ...asRead,
        resumed,
        ...opened("a~1b~0c"),
        {
          op: "replace",
          path: "/status/nodes/a~1b~0c/outputs/parameters/1",
          value: { name: "verdict", value: "go" },
        },
      ]);
    });
  });
});
