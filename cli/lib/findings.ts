import { argoCommand } from "../../components/argoInstance.ts";
import { outcomeMeanings } from "../../components/vocabulary/outcomes.ts";
import { isOfPush } from "../../components/vocabulary/samePush.ts";
import type { Renamed } from "./github.ts";
import { postponed, roomForRuns } from "./parallelism.ts";
import type { Remediation } from "./remediations.ts";
import { namesOf, type Settings } from "./settings.ts";
import type { TaskBranch } from "./taskOnGithub.ts";
import type { MainWorkflow, Pods, Sweep } from "./taskState.ts";

/** Why something happened to a task, or nothing did, and what to do about it. */

/** What is known of a task. */
export interface Known {
  task: string;
  namespace: string;
  settings: Settings;
  /** Newest first. */
  remediations: Remediation[];
  mainWorkflows: MainWorkflow[];
  pods: Pods[];
  sweep: Sweep | undefined;
  /** The branches, and which repositories have another name now; or why GitHub was not asked. */
  github: { branches: TaskBranch[]; renamed: Renamed[] } | string;
}

/** What a person on call should know. */
export interface Finding {
  found: string;
  /** What mends it, or shows more. */
  fix?: string;
}

/** A finding in words. */
export function asText({ found, fix }: Finding): string {
  return fix === undefined ? found : `${found}; ${fix}`;
}

/** @returns what keeps a push from arriving first, then what the task itself says, then GitHub */
export function findings(known: Known): Finding[] {
  return [...ofTheRoute(known), ofTheLastRun(known), ...ofMainWorkflows(known), ...ofGithub(known), ofTheSweep(known)];
}

function ofTheRoute({ namespace, pods, github }: Known): Finding[] {
  const silent = pods
    .filter(({ ready }) => ready === 0)
    .map(({ of, name, selector, all }) => ({
      found: `no pod of ${of} ${name} is ready (there ${all === 1 ? "is" : "are"} ${all}), so ${
        of === "Sensor" ? "what arrives waits on the event bus" : "no push gets in"
      }`,
      fix: `kubectl -n ${namespace} describe pod -l ${selector}; kubectl -n ${namespace} get ${of.toLowerCase()} ${name} -o yaml`,
    }));
  return [...silent, ...(typeof github === "string" ? [] : github.renamed)];
}

function ofTheLastRun({ task, namespace, settings, remediations }: Known): Finding {
  const [last] = remediations;
  if (last === undefined) {
    const { pusher, branchPrefix, repositories } = settings;
    const branch = `${branchPrefix}${task}`;
    return {
      found: `no run: no push of task ${task} has arrived, or its runs are older than they are kept. A push counts if its sender is the App ${pusher}, its branch ${branch}, alone or followed by -, / or _ and more, and its repository ${namesOf(repositories, " or ")}`,
      fix: "what GitHub delivered, and where: npm run webhook -- deliveries; whether everything on the way is well: npm run doctor",
    };
  }
  const look = `${argoCommand(namespace, settings.argoInstanceId)} get ${last.run}`;
  if (last.state === "waits") {
    const fix = postponed(last.summary) ? `${roomForRuns}; ${look}` : look;
    return { found: `run ${last.run} has not begun: ${last.summary}`, fix };
  }
  if (last.state === "at work") return { found: `run ${last.run} is ${last.summary}`, fix: look };
  if (last.outcome === "failed") {
    return {
      found: `run ${last.run} failed: ${last.summary}`,
      fix: `more: ${look}; the ways out: docs/troubleshooting.md`,
    };
  }
  return last.outcome === undefined
    ? { found: `run ${last.run} ended without an outcome`, fix: look }
    : { found: `${last.outcome}: ${outcomeMeanings[last.outcome]}` };
}

