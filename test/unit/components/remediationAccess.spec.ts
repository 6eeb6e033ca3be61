import assert from "node:assert/strict";
import { RemediationAccess } from "../../../components/remediationAccess.ts";
import { type Registration, register, resolved, shape } from "../../support/pulumi/mockEngine.ts";

const component = "rex-remediation:index:RemediationAccess";

function access(eventSource?: boolean, admissionPolicies = true, sweep = true) {
  return register(async () => {
    const made = new RemediationAccess("rex", {
      namespace: "agents",
      codeRunGroup: "agents.platform",
      codeRunResource: "coderuns",
      eventSource,
      sweep,
      admissionPolicies,
    });
    return {
      eventSource: made.eventSourceAccount && (await resolved(made.eventSourceAccount)),
      sensor: await resolved(made.sensorAccount),
      remediation: await resolved(made.remediationAccount),
      sweep: made.sweepAccount && (await resolved(made.sweepAccount)),
    };
  });
}

function inputs(registrations: Registration[], type: string, name: string) {
  return registrations.find((one) => one.type === type && one.name === name)?.inputs;
}

const role = "kubernetes:rbac.authorization.k8s.io/v1:Role";
const binding = "kubernetes:rbac.authorization.k8s.io/v1:RoleBinding";
const account = "kubernetes:core/v1:ServiceAccount";

describe("RemediationAccess", () => {
  it("makes four accounts, and Roles for three of them; nothing beyond the namespace", async () => {
    const { registrations, value } = await access();
    assert.deepEqual(shape(registrations), [
      ` > ${component} rex`,
      `${component} > ${account} rex`,
      `${component} > ${account} rex-event-source`,
      `${component} > ${account} rex-sensor`,
      `${component} > ${account} rex-sweep`,
      `${component} > ${role} rex`,
      `${component} > ${role} rex-sensor`,
      `${component} > ${role} rex-sweep`,
      `${component} > ${binding} rex`,
      `${component} > ${binding} rex-sensor`,
      `${component} > ${binding} rex-sweep`,
    ]);
    assert.deepEqual(value, {
      eventSource: "rex-event-source",
      sensor: "rex-sensor",
      remediation: "rex",
      sweep: "rex-sweep",
    });
    for (const { inputs, parentType } of registrations.filter(({ parentType }) => parentType !== "")) {
      assert.equal((inputs.metadata as { namespace: string }).namespace, "agents", parentType);
    }
  });

  it("gives exactly these rights [exactly-these-rights]", async () => {
    const { registrations } = await access();
    assert.deepEqual(inputs(registrations, role, "rex-sensor")?.rules, [
      { apiGroups: ["argoproj.io"], resources: ["workflows"], verbs: ["get", "create", "patch"] },
    ]);
    assert.deepEqual(inputs(registrations, role, "rex")?.rules, [
      { apiGroups: ["agents.platform"], resources: ["coderuns"], verbs: ["get", "list", "delete"] },
      { apiGroups: ["argoproj.io"], resources: ["workflows"], verbs: ["get", "list", "patch"] },
      { apiGroups: ["argoproj.io"], resources: ["workflowtaskresults"], verbs: ["create", "patch"] },
    ]);
    assert.deepEqual(inputs(registrations, role, "rex-sweep")?.rules, [
      { apiGroups: ["argoproj.io"], resources: ["workflows"], verbs: ["get", "list", "create"] },
      { apiGroups: ["argoproj.io"], resources: ["workflowtaskresults"], verbs: ["create", "patch"] },
    ]);
  });

  it("lets the Sensor only create where no policy holds it within bounds [sensor-creates-only]", async () => {
    const { registrations } = await access(true, false);
    assert.deepEqual(inputs(registrations, role, "rex-sensor")?.rules, [
      { apiGroups: ["argoproj.io"], resources: ["workflows"], verbs: ["create"] },
    ]);
  });

  it("binds each Role to its own account only", async () => {
    const { registrations } = await access();
    for (const name of ["rex", "rex-sensor", "rex-sweep"]) {
      const { roleRef, subjects } = inputs(registrations, binding, name) ?? {};
      assert.deepEqual(roleRef, { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name });
      assert.deepEqual(subjects, [{ kind: "ServiceAccount", name, namespace: "agents" }]);
    }
  });

  it("gives the EventSource's pods no token [event-source-without-token]", async () => {
    const { registrations } = await access();
    const tokens = ["rex-event-source", "rex-sensor", "rex", "rex-sweep"].map(
      (name) => inputs(registrations, account, name)?.automountServiceAccountToken,
    );
    assert.deepEqual(tokens, [false, true, true, true]);
  });

  it("makes no account for a sweep that is turned off", async () => {
    const { registrations, value } = await access(true, true, false);
    assert.equal(value.sweep, undefined);
    assert.equal(inputs(registrations, account, "rex-sweep"), undefined);
    assert.equal(inputs(registrations, role, "rex-sweep"), undefined);
  });

  it("makes no account for an EventSource that exists", async () => {
    const { registrations, value } = await access(false);
    assert.equal(value.eventSource, undefined);
    assert.equal(inputs(registrations, account, "rex-event-source"), undefined);
  });
});
