import assert from "node:assert/strict";
import { AdmissionPolicies } from "../../../components/policies/policies.ts";
import { type Registration, register, shape } from "../../support/pulumi/mockEngine.ts";

const component = "rex-remediation:index:AdmissionPolicies";
const policyType = "kubernetes:admissionregistration.k8s.io/v1:ValidatingAdmissionPolicy";
const bindingType = "kubernetes:admissionregistration.k8s.io/v1:ValidatingAdmissionPolicyBinding";

interface Policy {
  metadata: { name: string; labels: Record<string, string> };
  spec: {
    failurePolicy: string;
    matchConstraints: { resourceRules: object[] };
    matchConditions: object[];
    variables: { name: string; expression: string }[];
    validations: { expression: string; messageExpression: string; reason: string }[];
  };
}

async function policies(
  name = "rex",
  namespace = "agents",
  repositories: Record<string, string> = { "a/b": "a-b" },
  sweep = true,
  ownedRuns = true,
) {
  const { registrations } = await register(() => {
    new AdmissionPolicies(name, {
      namespace,
      workflowTemplateName: name,
      agentsToCancel: ["5DLabs-Cleo", "5DLabs-Tess"],
      pusherNames: ["5dlabs-rex", "rex"],
      repositoryLabels: repositories,
      codeRuns: {
        group: "agents.platform",
        version: "v1",
        resource: "coderuns",
        taskLabel: "task-id",
        agentLabel: "github-app",
        repositoryLabel: "repository",
        finishedPhases: ["Succeeded"],
      },
      mainWorkflows: {
        typeLabel: "workflow-type",
        type: "play",
        taskLabel: "task-id",
        stageLabel: "current-stage",
        repositoryLabel: "repository",
        stages: ["one", "two"],
        resetStage: "one",
      },
      sweep,
      ownedRuns,
    });
  });
  return registrations;
}

function policy(registrations: Registration[], subject: string): Policy {
  const found = registrations.find(({ type, name }) => type === policyType && name === `rex-${subject}`);
  return found?.inputs as unknown as Policy;
}