function ofMainWorkflows({ task, namespace, settings, remediations, mainWorkflows }: Known): Finding[] {
  const unfinished = mainWorkflows.filter(({ ended }) => !ended);
  const { typeLabel, type, taskLabel } = settings.mainWorkflows;
  if (unfinished.length === 0) {
    const ended = mainWorkflows[0];
    return [
      {
        found: `no main workflow of task ${task} is running (${typeLabel}=${type}, ${taskLabel}=${task})${ended === undefined ? "" : `; the last one, ${ended.name}, ${ended.end}`}, so there is nothing to restart`,
      },
    ];
  }
  const alike = unfinished.filter(({ repository }) => repository === unfinished[0]?.repository);
  if (alike.length > 1) {
    return [
      {
        found: `task ${task} has more than one main workflow: ${alike.map(({ name }) => name).join(", ")}; a run fails until all but one are ended`,
        fix: `${argoCommand(namespace, settings.argoInstanceId)} stop NAME`,
      },
    ];
  }
  const atWork = remediations.some(({ state }) => state !== "ended");
  return unfinished
    .filter(({ ledger }) => ledger.resumed === "false" && !atWork)
    .map(({ name, ledger }) => ({
      found: `run ${ledger.run} began on ${name} and did not end`,
      fix: `a new one carries it on: npm run remediate -- --task ${task}`,
    }));
}

function ofGithub({ task, settings, github, remediations, mainWorkflows }: Known): Finding[] {
  if (typeof github === "string") {
    return [
      {
        found: `GitHub was not asked: ${github}; so whether the branch's head has had a remediation is not known here`,
      },
    ];
  }
  if (github.branches.length === 0) {
    return [
      { found: `GitHub has no branch ${settings.branchPrefix}${task} in ${namesOf(settings.repositories, " or ")}` },
    ];
  }
  return github.branches.flatMap((branch) => {
    const where = `${branch.branch} of ${branch.repository}`;
    const { found, ...way } = ofHead(branch, { task, settings, remediations, mainWorkflows });
    return [
      { found: `${where} is at ${branch.head.slice(0, 12)}, ${pushedBy(branch)}: ${found}`, ...way },
      ...ofPulls(branch, where, settings),
    ];
  });
}

function pushedBy({ lastPush }: TaskBranch): string {
  return lastPush === undefined
    ? "pushed by nobody that GitHub names"
    : `pushed by ${lastPush.login} at ${lastPush.at}`;
}

function ofHead(
  { head, lastPush, repository }: TaskBranch,
  { task, settings, remediations, mainWorkflows }: Pick<Known, "task" | "settings" | "remediations" | "mainWorkflows">,
): Finding {
  const run = remediations
    .filter((one) => (one.repository ?? repository).toLowerCase() === repository)
    .find((one) =>
      lastPush === undefined || one.push === undefined
        ? one.sha === head.slice(0, 12) && one.started >= (lastPush?.at ?? "")
        : isOfPush(one.push, lastPush.push),
    );
  if (run !== undefined) return { found: `this head has had run ${run.run} (${run.outcome ?? run.state})` };
  const noted = mainWorkflows.find(({ ledger }) => headsOf(ledger).includes(head));
  if (noted !== undefined) {
    return { found: `this head was handled by run ${noted.ledger.run}, as ${noted.name} says` };
  }
  if (lastPush?.login.toLowerCase() !== settings.pusher.toLowerCase()) {
    return { found: `this head has had none, because only pushes of ${settings.pusher} count` };
  }
  return {
    found: "this head has had no remediation: its delivery is lost or late; a sweep starts it where there is one",
    fix: `at once: npm run remediate -- --task ${task}${settings.repositories.length > 1 ? ` --repository ${repository}` : ""}`,
  };
}

/** The heads that a main workflow's ledger calls handled. */
function headsOf({ resumed, heads, head }: MainWorkflow["ledger"]): string[] {
  return resumed === "true" ? (heads ?? head ?? "").split(",") : [];
}

function ofPulls({ pulls }: TaskBranch, where: string, { holdLabel }: Settings): Finding[] {
  if (pulls.length === 0) {
    return [{ found: `no open pull request comes from ${where}: a run of it ends as no-pull-request` }];
  }
  return pulls
    .filter(({ labels }) => labels.some((label) => label.toLowerCase() === holdLabel.toLowerCase()))
    .map(({ number }) => ({
      found: `a person holds the task: label ${holdLabel} is on pull request #${number}; runs end as held`,
    }));
}

function ofTheSweep({ sweep }: Known): Finding {
  return {
    found:
      sweep === undefined
        ? "no sweep for lost pushes has run within a day: there is none where sweep.schedule is empty"
        : `the last sweep for lost pushes, ${sweep.run} of ${sweep.started}: ${sweep.summary}`,
  };
}
