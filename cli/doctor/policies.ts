import { AdmissionregistrationV1Api, type ConfigurationOptions } from "@kubernetes/client-node";
import { refusedByAuthorizer, refusedByPolicy, refusesImpersonation } from "../lib/apiServerStatus.ts";
import { counted } from "../lib/counted.ts";
import { ask, request } from "../lib/installation.ts";
import { api, asUser, attempt, both, dry, mergePatch, wordsOf } from "./attempts.ts";
import { type Check, type Finding, fail, pass, skip, warn } from "./check.ts";
import type { InstalledContext } from "./context.ts";
import { installationCheck } from "./installation.ts";

/** Whether the admission policies exist, are bound, and refuse what they must refuse. */

const argo = { group: "argoproj.io", version: "v1alpha1" };

/** The subjects of the policies, and the account that each policy restricts. */
const subjects = {
  coderuns: "remediation",
  workflows: "remediation",
  taskresults: "remediation",
  runs: "sensor",
  swept: "sweep",
  sweptresults: "sweep",
} as const;

type Subject = keyof typeof subjects;

export const policiesCheck: Check<InstalledContext> = {
  name: "admission policies",
  needs: [installationCheck],
  look: present,
};
export const policiesInForceCheck: Check<InstalledContext> = {
  name: "admission policies in force",
  needs: [policiesCheck],
  look: inForce,
};

async function expected(context: InstalledContext): Promise<Subject[]> {
  const all = Object.keys(subjects) as Subject[];
  return all.filter((subject) => subjects[subject] !== "sweep" || context.hasSweep);
}

const nameOf = ({ prefix, namespace }: InstalledContext, subject: Subject) => `${prefix}-${subject}.${namespace}`;

async function present(context: InstalledContext): Promise<Finding> {
  if (!(await context.hasPolicies())) {
    return warn(
      "there are none (admissionPolicies is false), so the API server lets the remediation delete any CodeRun of the namespace",
      "pulumi config set admissionPolicies true, then pulumi up",
    );
  }
  const { cluster } = context;
  const api = cluster.makeApiClient(AdmissionregistrationV1Api);
  const wrong: string[] = [];
  const wanted = await expected(context);
  for (const subject of wanted) {
    const name = nameOf(context, subject);
    const policy = await ask(cluster, `read policy ${name}`, api.readValidatingAdmissionPolicy({ name }, request));
    const binding = await ask(
      cluster,
      `read the binding of policy ${name}`,
      api.readValidatingAdmissionPolicyBinding({ name }, request),
    );
    const denies = binding?.spec?.policyName === name && binding.spec.validationActions?.includes("Deny");
    if (policy === undefined) wrong.push(`${name} does not exist`);
    else if (binding === undefined) wrong.push(`${name} has no binding`);
    else if (!denies) wrong.push(`the binding of ${name} does not deny`);
  }
  return wrong.length === 0
    ? pass(`${counted(wanted.length, "policy", "policies")}, all bound`)
    : fail(`${wrong.join("; ")}, so the API server does not enforce it`, "pulumi up --refresh");
}

/** How to try a request that a policy must refuse. */
interface Trial {
  /** The name of the object to try it on; undefined if there is none. */
  object(context: InstalledContext): Promise<string | undefined>;
  ask(context: InstalledContext, as: ConfigurationOptions, name: string): Promise<unknown>;
}

/** All trials are dry runs, so they change nothing even if no policy refuses them. */
const trials: Record<Subject, Trial> = {
  coderuns: {
    async object(context) {
      const { group, version, resource: plural } = (await context.settings()).codeRuns;
      return (await context.list({ group, version, plural }))?.[0]?.metadata.name;
    },
    async ask(context, as, name) {
      const { group, version, resource: plural } = (await context.settings()).codeRuns;
      return api(context).deleteNamespacedCustomObject({ group, version, plural, name, ...dry(context) }, as);
    },
  },
  workflows: {
    object: async (context) => (await context.list({ ...argo, plural: "workflows" }))?.[0]?.metadata.name,
    ask: (context, as, name) => {
      const body = { metadata: { labels: { "rex-remediation-doctor": "probe" } } };
      const change = { ...argo, plural: "workflows", name, body, ...dry(context) };
      return api(context).patchNamespacedCustomObject(change, both(as, mergePatch));
    },
  },
  taskresults: creation("workflowtaskresults", { kind: "WorkflowTaskResult" }),
  runs: creation("workflows", { kind: "Workflow", spec: {} }),
  swept: creation("workflows", { kind: "Workflow", spec: {} }),
  sweptresults: creation("workflowtaskresults", { kind: "WorkflowTaskResult" }),
};

function creation(plural: string, object: object): Trial {
  return {
    object: async () => "rex-remediation-doctor",
    ask: (context, as, name) => {
      const body = { apiVersion: "argoproj.io/v1alpha1", metadata: { name }, ...object };
      return api(context).createNamespacedCustomObject({ ...argo, plural, body, ...dry(context) }, as);
    },
  };
}

async function inForce(context: InstalledContext): Promise<Finding> {
  if (!(await context.hasPolicies())) return skip("because there are no admission policies");
  const accounts = await context.accounts();
  const proved: Subject[] = [];
  const untried: Subject[] = [];
  for (const subject of await expected(context)) {
    const account = accounts[subjects[subject]] ?? "";
    const name = nameOf(context, subject);
    const object = await trials[subject].object(context);
    if (object === undefined) {
      untried.push(subject);
      continue;
    }
    const result = await attempt(trials[subject].ask(context, asUser(context.namespace, account), object));
    if (result === "let through") {
      return fail(
        `${name} does not refuse what it must refuse`,
        `kubectl get validatingadmissionpolicy ${name} -o yaml; pulumi up --refresh restores it`,
      );
    } else if (refusedByPolicy(result, name)) {
      proved.push(subject);
    } else if (refusesImpersonation(result)) {
      return warn(
        "not checked: you may not impersonate the accounts",
        "run this as a user who may impersonate users and groups",
      );
    } else if (refusedByAuthorizer(result)) {
      // RBAC refuses before any policy is evaluated.
      return skip(`because ${account} lacks the right that ${name} restricts`);
    } else {
      return warn(
        `${name} was not checked: ${wordsOf(result)}`,
        `find out what refuses the dry run, and check ${name} by hand`,
      );
    }
  }
  const rest =
    untried.length === 0 ? "" : `; not checked, because there is no object to try it on: ${untried.join(", ")}`;
  return pass(`${counted(proved.length, "dry run")}, each refused by its policy${rest}`);
}