/** The form of the policies, and what they take from the configuration. test/policies tests on a real API server what they allow. */
describe("AdmissionPolicies", () => {
  it("creates six policies, each with a binding, and the last two only if there is a sweep", async () => {
    const made = (subjects: string[]) => [
      ` > ${component} rex`,
      ...subjects.map((subject) => `${component} > ${policyType} rex-${subject}`),
      ...subjects.map((subject) => `${component} > ${bindingType} rex-${subject}`),
    ];
    const subjects = ["coderuns", "runs", "swept", "sweptresults", "taskresults", "workflows"];
    assert.deepEqual(shape(await policies()), made(subjects));
    assert.deepEqual(
      shape(await policies("rex", "agents", { "a/b": "a-b" }, false)),
      made(subjects.filter((subject) => !subject.startsWith("swept"))),
    );
  });

  it("names them after stack and namespace, because they are cluster-wide", async () => {
    const names = async (name: string, namespace: string) =>
      (await policies(name, namespace))
        .filter(({ type }) => type === policyType)
        .map(({ inputs }) => (inputs as unknown as Policy).metadata.name)
        .sort();
    assert.deepEqual(await names("rex", "agents"), [
      "rex-coderuns.agents",
      "rex-runs.agents",
      "rex-swept.agents",
      "rex-sweptresults.agents",
      "rex-taskresults.agents",
      "rex-workflows.agents",
    ]);
    const all = [
      ...(await names("rex", "agents")),
      ...(await names("rex", "staging")),
      ...(await names("rex-two", "agents")),
    ];
    assert.equal(new Set(all).size, 18);
  });

  it("refuses requests as forbidden, because the steps would retry an invalid write, and refuses what it cannot evaluate", async () => {
    const registrations = await policies();
    for (const { type, inputs } of registrations) {
      if (type === policyType) {
        const { spec } = inputs as unknown as Policy;
        assert.equal(spec.failurePolicy, "Fail");
        assert.deepEqual([...new Set(spec.validations.map(({ reason }) => reason))], ["Forbidden"]);
      }
      if (type === bindingType) {
        const { metadata, spec } = inputs as { metadata: { name: string }; spec: object };
        assert.deepEqual(spec, { policyName: metadata.name, validationActions: ["Deny"] });
      }
    }
  });

  it("checks exactly the account that the policy is about", async () => {
    const registrations = await policies();
    const by = (account: string) => [
      { name: "by-this-account", expression: `request.userInfo.username == "system:serviceaccount:agents:${account}"` },
    ];
    assert.deepEqual(policy(registrations, "coderuns").spec.matchConditions, by("rex"));
    assert.deepEqual(policy(registrations, "workflows").spec.matchConditions, by("rex"));
    assert.deepEqual(policy(registrations, "taskresults").spec.matchConditions, by("rex"));
    assert.deepEqual(policy(registrations, "runs").spec.matchConditions, by("rex-sensor"));
    assert.deepEqual(policy(registrations, "swept").spec.matchConditions, by("rex-sweep"));
    assert.deepEqual(policy(registrations, "sweptresults").spec.matchConditions, by("rex-sweep"));
  });

  it("covers every write to everything the account has rights to: all versions, and subresources", async () => {
    const registrations = await policies();
    const rule = (apiGroup: string, resource: string, operations: string[]) => ({
      resourceRules: [
        { apiGroups: [apiGroup], apiVersions: ["*"], operations, resources: [resource, `${resource}/*`] },
      ],
    });
    const writes = ["CREATE", "UPDATE", "DELETE"];
    assert.deepEqual(
      policy(registrations, "coderuns").spec.matchConstraints,
      rule("agents.platform", "coderuns", writes),
    );
    assert.deepEqual(
      policy(registrations, "workflows").spec.matchConstraints,
      rule("argoproj.io", "workflows", writes),
    );
    for (const subject of ["runs", "swept"]) {
      assert.deepEqual(policy(registrations, subject).spec.matchConstraints, rule("argoproj.io", "workflows", writes));
    }
    for (const subject of ["taskresults", "sweptresults"]) {
      assert.deepEqual(
        policy(registrations, subject).spec.matchConstraints,
        rule("argoproj.io", "workflowtaskresults", ["CREATE", "UPDATE"]),
      );
    }
  });

  it("accepts an object without a repository only if a single one is watched", async () => {
    const expression = async (repositories: Record<string, string>) =>
      policy(await policies("rex", "agents", repositories), "coderuns").spec.validations[4]?.expression;
    assert.equal(
      await expression({ "a/b": "A-b" }),
      '(!("repository" in variables.labels) || variables.labels[?"repository"].orValue("").lowerAscii() in ["a-b"])',
    );
    assert.equal(
      await expression({ "a/b": "A-b", "a/c": "a-c" }),
      '(variables.labels[?"repository"].orValue("").lowerAscii() in ["a-b","a-c"])',
    );
  });

  it("requires the WorkflowTemplate as owner of runs if its UID is known, and otherwise no owner", async () => {
    const aboutOwners = async (ownedRuns: boolean) => {
      const registrations = await policies("rex", "agents", { "a/b": "a-b" }, true, ownedRuns);
      return ["runs", "swept"].map((subject) =>
        policy(registrations, subject)
          .spec.validations.map(({ expression }) => expression)
          .filter((expression) => expression.includes("variables.owners")),
      );
    };
    const none = 'request.operation != "CREATE" || (variables.owners.size() == 0)';
    assert.deepEqual(await aboutOwners(false), [[none], [none]]);
    for (const [expression, ...more] of await aboutOwners(true)) {
      assert.match(expression ?? "", /owners\.size\(\) == 1 && .* && variables\.owners\[0\]\.name == "rex"\)$/);
      assert.deepEqual(more, []);
    }
  });
});
