/** The remediation's WorkflowTemplate, as far as the shapes of its steps change it. */
export interface TemplateSpec {
  entrypoint: string;
  serviceAccountName: string;
  templates: StepTemplate[];
  [field: string]: unknown;
}

/** One of its templates. */
export interface StepTemplate {
  name: string;
  volumes?: Volume[];
  containerSet?: { volumeMounts?: Mount[]; containers: StepContainer[] };
  container?: StepContainer;
  outputs?: object;
  metrics?: object;
  [field: string]: unknown;
}

/** A container of a step: bash with the step's text and the step's name. */
export interface StepContainer {
  name: string;
  command: string[];
  args: string[];
  env: Variable[];
  resources?: { requests?: Record<string, string>; limits?: Record<string, string> };
  volumeMounts?: Mount[];
  dependencies?: string[];
  [field: string]: unknown;
}

/** A variable of a container, and what gives it its value: a text, or the pod that it is in. */
export interface Variable {
  name: string;
  value?: string;
  valueFrom?: object;
}

interface Volume {
  name: string;
  emptyDir?: object;
  [source: string]: unknown;
}

interface Mount {
  name: string;
  mountPath: string;
  subPath?: string;
  readOnly?: boolean;
}

/** How the steps of a remediation become pods and containers. */
export type Shape = "pods" | "installed" | "single";

/** What the figures call them. */
export const shapeTitles: Record<Shape, string> = {
  pods: "a pod per step",
  installed: "as installed",
  single: "one container",
};

/**
 * The installed WorkflowTemplate with the same steps, their texts and environment, in another shape.
 *
 * @param claim where the steps' pods share files; only a pod per step needs it
 * @throws Error if the entry point is no containerSet of steps
 */
export function inShape(spec: TemplateSpec, shape: Shape, claim: string): TemplateSpec {
  const entry = spec.templates.find(({ name }) => name === spec.entrypoint);
  if (entry?.containerSet === undefined) throw new Error(`the entry point ${spec.entrypoint} is no containerSet`);
  const shaped: Record<Shape, () => StepTemplate[]> = {
    installed: () => [entry],
    pods: () => podPerStep(entry, claim),
    single: () => [singleContainer(entry)],
  };
  return {
    ...spec,
    templates: spec.templates.flatMap((template) => (template === entry ? shaped[shape]() : [template])),
  };
}

/** A DAG, with a container template for each step. The step that has the outputs keeps them. */
function podPerStep(entry: StepTemplate, claim: string): StepTemplate[] {
  const { containerSet, volumes = [], outputs, metrics: _, name, ...rest } = entry;
  const containers = containerSet?.containers ?? [];
  const stepOf = (container: string) => nameOfStep(containers.find((one) => one.name === container));
  const tasks = containers.map((container) => ({
    name: nameOfStep(container),
    template: nameOfStep(container),
    ...(container.dependencies && { dependencies: container.dependencies.map(stepOf) }),
  }));
  const steps = containers.map((container) => {
    const { dependencies: _, ...own } = container;
    const mounts = mountsOf(entry, [container]);
    return {
      ...rest,
      name: nameOfStep(container),
      volumes: [
        { name: "shared", persistentVolumeClaim: { claimName: claim } },
        ...volumes.filter((volume) => !isShared(volume) && mounts.some((mount) => mount.name === volume.name)),
      ],
      container: { ...own, name: "main", volumeMounts: mounts.map((mount) => onClaim(mount, volumes)) },
      ...(container.name === "main" && { outputs }),
    };
  });
  return [{ name, dag: { tasks } }, ...steps];
}

/** What lies in memory between the containers of a pod has to lie on the claim between pods: each run's in folders of its own. */
function onClaim(mount: Mount, volumes: Volume[]): Mount {
  const volume = volumes.find(({ name }) => name === mount.name);
  return volume && isShared(volume)
    ? { name: "shared", mountPath: mount.mountPath, subPath: `{{workflow.name}}/${mount.name}` }
    : mount;
}

