import { AuthorizationV1Api, type V1ResourceAttributes } from "@kubernetes/client-node";
import { type Account, accountRights, kubernetesRights } from "../../components/vocabulary/rights.ts";
import { counted } from "../lib/counted.ts";
import { ask, request } from "../lib/installation.ts";
import { type Check, type Finding, fail, pass } from "./check.ts";
import type { InstalledContext } from "./context.ts";
import { installationCheck } from "./installation.ts";

/** Asks the API server whether each service account has all the rights that it needs, and none that it must not have. */

type Right = Required<Pick<V1ResourceAttributes, "verb" | "group" | "resource">> &
  Pick<V1ResourceAttributes, "subresource" | "namespace">;

const rights = (group: string, resource: string, ...verbs: string[]): Right[] =>
  verbs.map((verb) => ({ verb, group, resource }));
const workflows = (...verbs: string[]) => rights("argoproj.io", "workflows", ...verbs);

/** Rights that no account may have. */
const forbiddenToAll: Right[] = [
  ...rights("", "secrets", "get", "list"),
  ...rights("", "configmaps", "get"),
  ...rights("", "pods", "get", "create", "delete"),
  { verb: "create", group: "", resource: "pods", subresource: "exec" },
  { verb: "create", group: "", resource: "serviceaccounts", subresource: "token" },
  ...rights("argoproj.io", "workflowtemplates", "patch"),
  ...rights("argoproj.io", "cronworkflows", "create"),
  ...rights("argoproj.io", "sensors", "patch"),
  ...rights("argoproj.io", "eventsources", "patch"),
  ...rights("rbac.authorization.k8s.io", "rolebindings", "create"),
  ...workflows("update", "delete", "deletecollection"),
  // Cluster-wide.
  ...workflows("create", "patch", "list").map((right) => ({ ...right, namespace: "" })),
  ...rights("admissionregistration.k8s.io", "validatingadmissionpolicies", "delete").map((right) => ({
    ...right,
    namespace: "",
  })),
];

/** The rights that each account must have, and those that it must not have in addition to {@link forbiddenToAll}. */
function expectedRights(
  codeRuns: { group: string; resource: string },
  policed: boolean,
): Record<string, { may: Right[]; mayNot: Right[] }> {
  const given = accountRights(policed);
  const may = (account: Account) =>
    kubernetesRights(given[account], codeRuns).flatMap(({ group, resource, verbs }) =>
      rights(group, resource, ...verbs),
    );
  const runs = (...verbs: string[]) => rights(codeRuns.group, codeRuns.resource, ...verbs);
  const any = runs("get", "list", "create", "patch", "update", "delete", "deletecollection");
  return {
    sensor: {
      may: may("sensor"),
      mayNot: [...workflows("list", ...(policed ? [] : ["patch"])), ...any],
    },
    remediation: {
      may: may("remediation"),
      mayNot: [
        ...workflows("create"),
        ...runs("create", "patch", "update", "deletecollection"),
        ...runs("delete", "list").map((right) => ({ ...right, namespace: "" })),
      ],
    },
    sweep: { may: may("sweep"), mayNot: [...workflows("patch"), ...any] },
    "event source": {
      may: [],
      mayNot: [
        ...workflows("get", "create", "patch"),
        ...rights("argoproj.io", "workflowtaskresults", "create", "patch"),
        ...any,
      ],
    },
  };
}

export const rightsCheck: Check<InstalledContext> = { name: "rights", needs: [installationCheck], look: all };

async function all(context: InstalledContext): Promise<Finding[]> {
  const { codeRuns } = await context.settings();
  const lists = expectedRights(codeRuns, await context.hasPolicies());
  return Promise.all(
    Object.entries(await context.accounts()).map(([what, account]) =>
      judged(context, what, account, lists[what] ?? { may: [], mayNot: [] }),
    ),
  );
}

async function judged(
  context: InstalledContext,
  what: string,
  account: string,
  { may, mayNot }: { may: Right[]; mayNot: Right[] },
): Promise<Finding> {
  const { core, cluster, namespace } = context;
  const there = await ask(
    cluster,
    `read service account ${account}`,
    core.readNamespacedServiceAccount({ namespace, name: account }, request),
  );
  if (there === undefined)
    return fail(`namespace ${namespace} has no service account ${account}`, "pulumi up --refresh", what);
  const lacking = await filtered(may, async (right) => !(await allowed(context, account, right)));
  const beyond = await filtered([...forbiddenToAll, ...mayNot], (right) => allowed(context, account, right));
  return verdict({
    what,
    account,
    namespace,
    lacking,
    beyond,
    judged: may.length + forbiddenToAll.length + mayNot.length,
  });
}

/** @param judged the number of rights that were checked */
export function verdict({
  what,
  account,
  namespace,
  lacking,
  beyond,
  judged,
}: {
  what: string;
  account: string;
  namespace: string;
  lacking: Right[];
  beyond: Right[];
  judged: number;
}): Finding {
  if (lacking.length > 0) {
    return fail(
      `${account} may not ${words(lacking)}`,
      "pulumi up --refresh, which restores its Role and RoleBinding",
      what,
    );
  }
  if (beyond.length > 0) {
    return fail(
      `${account} may also ${words(beyond)}, although the program never granted that`,
      `kubectl get rolebindings,clusterrolebindings -A -o wide | grep ${namespace}/${account} shows the binding that grants it; delete that binding`,
      what,
    );
  }
  return pass(`${account} has the rights that it needs and no others (${counted(judged, "access review")})`, what);
}

/** The first five in words. An account with all rights would give a very long list. */
function words(list: Right[]): string {
  const first = list.slice(0, 5).map(inWords).join(", ");
  return list.length <= 5 ? first : `${first} and ${list.length - 5} more`;
}

function inWords({ verb, group, resource, subresource, namespace }: Right): string {
  const named = `${resource}${group === "" ? "" : `.${group}`}${subresource === undefined ? "" : `/${subresource}`}`;
  return `${verb} ${named}${namespace === "" ? " in the whole cluster" : ""}`;
}

async function filtered(list: Right[], test: (right: Right) => Promise<boolean>): Promise<Right[]> {
  const kept = await Promise.all(list.map(test));
  return list.filter((_, index) => kept[index]);
}

async function allowed({ cluster, namespace }: InstalledContext, account: string, right: Right): Promise<boolean> {
  const spec = { ...asAccount(namespace, account), resourceAttributes: { namespace, ...right } };
  const review = cluster.makeApiClient(AuthorizationV1Api).createSubjectAccessReview({ body: { spec } }, request);
  return (await ask(cluster, `ask what ${account} may`, review))?.status?.allowed === true;
}

/** How the API server identifies a service account. */
export function asAccount(namespace: string, account: string): { user: string; groups: string[] } {
  return {
    user: `system:serviceaccount:${namespace}:${account}`,
    groups: ["system:serviceaccounts", `system:serviceaccounts:${namespace}`, "system:authenticated"],
  };
}
