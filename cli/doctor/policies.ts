import {
  AdmissionregistrationV1Api,
  ApiException,
  type ConfigurationOptions,
  CustomObjectsApi,
  PatchStrategy,
  setHeaderOptions,
} from "@kubernetes/client-node";
import { ask, request, wordsOf } from "../lib/installation.ts";
import { type Check, type Finding, fail, pass, skip, warn } from "./check.ts";
import type { Ground } from "./context.ts";
import { asAccount } from "./rights.ts";

/** The admission policies: whether they are there, bound, and refuse what they must. */

const argo = { group: "argoproj.io", version: "v1alpha1" };

/** The policies by their subjects, and the accounts that they bind. */
const subjects = {
  coderuns: "remediation",
  workflows: "remediation",
  taskresults: "remediation",
  runs: "sensor",
  swept: "sweep",
  sweptresults: "sweep",
} as const;

type Subject = keyof typeof subjects;

export function policyChecks(ground: Ground): Check[] {
  return [
    { what: "admission policies", needs: ["installation"], look: () => present(ground) },
    { what: "admission policies in force", needs: ["admission policies"], look: () => inForce(ground) },
  ];
}

async function expected(ground: Ground): Promise<Subject[]> {
  const all = Object.keys(subjects) as Subject[];
  return all.filter((subject) => subjects[subject] !== "sweep" || ground.sweeps);
}

const nameOf = ({ prefix, name }: Ground, subject: Subject) => `${prefix}-${subject}.${name}`;

async function present(ground: Ground): Promise<Finding> {
  if (!(await ground.policed())) {
    return warn(
      "there are none (admissionPolicies is false): the API server lets the remediation delete any CodeRun of the namespace",
      "pulumi config set admissionPolicies true, then pulumi up",
    );
  }
  const { cluster } = ground;
  const api = cluster.makeApiClient(AdmissionregistrationV1Api);
  const wrong: string[] = [];
  const wanted = await expected(ground);
  for (const subject of wanted) {
    const name = nameOf(ground, subject);
    const policy = await ask(cluster, `read policy ${name}`, api.readValidatingAdmissionPolicy({ name }, request));
    const binding = await ask(
      cluster,
      `read the binding of policy ${name}`,
      api.readValidatingAdmissionPolicyBinding({ name }, request),
    );
    const denies = binding?.spec?.policyName === name && binding.spec.validationActions?.includes("Deny");
    if (policy === undefined) wrong.push(`there is no ${name}`);
    else if (binding === undefined) wrong.push(`${name} has no binding`);
    else if (!denies) wrong.push(`the binding of ${name} does not deny`);
  }
  return wrong.length === 0
    ? pass(`${wanted.length}, each bound`)
    : fail(`${wrong.join("; ")}: the API server refuses nothing by it`, "pulumi up --refresh");
}

/** A request that a policy must refuse; undefined if there is no object to try it on. */
type Attempt = (ground: Ground, as: ConfigurationOptions) => Promise<unknown> | undefined | Promise<undefined>;

/** All are dry runs: where nothing refuses them, nothing is changed either. */
const attempts: Record<Subject, Attempt> = {
  async coderuns(ground, as) {
    const { group, version, resource: plural } = (await ground.settings()).codeRuns;
    const name = (await ground.list({ group, version, plural }))?.[0]?.metadata.name;
    return name === undefined
      ? undefined
      : api(ground).deleteNamespacedCustomObject({ group, version, plural, name, ...dry(ground) }, as);
  },
  async workflows(ground, as) {
    const name = (await ground.list({ ...argo, plural: "workflows" }))?.[0]?.metadata.name;
    const body = { metadata: { labels: { "rex-remediation-doctor": "probe" } } };
    return name === undefined
      ? undefined
      : api(ground).patchNamespacedCustomObject(
          { ...argo, plural: "workflows", name, body, ...dry(ground) },
          both(as, mergePatch),
        );
  },
  taskresults: (ground, as) => create(ground, as, "workflowtaskresults", { kind: "WorkflowTaskResult" }),
  runs: (ground, as) => create(ground, as, "workflows", { kind: "Workflow", spec: {} }),
  swept: (ground, as) => create(ground, as, "workflows", { kind: "Workflow", spec: {} }),
  sweptresults: (ground, as) => create(ground, as, "workflowtaskresults", { kind: "WorkflowTaskResult" }),
};