function isShared(volume: Volume): boolean {
  return volume.emptyDir !== undefined;
}

/**
 * One container in which bash runs the steps' texts: one after the other, those side by side that depend on the same ones. It asks for
 * as much of the processors as all of them, so that it gets as much on a busy node; it has no limits, because in a set each has its own.
 */
function singleContainer(entry: StepTemplate): StepTemplate {
  const { containerSet, ...rest } = entry;
  const containers = containerSet?.containers ?? [];
  const [first] = containers;
  if (first === undefined) throw new Error(`the containerSet of ${entry.name} is empty`);
  const { dependencies: _, ...own } = first;
  return {
    ...rest,
    container: {
      ...own,
      name: "main",
      args: [inOrder(containers), "steps", ...containers.map(textOfStep)],
      env: commonEnvironment(containers),
      resources: { requests: requestsOf(containers) },
      volumeMounts: mountsOf(entry, containers),
    },
  };
}

/** What the first one asks for, and of processors as much as all. */
function requestsOf(containers: StepContainer[]): Record<string, string> {
  const millicores = containers.map(({ name, resources }) => {
    const [, number] = /^([0-9]+)m$/.exec(resources?.requests?.cpu ?? "") ?? [];
    if (number === undefined) throw new Error(`container ${name} does not ask for millicores`);
    return Number(number);
  });
  return { ...containers[0]?.resources?.requests, cpu: `${millicores.reduce((sum, one) => sum + one)}m` };
}

/** Runs the steps, whose texts are the arguments in the order of their containers. */
function inOrder(containers: StepContainer[]): string {
  const call = (container: StepContainer) => `step ${nameOfStep(container)} "\${${containers.indexOf(container) + 1}}"`;
  const lines = levels(containers).flatMap((level) => {
    const [only, ...others] = level;
    if (only !== undefined && others.length === 0) return [call(only)];
    return [
      ...level.map((container, index) => `${call(container)} & pid_${index}=$!`),
      ...level.map((_, index) => `wait "$pid_${index}"`),
    ];
  });
  return ["set -e", 'step() { STEP=$1 bash -c "$2" "$1"; }', ...lines, ""].join("\n");
}

/** The containers in the order of their dependencies; those of one level run side by side. */
function levels(containers: StepContainer[]): StepContainer[][] {
  const found: StepContainer[][] = [];
  const done = new Set<string>();
  for (let rest = containers; rest.length > 0; rest = rest.filter(({ name }) => !done.has(name))) {
    const level = rest.filter(({ dependencies = [] }) => dependencies.every((name) => done.has(name)));
    if (level.length === 0) throw new Error("the steps depend on each other in a circle");
    for (const { name } of level) done.add(name);
    found.push(level);
  }
  return found;
}

/** Variables of all steps but the step's own name. */
function commonEnvironment(containers: StepContainer[]): Variable[] {
  const variables = new Map<string, Variable>();
  for (const variable of containers.flatMap(({ env }) => env)) {
    const { name } = variable;
    if (name === "STEP") continue;
    if (JSON.stringify(variables.get(name) ?? variable) !== JSON.stringify(variable)) {
      throw new Error(`steps have different values of ${name}`);
    }
    variables.set(name, variable);
  }
  return [...variables.values()];
}

/** Mounts of containers of the set, those of the set among them; none twice. */
function mountsOf({ containerSet }: StepTemplate, containers: StepContainer[]): Mount[] {
  const all = [...(containerSet?.volumeMounts ?? []), ...containers.flatMap(({ volumeMounts = [] }) => volumeMounts)];
  return all.filter((mount, index) => all.findIndex(({ mountPath }) => mountPath === mount.mountPath) === index);
}

function textOfStep({ args: [text] }: StepContainer): string {
  if (text === undefined) throw new Error("a step's container has no text to run");
  return text;
}

function nameOfStep(container: StepContainer | undefined): string {
  const name = container?.args[1];
  if (name === undefined) throw new Error("a step's container does not say the step's name");
  return name;
}
