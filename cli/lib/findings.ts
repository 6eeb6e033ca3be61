import { argoCommand } from "../../components/argoInstance.ts";
import { outcomeMeanings } from "../../components/vocabulary/outcomes.ts";
import { isOfPush } from "../../components/vocabulary/samePush.ts";
import { counted } from "./counted.ts";
import type { Renamed } from "./github.ts";
import { howToMakeRoom, postponed } from "./parallelism.ts";
import type { Remediation } from "./remediations.ts";
import { namesOf, type Settings } from "./settings.ts";
import type { TaskBranch } from "./taskOnGithub.ts";
import type { MainWorkflow, Pods, Sweep } from "./taskState.ts";

/** Explains what happened to a task or why nothing did, and what to do about it. */

/** Everything that was read about a task. */
export interface Known {
  task: string;
  namespace: string;
  settings: Settings;
  /** Newest first. */
  remediations: Remediation[];
  mainWorkflows: MainWorkflow[];
  pods: Pods[];
  sweep: Sweep | undefined;
  /** The task's branches and the renamed repositories; or the reason why GitHub was not asked. */
  github: { branches: TaskBranch[]; renamed: Renamed[] } | string;
}

/** Something that a person on call should know. */
export interface Finding {
  found: string;
  /** How to fix it, or where to find more. */
  fix?: string;
}

/** A finding as one text. */
export function asText({ found, fix }: Finding): string {
  return fix === undefined ? found : `${found}; ${fix}`;
}

/** @returns first the obstacles on a push's route, then the findings about the task in the cluster, then those from GitHub */
export function findings(known: Known): Finding[] {
  return [...ofTheRoute(known), ofTheLastRun(known), ...ofMainWorkflows(known), ...ofGithub(known), ofTheSweep(known)];
}

function ofTheRoute({ namespace, pods, github }: Known): Finding[] {
  const silent = pods
    .filter(({ ready }) => ready === 0)
    .map(({ of, name, selector, all }) => ({
      found: `no pod of ${of} ${name} is ready (${counted(all, "pod")} in all), so ${
        of === "Sensor" ? "pushes wait on the event bus" : "no push can arrive"
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
      found: `no run: no push of task ${task} has arrived, or its runs are no longer kept. A push counts if its sender is the App ${pusher}, its branch is ${branch} or begins with that and -, / or _, and its repository is ${namesOf(repositories, " or ")}`,
      fix: "see what GitHub delivered: scripts/rex webhook deliveries; check everything on the way: scripts/rex doctor",
    };
  }
  const argo = argoCommand(namespace, settings.argoInstanceId);
  const look = `${argo} get ${last.run}`;
  if (last.state === "waits") {
    const fix = postponed(last.summary) ? `${howToMakeRoom}; ${look}` : look;
    return { found: `run ${last.run} has not begun: ${last.summary}`, fix };
  }
  if (last.state === "at work") return { found: `run ${last.run} is ${last.summary}`, fix: look };
  if (last.outcome === "failed") {
    const { command } = last.failure ?? {};
    const goOn = command === undefined ? "" : `; once that is fixed: ${argo} ${command} ${last.run}`;
    return {
      found: `run ${last.run} failed: ${last.summary}`,
      fix: `details: ${look}; what to do: docs/troubleshooting.md${goOn}`,
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
        found: `task ${task} has more than one main workflow: ${alike.map(({ name }) => name).join(", ")}; every run fails until only one of them is left`,
        fix: `${argoCommand(namespace, settings.argoInstanceId)} stop NAME`,
      },
    ];
  }
  const atWork = remediations.some(({ state }) => state !== "ended");
  return unfinished
    .filter(({ ledger }) => ledger.resumed === "false" && !atWork)
    .map(({ name, ledger }) => ({
      found: `run ${ledger.run} began to change ${name} and did not finish`,
      fix: `a new run finishes the work: scripts/rex remediate --task ${task}`,
    }));
}

function ofGithub({ task, settings, github, remediations, mainWorkflows }: Known): Finding[] {
  if (typeof github === "string") {
    return [
      {
        found: `GitHub was not asked: ${github}; so it is unknown whether the head of the branch had a remediation`,
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
    const { found, ...fix } = ofHead(branch, { task, settings, remediations, mainWorkflows });
    return [
      { found: `${where} is at ${branch.head.slice(0, 12)}, ${pushedBy(branch)}: ${found}`, ...fix },
      ...ofPulls(branch, where, settings),
    ];
  });
}

function pushedBy({ lastPush }: TaskBranch): string {
  return lastPush === undefined ? "GitHub does not say who pushed it" : `pushed by ${lastPush.login} at ${lastPush.at}`;
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
  if (run !== undefined) return { found: `this head has run ${run.run} (${run.outcome ?? run.state})` };
  const noted = mainWorkflows.find(({ ledger }) => headsOf(ledger).includes(head));
  if (noted !== undefined) {
    return { found: `this head was handled by run ${noted.ledger.run}, according to main workflow ${noted.name}` };
  }
  if (lastPush?.login.toLowerCase() !== settings.pusher.toLowerCase()) {
    return { found: `this head had no remediation, because only pushes by ${settings.pusher} count` };
  }
  return {
    found: "this head had no remediation: its delivery was lost or is late; the sweep, if there is one, will start it",
    fix: `to start it now: scripts/rex remediate --task ${task}${settings.repositories.length > 1 ? ` --repository ${repository}` : ""}`,
  };
}

/** The heads that a main workflow's ledger records as handled. */
function headsOf({ resumed, heads, head }: MainWorkflow["ledger"]): string[] {
  return resumed === "true" ? (heads ?? head ?? "").split(",") : [];
}

function ofPulls({ pulls }: TaskBranch, where: string, { holdLabel }: Settings): Finding[] {
  if (pulls.length === 0) {
    return [{ found: `there is no open pull request from ${where}, so a run ends as no-pull-request` }];
  }
  return pulls
    .filter(({ labels }) => labels.some((label) => label.toLowerCase() === holdLabel.toLowerCase()))
    .map(({ number }) => ({
      found: `a person holds the task with label ${holdLabel} on pull request #${number}, so runs end as held`,
    }));
}

function ofTheSweep({ sweep }: Known): Finding {
  return {
    found:
      sweep === undefined
        ? "no sweep for lost pushes has run within a day; if sweep.schedule is empty, there is no sweep"
        : `the last sweep for lost pushes, ${sweep.run} of ${sweep.started}: ${sweep.summary}`,
  };
}
