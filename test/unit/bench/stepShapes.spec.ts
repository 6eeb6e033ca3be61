import { deepEqual, equal, throws } from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { inShape, type StepContainer, type StepTemplate, type TemplateSpec } from "../../../dev/bench/stepShapes.ts";

const shared = { name: "remediation", mountPath: "/remediation" };
const token = { name: "token", mountPath: "/token" };
const key = { name: "key", mountPath: "/key", readOnly: true };

const fromThePod = { name: "REPOSITORIES", valueFrom: { fieldRef: { fieldPath: "metadata.annotations['x']" } } };

function container(name: string, step: string, text: string, more: Partial<StepContainer> = {}): StepContainer {
  return {
    name,
    image: "steps:1",
    command: ["bash", "-c"],
    args: [text, step],
    env: [{ name: "STEP", value: step }, { name: "TASK", value: "{{workflow.parameters.task}}" }, fromThePod],
    resources: { requests: { cpu: "10m", memory: "32Mi" }, limits: { cpu: "1" } },
    ...more,
  };
}

const outputs = { parameters: [{ name: "outcome", valueFrom: { path: "/remediation/outcome" } }] };
const onExit: StepTemplate = { name: "on-exit", steps: [] };

/** A remediation with four steps, as the program renders it. */
function installed(containers = steps()): TemplateSpec {
  return {
    entrypoint: "remediate",
    onExit: "on-exit",
    serviceAccountName: "rex",
    templates: [
      {
        name: "remediate",
        retryStrategy: { limit: "2" },
        activeDeadlineSeconds: 100,
        volumes: [
          { name: "remediation", emptyDir: { medium: "Memory" } },
          { name: "token", emptyDir: { medium: "Memory" } },
          { name: "key", secret: { secretName: "app" } },
        ],
        containerSet: { volumeMounts: [shared], containers },
        outputs,
        metrics: { prometheus: [] },
      },
      onExit,
    ],
  };
}

function steps(): StepContainer[] {
  return [
    container("plan", "plan", "echo planned", { volumeMounts: [token, key] }),
    container("cancel", "cancel", "echo cancelled", { dependencies: ["plan"] }),
    container("label", "label", "echo unlabelled", { dependencies: ["plan"], volumeMounts: [token] }),
    container("main", "record", "echo recorded", { dependencies: ["cancel", "label"] }),
  ];
}

describe("the shapes of the steps", () => {
  it("leave the installed one unchanged", () => {
    deepEqual(inShape(installed(), "installed", "claim"), installed());
  });

  it("run each step in its own pod, and the pods share what the containers shared", () => {
    const rest = { retryStrategy: { limit: "2" }, activeDeadlineSeconds: 100 };
    const claim = { name: "shared", persistentVolumeClaim: { claimName: "claim" } };
    const onClaim = { name: "shared", mountPath: "/remediation", subPath: "{{workflow.name}}/remediation" };
    const tokenOnClaim = { name: "shared", mountPath: "/token", subPath: "{{workflow.name}}/token" };
    deepEqual(inShape(installed(), "pods", "claim").templates, [
      {
        name: "remediate",
        dag: {
          tasks: [
            { name: "plan", template: "plan" },
            { name: "cancel", template: "cancel", dependencies: ["plan"] },
            { name: "label", template: "label", dependencies: ["plan"] },
            { name: "record", template: "record", dependencies: ["cancel", "label"] },
          ],
        },
      },
      {
        name: "plan",
        ...rest,
        volumes: [claim, { name: "key", secret: { secretName: "app" } }],
        container: container("main", "plan", "echo planned", { volumeMounts: [onClaim, tokenOnClaim, key] }),
      },
      {
        name: "cancel",
        ...rest,
        volumes: [claim],
        container: container("main", "cancel", "echo cancelled", { volumeMounts: [onClaim] }),
      },
      {
        name: "label",
        ...rest,
        volumes: [claim],
        container: container("main", "label", "echo unlabelled", { volumeMounts: [onClaim, tokenOnClaim] }),
      },
      {
        name: "record",
        ...rest,
        volumes: [claim],
        container: container("main", "record", "echo recorded", { volumeMounts: [onClaim] }),
        outputs,
      },
      onExit,
    ]);
  });

  it("run all steps in one container, with everything the steps have except limits", () => {
    const spec = inShape(installed(), "single", "claim");
    const [entry, ...others] = spec.templates;
    const { containerSet: _, ...template } = installed().templates[0] as StepTemplate;
    const [script = "", ...texts] = entry?.container?.args ?? [];
    deepEqual(entry, {
      ...template,
      container: {
        name: "main",
        image: "steps:1",
        command: ["bash", "-c"],
        args: [script, "steps", "echo planned", "echo cancelled", "echo unlabelled", "echo recorded"],
        env: [{ name: "TASK", value: "{{workflow.parameters.task}}" }, fromThePod],
        resources: { requests: { cpu: "40m", memory: "32Mi" } },
        volumeMounts: [shared, token, key],
      },
    });
    equal(texts.length, 5);
    deepEqual(others, [onExit]);
  });

  describe("the one container's bash", () => {
    function run(texts: [plan: string, cancel: string, label: string, record: string]) {
      const [plan, cancel, label, record] = steps().map((one, index) => ({
        ...one,
        args: [texts[index] ?? "", one.args[1] ?? ""],
      })) as [StepContainer, StepContainer, StepContainer, StepContainer];
      const [entry] = inShape(installed([plan, cancel, label, record]), "single", "claim").templates;
      const { status, stdout } = spawnSync("bash", ["-c", ...(entry?.container?.args ?? [])], {
        encoding: "utf8",
        timeout: 5000,
      });
      return { status, lines: stdout.split("\n").slice(0, -1) };
    }
    const say = 'echo "$0 $STEP"';

    it("runs the steps in order, each with its own name", () => {
      deepEqual(run([say, say, `sleep 0.2; ${say}`, say]), {
        status: 0,
        lines: ["plan plan", "cancel cancel", "label label", "record record"],
      });
    });

    it("runs steps side by side if they depend on the same steps", () => {
      deepEqual(run([say, `sleep 0.5; ${say}`, say, say]), {
        status: 0,
        lines: ["plan plan", "label label", "cancel cancel", "record record"],
      });
    });

    it("ends with the step that fails", () => {
      deepEqual(run(["exit 3", say, say, say]), { status: 3, lines: [] });
      deepEqual(run([say, "exit 4", say, say]), { status: 4, lines: ["plan plan", "label label"] });
      deepEqual(run([say, say, "sleep 0.2; exit 5", say]), { status: 5, lines: ["plan plan", "cancel cancel"] });
    });
  });

  it("refuses a template whose steps it cannot keep", () => {
    throws(() => inShape({ ...installed(), entrypoint: "on-exit" }, "pods", "claim"), /on-exit is not a containerSet/);
    const circle = steps().map((one) => (one.name === "plan" ? { ...one, dependencies: ["main"] } : one));
    throws(() => inShape(installed(circle), "single", "claim"), /depend on each other in a circle/);
    const different = steps().map((one, index) => ({ ...one, env: [{ name: "TASK", value: `${index}` }] }));
    throws(() => inShape(installed(different), "single", "claim"), /different values of TASK/);
  });
});
