/** What each account of an installation may do, in its own namespace only. */

/** In the order in which people read them. */
const verbs = ["get", "list", "create", "patch", "delete"] as const;
export type Verb = (typeof verbs)[number];

/** Kinds of objects that an account has rights to. */
export type Kind = "codeRuns" | "workflows" | "workflowtaskresults";

/** An account, by the part that it is for. That of the EventSource has no rights at all. */
export type Account = "sensor" | "remediation" | "sweep";

type Rights = Partial<Record<Kind, readonly Verb[]>>;

/** Argo's own executor needs it in every pod of a Workflow. */
const executorNeeds: Rights = { workflowtaskresults: ["create", "patch"] };

/**
 * The rights of each account. Roles know no labels: a right to delete CodeRuns is one to delete any. Admission policies say which.
 *
 * @param policed whether there are admission policies. To patch a Workflow is to patch any, which only they hold within bounds.
 */
export function accountRights(policed: boolean): Record<Account, Rights> {
  return {
    sensor: { workflows: policed ? ["get", "create", "patch"] : ["create"] },
    remediation: { codeRuns: ["get", "list", "delete"], workflows: ["get", "list", "patch"], ...executorNeeds },
    sweep: { workflows: ["get", "list", "create"], ...executorNeeds },
  };
}

/** Rights as Kubernetes knows them, with the CodeRuns' group and plural name. */
export function kubernetesRights<Text>(rights: Rights, codeRuns: { group: Text; resource: Text }) {
  const resources: Record<Kind, { group: Text | string; resource: Text | string }> = {
    codeRuns,
    workflows: { group: "argoproj.io", resource: "workflows" },
    workflowtaskresults: { group: "argoproj.io", resource: "workflowtaskresults" },
  };
  return (Object.keys(resources) as Kind[]).flatMap((kind) =>
    rights[kind] === undefined ? [] : [{ ...resources[kind], verbs: [...rights[kind]] }],
  );
}

/** All rights that some account has: who installs must have them, because nobody may give what he has not got. */
export function rightsToGive(policed: boolean): Rights {
  const all = Object.values(accountRights(policed));
  const of = (kind: Kind) => verbs.filter((verb) => all.some((rights) => rights[kind]?.includes(verb)));
  return { codeRuns: of("codeRuns"), workflows: of("workflows"), workflowtaskresults: of("workflowtaskresults") };
}
