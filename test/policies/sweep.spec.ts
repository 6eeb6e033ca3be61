import { deepEqual, equal } from "node:assert/strict";
import { refused } from "../support/attempts.ts";
import type { ApiRequest, Caller } from "../support/caller.ts";
import { Guarded } from "../support/guarded.ts";
import { type Run, runOf } from "../support/runs.ts";
import { mainWorkflow } from "../support/workflows.ts";

/**
 * What the API server lets the sweep's account do, with the token of a real pod. Its policy is the Sensor's but for the names and one
 * label, so that only the differences are tried here and the worst of the rest.
 */
describe("with a token of the sweep's pod", function () {
  this.timeout(120_000);

  let guarded: Guarded;
  let pod: Caller;
  let sweep: string;

  before(async () => {
    guarded = await Guarded.open();
    sweep = `${guarded.name}-sweep-1767225600`;
    await guarded.startPod(`${sweep}-sweep-123`, "sweep");
    pod = await guarded.as("sweep", `${sweep}-sweep-123`);
    await guarded.cluster.create(mainWorkflow("main-3", 3, "waiting-ready-for-qa", []));
  });
  after(() => guarded?.close());

  const namespaced = (group: string, plural: string, name = "") =>
    `${group === "" ? "/api/v1" : `/apis/${group}`}/namespaces/${guarded.cluster.namespace}/${plural}${name && `/${name}`}`;
  const path = (name?: string) => namespaced("argoproj.io/v1alpha1", "workflows", name);

  /** A run as the sweep makes it. */
  function sweptRun(task: string): Run {
    const run = runOf(guarded.name, task);
    run.metadata.name += "-sweep";
    run.metadata.labels["rex-remediation/swept"] = "490896";
    return run;
  }

  /** A run that is not quite that. */
  const creation = (change: (run: Run) => void) => (): ApiRequest => {
    const run = sweptRun("5");
    change(run);
    return { method: "POST", path: path(), body: run };
  };
  const result = (name: string, run: string): ApiRequest => ({
    method: "POST",
    path: namespaced("argoproj.io/v1alpha1", "workflowtaskresults"),
    body: {
      apiVersion: "argoproj.io/v1alpha1",
      kind: "WorkflowTaskResult",
      metadata: { name, labels: { "workflows.argoproj.io/workflow": run } },
      phase: "Succeeded",
    },
  });

  describe("is refused", () => {
    const policy = (subject: string, words: string) =>
      new RegExp(
        `forbidden: ValidatingAdmissionPolicy 'rex-[0-9a-f]+-${subject}\\.guarded-[0-9a-f]+' .* denied request: ${words}`,
      );
    const asPushed = (words: string) =>
      policy("swept", `the sweep may only create remediations as a push makes them: ${words}`);
    const labels = asPushed("its labels have to be those that the sweep sets");
    const noRight = (verb: string, plural: string) => new RegExp(`cannot ${verb} resource "${plural}"`);
    const ownResults = policy("sweptresults", "pod '.*-sweep-123' may only report its own results");

    refused("the sweep's account", () => pod, [
      {
        what: "the name of a run that the Sensor makes [sweep-name-of-sensors-run]",
        refusal: asPushed("its name has to be made of its own task and head, and a digest"),
        request: creation((run) => {
          run.metadata.name = runOf(guarded.name, "5").metadata.name;
        }),
      },
      {
        what: "the labels of what the Sensor makes",
        refusal: labels,
        request: creation((run) => {
          run.metadata.labels["events.argoproj.io/sensor"] = guarded.name;
        }),
      },
      {
        what: "the labels of a main workflow",
        refusal: labels,
        request: creation((run) => {
          Object.assign(run.metadata.labels, { "workflow-type": "play-orchestration", "task-id": "5" });
        }),
      },
      {
        what: "an annotation of Argo's",
        refusal: asPushed("it has an annotation that Argo or a remediation would take for its own"),
        request: creation((run) => {
          run.metadata.annotations = { "workflows.argoproj.io/x": "1" };
        }),
      },
      {
        what: "an hour that is none",
        refusal: labels,
        request: creation((run) => {
          run.metadata.labels["rex-remediation/swept"] = "now";
        }),
      },
      {
        what: "a privileged workflow of its own",
        refusal: asPushed("there is a field that none of them has"),
        request: creation((run) => {
          run.spec = {
            entrypoint: "x",
            arguments: { parameters: [] },
            templates: [{ name: "x", container: { image: "x", securityContext: { privileged: true } } }],
          };
        }),
      },
      {
        what: "another template",
        refusal: asPushed("it has to refer to the WorkflowTemplate rex-"),
        request: creation((run) => {
          run.spec.workflowTemplateRef = { name: "play" };
        }),
      },
      {
        what: "a task with a shell's words",
        refusal: asPushed("its parameters have to be"),
        request: creation((run) => {
          run.spec.arguments.parameters[0] = { name: "task", value: "5; rm -rf /" };
        }),
      },
      {
        what: "the stage of a main workflow",
        refusal: noRight("patch", "workflows"),
        request: () => ({
          method: "PATCH",
          form: "merge",
          path: path("main-3"),
          body: { metadata: { labels: { "current-stage": "waiting-pr-created" } } },
        }),
      },
      {
        what: "a workflow's deletion",
        refusal: noRight("delete", "workflows"),
        request: () => ({ method: "DELETE", path: path("main-3") }),
      },
      {
        what: "a list of CodeRuns",
        refusal: noRight("list", "coderuns"),
        request: () => ({ method: "GET", path: namespaced("agents.platform/v1", "coderuns") }),
      },
      {
        what: "a Secret",
        refusal: noRight("get", "secrets"),
        request: () => ({ method: "GET", path: namespaced("", "secrets", "any") }),
      },
      {
        what: "the result of a remediation",
        refusal: ownResults,
        request: () => result(`${guarded.runName("3")}-123`, guarded.runName("3")),
      },
    ]);

    it("and nothing of it has happened", async () => {
      deepEqual(
        (await guarded.cluster.workflows()).map(({ metadata }) => [metadata.name, metadata.labels?.["current-stage"]]),
        [["main-3", "waiting-ready-for-qa"]],
      );
    });
  });

  describe("is let through", () => {
    it("a run as a push makes it, by the sweep's name", async () => {
      const { code, message } = await pod.send({ method: "POST", path: path(), body: sweptRun("3") });
      equal(code, 201, message);
    });

    it("a run with a label and an annotation of somebody else's", async () => {
      const run = sweptRun("4");
      run.metadata.labels["cost-center"] = "42";
      run.metadata.annotations = { "example.com/note": "1" };
      const { code, message } = await pod.send({ method: "POST", path: path(), body: run });
      equal(code, 201, message);
    });

    it("a list of the runs, and its own result", async () => {
      equal((await pod.send({ method: "GET", path: path() })).code, 200);
      const { code, message } = await pod.send(result(`${sweep}-123`, sweep));
      equal(code, 201, message);
    });
  });
});
