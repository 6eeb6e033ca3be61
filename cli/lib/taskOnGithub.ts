import { taskBranches } from "../../components/vocabulary/patterns.ts";
import type { RecordedPush } from "../../components/vocabulary/samePush.ts";
import { askGithub, forEachOf, GithubApp, type Renamed, renamedTo } from "./github.ts";
import type { Installation } from "./installation.ts";
import { recordedPush } from "./pushRuns.ts";
import type { Settings } from "./settings.ts";

/** Reads the branches and pull requests of a task from GitHub. */

/** A branch of the task, with its open pull requests. */
export interface TaskBranch {
  repository: string;
  branch: string;
  /** Head, 40 digits. */
  head: string;
  /** Who pushed last, and when (ISO 8601); undefined if GitHub does not say. */
  lastPush?: { login: string; type: string; at: string; push: RecordedPush };
  pulls: { number: number; labels: string[] }[];
}

/** @throws Refusal if the App's key cannot be read, or GitHub refuses or does not answer */
export async function taskOnGithub(
  installation: Installation,
  settings: Settings,
  task: string,
): Promise<{ branches: TaskBranch[]; renamed: Renamed[] }> {
  const app = await GithubApp.open(installation, settings);
  const found = await forEachOf(settings.repositories, async (repository) => {
    const [owner = "", repo = ""] = repository.split("/");
    const { rest } = await app.forRepository(repository);
    const { full_name: fullName } = (await askGithub(`read the name of ${repository}`, rest.repos.get({ owner, repo })))
      .data;
    const prefix = `${settings.branchPrefix}${task}`;
    const { data: refs } = await askGithub(
      `read the branches of ${repository}`,
      rest.git.listMatchingRefs({ owner, repo, ref: `heads/${prefix}` }),
    );
    const ofTask = taskBranches(settings.branchPrefix, task);
    const branches = refs
      .map(({ ref, object }) => ({ branch: ref.replace("refs/heads/", ""), head: object.sha }))
      // GitHub searches by prefix: task-3 also finds task-30.
      .filter(({ branch }) => ofTask.test(branch));
    const found = await Promise.all(
      branches.map(async ({ branch, head }): Promise<TaskBranch> => {
        const { data: activities } = await askGithub(
          `read the activity of ${repository}`,
          rest.repos.listActivities({ owner, repo, ref: `refs/heads/${branch}`, per_page: 100 }),
        );
        const { data: pulls } = await askGithub(
          `read the pull requests of ${repository}`,
          rest.pulls.list({ owner, repo, state: "open", head: `${owner}:${branch}`, per_page: 100 }),
        );
        const [last] = activities;
        return {
          repository,
          branch,
          head,
          ...(last?.actor && {
            lastPush: {
              login: last.actor.login,
              type: last.actor.type,
              at: last.timestamp,
              push: recordedPush(last, activities),
            },
          }),
          pulls: pulls
            .filter(({ head: { ref, repo } }) => ref === branch && repo?.full_name === fullName)
            .map(({ number, labels }) => ({ number, labels: labels.map(({ name }) => name) })),
        };
      }),
    );
    return { branches: found, renamed: renamedTo(fullName, repository, settings) ?? [] };
  });
  return {
    branches: found.flatMap(({ branches }) => branches),
    renamed: found.flatMap(({ renamed }) => renamed),
  };
}
