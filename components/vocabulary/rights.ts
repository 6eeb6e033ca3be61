/** What each account of an installation may do. All rights are limited to the installation's namespace. */

/** All verbs, in the order in which they are listed for people. */
const verbs = ["get", "list", "create", "patch", "delete"] as const;
export type Verb = (typeof verbs)[number];

/** Kinds of objects that an account has rights to. */
export type Kind = "codeRuns" | "workflows" | "workflowtaskresults";

/** An account, named after the part that uses it. The EventSource's account is missing because it has no rights. */
export type Account = "sensor" | "remediation" | "sweep";

type Rights = Partial<Record<Kind, readonly Verb[]>>;

/** Argo's executor needs these rights in every pod of a Workflow. */
const executorNeeds: Rights = { workflowtaskresults: ["create", "patch"] };

/**
 * The rights of each account. Roles cannot select objects by label: whoever may delete CodeRuns may delete any CodeRun. Only admission
 * policies narrow this down.
 *
 * @param policed whether there are admission policies. Without them, the Sensor may not patch, because it could patch any Workflow.
 */
export function accountRights(policed: boolean): Record<Account, Rights> {
  return {
    sensor: { workflows: policed ? ["get", "create", "patch"] : ["create"] },
    remediation: { codeRuns: ["get", "list", "delete"], workflows: ["get", "list", "patch"], ...executorNeeds },
    sweep: { workflows: ["get", "list", "create"], ...executorNeeds },
  };
}

/** Rights in the terms of Kubernetes: API groups, plural names and verbs. */
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

/** The rights of all accounts together. Whoever installs this needs them, because you can grant only rights you hold. */
export function rightsToGive(policed: boolean): Rights {
  const all = Object.values(accountRights(policed));
  const of = (kind: Kind) => verbs.filter((verb) => all.some((rights) => rights[kind]?.includes(verb)));
  return { codeRuns: of("codeRuns"), workflows: of("workflows"), workflowtaskresults: of("workflowtaskresults") };
}
