import { plainName } from "../../components/taskPush.ts";
import { type Check, type Finding, fail, pass, warn } from "./check.ts";
import type { DoctorContext, Platform, Thing } from "./context.ts";

/** The CodeRuns of the platform: whether they are what the configuration says. */

/** @param configured what has to be well first, so that it is known what they are called */
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
      `kubectl api-resources | grep -i coderun shows what there is; pulumi config set --path codeRun.resource NAME (codeRun.group, codeRun.version), then pulumi up`,
    );
  }
  const kind = `${plural}.${group}`;
  return [
    labelled(there, kind, { codeRuns, agents }),
    ...stopping(there, `kubectl -n ${context.namespace} %s ${kind}`, { codeRuns, agents }),
  ];
}

/**
 * What would stop each push of a task, as plan looks at it; but not by repository, and an owner by another kind is not seen.
 *
 * @param there the CodeRuns of the namespace
 * @param kubectl a command for CodeRuns, with `%s` for its verb
 */
export function stopping(
  there: Thing[],
  kubectl: string,
  { codeRuns: { taskLabel, agentLabel }, agents }: Pick<Platform, "codeRuns" | "agents">,
): Finding[] {
  const agentOf = ({ metadata }: Thing) => metadata.labels?.[agentLabel] ?? "unknown";
  const taskOf = ({ metadata }: Thing) => metadata.labels?.[taskLabel];
  const listed = (run: Thing) => agents.includes(agentOf(run));
  const near = there
    .map((run) => ({ run, meant: agents.find((agent) => plainName(agent) === plainName(agentOf(run))) }))
    .find(({ run, meant }) => !listed(run) && meant !== undefined);
  // In a longer chain of owners there is such a pair, too.
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
        `agent ${agentOf(near.run)} of ${name} is listed but for its spelling (${near.meant}): while it is at work, no push of its task is remediated`,
        `${kubectl.replace("%s", "label --overwrite")} ${name} ${agentLabel}=${near.meant}; or list that spelling, too: pulumi config set --path agents.toCancel '[…]', then pulumi up`,
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
        `${name} (${agentOf(run)}) would go along with its owner ${owner.metadata.name} (${agentOf(owner)}): while that one is at work, no push of its task is remediated`,
        `${kubectl.replace("%s", "patch")} ${name} --type json -p '[{"op":"remove","path":"/metadata/ownerReferences/${at}"}]'; and let who makes it give it another owner`,
        "owners",
      ),
    );
  }
  return found;
}

/** @param there the CodeRuns of the namespace */
export function labelled(
  there: Thing[],
  kind: string,
  { codeRuns, agents }: Pick<Platform, "codeRuns" | "agents">,
): Finding {
  if (there.length === 0) return pass(`${kind} are known; there is none to show its labels`);
  const { taskLabel, agentLabel } = codeRuns;
  for (const [label, key] of [
    [taskLabel, "codeRun.taskLabel"],
    [agentLabel, "codeRun.agentLabel"],
  ] as const) {
    if (!there.some(({ metadata }) => metadata.labels?.[label] !== undefined)) {
      return fail(
        `none of ${there.length} carries the label ${label}`,
        `kubectl get ${kind} --show-labels shows which they carry; pulumi config set --path ${key} NAME, then pulumi up`,
      );
    }
  }
  const seen = new Set(there.map(({ metadata }) => metadata.labels?.[agentLabel]));
  const some = agents.filter((agent) => seen.has(agent));
  return pass(
    `${there.length} ${kind}, labelled ${taskLabel} and ${agentLabel}${some.length === 0 ? "" : `; agents ${some.join(", ")} among them`}`,
  );
}
