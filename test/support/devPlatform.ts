import { after, before } from "mocha";
import { openDevPlatform } from "./devStack.ts";
import { gates, type Platform, type Task } from "./platform.ts";

/** The dev platform of a `describe`, and helpers to look at a task. */
export interface DevPlatform {
  platform: Platform;
  /** Names of the task's agents, sorted. */
  agents(task: Task): Promise<string[]>;
  /** Labels of the task's pull request. */
  labels(task: Task): Promise<string[]>;
  /** Everything that a run could change. */
  stateOf(task: Task): Promise<object>;
}

/** Opens the platform before the tests of the surrounding `describe`, and removes their tasks afterwards. */
export function devPlatform(): DevPlatform {
  let opened: Platform | undefined;
  const platform = (): Platform => {
    if (opened === undefined) throw new Error("the platform is open only while tests run");
    return opened;
  };
  before(async () => {
    opened = await openDevPlatform();
  });
  after(() => opened?.close());

  async function agents(task: Task): Promise<string[]> {
    return (await platform().agents(task.id)).map(({ metadata }) => metadata.name).sort();
  }
  async function labels(task: Task): Promise<string[]> {
    return (await platform().github.labels(task.repository, task.pull)) ?? [];
  }
  return {
    get platform() {
      return platform();
    },
    agents,
    labels,
    async stateOf(task) {
      const workflow = await platform().cluster.workflow(task.workflow);
      return {
        agents: await agents(task),
        labels: await labels(task),
        stage: workflow?.metadata.labels?.["current-stage"],
        ledger: Object.keys(workflow?.metadata.annotations ?? {}).filter((key) => key.startsWith("rex-remediation/")),
        gates: gates(workflow).map(({ displayName, phase }) => `${displayName} ${phase}`),
      };
    },
  };
}