export const api = ({ cluster }: Ground) => cluster.makeApiClient(CustomObjectsApi);
export const dry = ({ name: namespace }: Ground) => ({ namespace, dryRun: "All" });
export const mergePatch = setHeaderOptions("Content-Type", PatchStrategy.MergePatch);

function create(ground: Ground, as: ConfigurationOptions, plural: string, object: object): Promise<unknown> {
  const body = { apiVersion: "argoproj.io/v1alpha1", metadata: { name: "rex-remediation-doctor" }, ...object };
  return api(ground).createNamespacedCustomObject({ ...argo, plural, body, ...dry(ground) }, as);
}

async function inForce(ground: Ground): Promise<Finding> {
  if (!(await ground.policed())) return skip("because there are none");
  const accounts = await ground.accounts();
  const proved: Subject[] = [];
  const untried: Subject[] = [];
  for (const subject of await expected(ground)) {
    const account = accounts[subjects[subject]] ?? "";
    const said = await refusal(attempts[subject](ground, asUser(ground.name, account)));
    if (said === undefined) {
      untried.push(subject);
    } else if (said.includes("ValidatingAdmissionPolicy")) {
      proved.push(subject);
    } else if (said.includes("cannot impersonate")) {
      return warn(
        "not tried: who calls this may not impersonate the accounts",
        "let somebody call this who may impersonate users and groups",
      );
    } else if (said.startsWith("the API server says 403")) {
      // RBAC refuses before any policy is asked.
      return skip(`because ${account} has not got the right that ${nameOf(ground, subject)} bounds`);
    } else if (said !== done) {
      return warn(
        `${nameOf(ground, subject)} was not tried: ${said}`,
        `look at what refuses dry runs, and at ${nameOf(ground, subject)} by hand`,
      );
    } else {
      return fail(
        `${nameOf(ground, subject)} does not refuse what it must`,
        `kubectl get validatingadmissionpolicy ${nameOf(ground, subject)} -o yaml; what is in it is made again by pulumi up --refresh`,
      );
    }
  }
  const rest = untried.length === 0 ? "" : `; not tried, because there is nothing to try it on: ${untried.join(", ")}`;
  return pass(`${proved.length} refuse a dry run of what they must refuse${rest}`);
}

/** What is said of an attempt that nobody refused. */
export const done = "it would have been done";

/** @returns what the API server says to an attempt; undefined if there was none */
export async function refusal(attempt: ReturnType<Attempt>): Promise<string | undefined> {
  try {
    return (await attempt) === undefined ? undefined : done;
  } catch (error) {
    if (!(error instanceof ApiException)) throw error;
    return `the API server says ${error.code}: ${wordsOf(error).slice(0, 500)}`;
  }
}

/**
 * An account's groups the API server adds by itself.
 *
 * @param pod whose token it has; default: one that is bound to no pod
 */
export function asUser(namespace: string, account: string, pod?: string): ConfigurationOptions {
  const user = both(request, setHeaderOptions("Impersonate-User", asAccount(namespace, account).user));
  return pod === undefined
    ? user
    : both(user, setHeaderOptions("Impersonate-Extra-authentication.kubernetes.io%2Fpod-name", pod));
}

export function both(one: ConfigurationOptions, other: ConfigurationOptions): ConfigurationOptions {
  return { middleware: [...(one.middleware ?? []), ...(other.middleware ?? [])], middlewareMergeStrategy: "append" };
}
