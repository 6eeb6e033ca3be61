import { existsSync, readFileSync } from "node:fs";
import { parseAllDocuments } from "yaml";
import { plainName } from "../../components/taskPush.ts";
import { Refusal } from "../lib/installation.ts";
import { howItEnded } from "../lib/mainWorkflowState.ts";
import type { Settings } from "../lib/settings.ts";
import { type Check, type Finding, fail, pass, warn } from "./check.ts";
import type { Namespace, Thing } from "./context.ts";
import { contract, type MainWorkflow } from "./contract.ts";

/** The main workflows and CodeRuns of the platform: whether they are what the configuration says. */

/** What of the settings is asked for here. */
export type Platform = Pick<Settings, "agents" | "codeRuns" | "mainWorkflows" | "stages" | "resetStage">;

/**
 * @param platform the configuration
 * @param given a main workflow to look at: the name of a WorkflowTemplate, or a file
 * @param needs what has to be there first
 */
export function mainWorkflowChecks(
  namespace: Namespace,
  platform: () => Promise<Platform>,
  given: string | undefined,
  needs: string[],
): Check[] {
  return [
    { what: "CodeRuns", needs, look: async () => codeRuns(namespace, await platform()) },
    {
      what: "stages in use",
      needs: [...needs, "Argo Workflows' kinds"],
      look: async () => stages(namespace, await platform()),
    },
    ...(given === undefined
      ? []
      : [
          {
            what: `main workflow ${given}`,
            ...(isFile(given) ? {} : { needs: ["Argo Workflows' kinds"] }),
            look: async () => contract(await read(namespace, given), await platform()),
          },
        ]),
  ];
}

async function codeRuns(namespace: Namespace, { codeRuns, agents }: Platform): Promise<Finding | Finding[]> {
  const { group, version, resource: plural } = codeRuns;
  const there = await namespace.list({ group, version, plural });
  if (there === undefined) {
    return fail(
      `the API server knows no ${plural} of ${group}/${version}`,
      `kubectl api-resources | grep -i coderun shows what there is; pulumi config set --path codeRun.resource NAME (codeRun.group, codeRun.version), then pulumi up`,
    );
  }
  const kind = `${plural}.${group}`;
  return [
    labelled(there, kind, { codeRuns, agents }),
    ...stopping(there, `kubectl -n ${namespace.name} %s ${kind}`, { codeRuns, agents }),
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
        `kubectl get ${kind} --show-labels shows which they carry; pulumi config set ${key} NAME, then pulumi up`,
      );
    }
  }
  const seen = new Set(there.map(({ metadata }) => metadata.labels?.[agentLabel]));
  const some = agents.filter((agent) => seen.has(agent));
  return pass(
    `${there.length} ${kind}, labelled ${taskLabel} and ${agentLabel}${some.length === 0 ? "" : `; agents ${some.join(", ")} among them`}`,
  );
}

async function stages(namespace: Namespace, platform: Platform): Promise<Finding> {
  const { typeLabel, type } = platform.mainWorkflows;
  return known(await namespace.listArgo("workflows", `${typeLabel}=${type}`), platform, namespace.name);
}

/** @param all main workflows, ended or not */
export function known(all: Thing[], { mainWorkflows, stages }: Platform, namespace: string): Finding {
  const { typeLabel, type, stageLabel } = mainWorkflows;
  const atWork = all.filter((workflow) => howItEnded(workflow) === undefined);
  if (atWork.length === 0) return pass(`no workflow with ${typeLabel}=${type} is at work`);
  const bad = atWork.find(({ metadata }) => !stages.includes(metadata.labels?.[stageLabel] ?? ""));
  if (bad === undefined) return pass(`${atWork.length} main workflows at work, each at a known stage`);
  const { name, labels } = bad.metadata;
  const stage = labels?.[stageLabel];
  return stage === undefined
    ? fail(
        `${name} has no label ${stageLabel}`,
        `kubectl -n ${namespace} label workflow ${name} ${stageLabel}=STAGE; if the label has another name: pulumi config set --path mainWorkflow.stageLabel NAME, then pulumi up`,
      )
    : fail(
        `${name} is at stage ${stage}; stages has ${stages.join(", ")}`,
        `if there is such a stage, add it where it belongs in the order: pulumi config set --path mainWorkflow.stages '[…]', then pulumi up; if not: kubectl -n ${namespace} label --overwrite workflow ${name} ${stageLabel}=STAGE`,
      );
}

function isFile(given: string): boolean {
  return /[./]/.test(given) && existsSync(given);
}

async function read(namespace: Namespace, given: string): Promise<MainWorkflow> {
  if (isFile(given)) return fromText(readFileSync(given, "utf8"), given);
  const template = await namespace.argo("workflowtemplates", given);
  if (template === undefined) {
    throw new Refusal(
      `--main-workflow: there is no file and no WorkflowTemplate ${given} in namespace ${namespace.name}; kubectl -n ${namespace.name} get workflowtemplates lists them`,
    );
  }
  return { ...template, kind: "WorkflowTemplate" } as unknown as MainWorkflow;
}

/** @throws Refusal if there is not exactly one Workflow or WorkflowTemplate in it */
export function fromText(text: string, file: string): MainWorkflow {
  const documents = parseAllDocuments(text).map((document) => {
    if (document.errors.length > 0)
      throw new Refusal(`--main-workflow: ${file} is no YAML: ${document.errors[0]?.message.split("\n")[0]}`);
    return document.toJS();
  });
  const found = documents.filter((one) => ["Workflow", "WorkflowTemplate"].includes(one?.kind));
  if (found.length !== 1)
    throw new Refusal(`--main-workflow: expected one Workflow or WorkflowTemplate in ${file}; got ${found.length}`);
  return found[0];
}
