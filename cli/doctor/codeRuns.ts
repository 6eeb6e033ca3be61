import { plainName } from "../../components/taskPush.ts";
import { counted } from "../lib/counted.ts";
import { type Check, type Finding, fail, pass, warn } from "./check.ts";
import type { ClusterObject, DoctorContext, Platform } from "./context.ts";

/** Whether the platform's CodeRuns match the configuration. */

/** @param configured the check that must pass first: the settings say what kind of object a CodeRun is */
export const codeRunsCheck = (configured: Check): Check<DoctorContext> => ({
  name: "CodeRuns",
  needs: [configured],
  look,
});

async function look(context: DoctorContext): Promise<Finding | Finding[]> {
  const { codeRuns, agents } = await context.platform();
  const { group, version, resource: plural } = codeRuns;
  const there = await context.list({ group, version, plural });
  if (there === undefined) {
    return fail(
      `the API server knows no ${plural} of ${group}/${version}`,
      `kubectl api-resources | grep -i coderun shows the right names; pulumi config set --path codeRun.resource NAME (codeRun.group, codeRun.version), then pulumi up`,
    );
  }
  const kind = `${plural}.${group}`;
  return [
    labelled(there, kind, { codeRuns, agents }),
    ...blocking(there, `kubectl -n ${context.namespace} %s ${kind}`, { codeRuns, agents }),
  ];
}

/**
 * CodeRuns that make the step plan refuse every push of their task. Unlike plan, this ignores repositories and owners of other kinds.
 *
 * @param there all CodeRuns of the namespace
 * @param kubectl a kubectl command for CodeRuns, with `%s` in place of the verb
 */
export function blocking(
  there: ClusterObject[],
  kubectl: string,
  { codeRuns: { taskLabel, agentLabel }, agents }: Pick<Platform, "codeRuns" | "agents">,
): Finding[] {
  const agentOf = ({ metadata }: ClusterObject) => metadata.labels?.[agentLabel] ?? "unknown";
  const taskOf = ({ metadata }: ClusterObject) => metadata.labels?.[taskLabel];
  const listed = (run: ClusterObject) => agents.includes(agentOf(run));
  const near = there
    .map((run) => ({ run, meant: agents.find((agent) => plainName(agent) === plainName(agentOf(run))) }))
    .find(({ run, meant }) => !listed(run) && meant !== undefined);
  // A longer chain of owners also contains such a pair.
  const pairs = there.flatMap((run) =>
    there
      .filter((owner) => run.metadata.ownerReferences?.some(({ uid }) => uid === owner.metadata.uid))
      .map((owner) => ({ run, owner })),
  );
  const across = pairs.find(
    ({ run, owner }) => listed(owner) && !(listed(run) && taskOf(run) === taskOf(owner) && taskOf(run) !== undefined),
  );
  const found: Finding[] = [];
  if (near !== undefined) {
    const { name } = near.run.metadata;
    found.push(
      warn(
        `agent ${agentOf(near.run)} of ${name} differs from a listed agent only in spelling (${near.meant}): while it runs, no push of its task is remediated`,
        `${kubectl.replace("%s", "label --overwrite")} ${name} ${agentLabel}=${near.meant}; or add that spelling to the list: pulumi config set --path agents.toCancel '[…]', then pulumi up`,
        "spelling",
      ),
    );
  }
  if (across !== undefined) {
    const { run, owner } = across;
    const { name, ownerReferences = [] } = run.metadata;
    const at = ownerReferences.findIndex(({ uid }) => uid === owner.metadata.uid);
    found.push(
      warn(
        `${name} (${agentOf(run)}) would be deleted together with its owner ${owner.metadata.name} (${agentOf(owner)}): while the owner runs, no push of its task is remediated`,
        `${kubectl.replace("%s", "patch")} ${name} --type json -p '[{"op":"remove","path":"/metadata/ownerReferences/${at}"}]'; then change what creates it, so that it gets another owner`,
        "owners",
      ),
    );
  }
  return found;
}

/** @param there all CodeRuns of the namespace */
export function labelled(
  there: ClusterObject[],
  kind: string,
  { codeRuns, agents }: Pick<Platform, "codeRuns" | "agents">,
): Finding {
  if (there.length === 0)
    return pass(`the API server knows ${kind}; there is none yet, so their labels cannot be checked`);
  const { taskLabel, agentLabel } = codeRuns;
  for (const [label, key] of [
    [taskLabel, "codeRun.taskLabel"],
    [agentLabel, "codeRun.agentLabel"],
  ] as const) {
    if (!there.some(({ metadata }) => metadata.labels?.[label] !== undefined)) {
      return fail(
        `no CodeRun has the label ${label} (${kind}: ${there.length})`,
        `kubectl get ${kind} --show-labels shows their labels; pulumi config set --path ${key} NAME, then pulumi up`,
      );
    }
  }
  const seen = new Set(there.map(({ metadata }) => metadata.labels?.[agentLabel]));
  const some = agents.filter((agent) => seen.has(agent));
  return pass(
    `${counted(there.length, "CodeRun")} (${kind}), labelled ${taskLabel} and ${agentLabel}${some.length === 0 ? "" : `; among their agents: ${some.join(", ")}`}`,
  );
}
