/** The spec of the remediation's WorkflowTemplate, with the fields that a shape changes. */
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

/** A container of a step. It runs bash with the step's script and the step's name as arguments. */
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

/** An environment variable of a container, with a fixed value or one from the pod. */
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

/** The names of the shapes in the figures. */
export const shapeTitles: Record<Shape, string> = {
  pods: "a pod per step",
  installed: "as installed",
  single: "one container",
};

/**
 * The installed WorkflowTemplate in another shape, with the same steps, scripts and environment.
 *
 * @param claim name of the PersistentVolumeClaim on which the steps' pods share files; only the shape `pods` needs it
 * @throws Error if the entry point is not a containerSet of steps
 */
export function inShape(spec: TemplateSpec, shape: Shape, claim: string): TemplateSpec {
  const entry = spec.templates.find(({ name }) => name === spec.entrypoint);
  if (entry?.containerSet === undefined) throw new Error(`the entry point ${spec.entrypoint} is not a containerSet`);
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

/** A DAG with a container template for each step. The outputs stay with the step that writes them. */
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

/** Replaces a volume in memory, which only containers of one pod can share, by a folder on the claim. Each run has its own folder. */
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
 * One container in which bash runs the steps' scripts one after the other, or in parallel if they depend on the same steps. It requests
 * as much processor time as all containers of the set together, so that it gets as much on a busy node. It has no limits, because each
 * container of the set has its own.
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
      args: [inOrder(containers), "steps", ...containers.map(scriptOfStep)],
      env: commonEnvironment(containers),
      resources: { requests: requestsOf(containers) },
      volumeMounts: mountsOf(entry, containers),
    },
  };
}

/** The requests of the first container, but with the processor requests of all containers added up. */
function requestsOf(containers: StepContainer[]): Record<string, string> {
  const millicores = containers.map(({ name, resources }) => {
    const [, number] = /^([0-9]+)m$/.exec(resources?.requests?.cpu ?? "") ?? [];
    if (number === undefined) throw new Error(`container ${name} does not request processor time in millicores`);
    return Number(number);
  });
  return { ...containers[0]?.resources?.requests, cpu: `${millicores.reduce((sum, one) => sum + one)}m` };
}

/** A bash script that runs the steps. Its arguments are the steps' scripts, in the order of the containers. */
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

/** The containers in the order of their dependencies. Those of one level run in parallel. */
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

/** The variables of all steps, except for the step's own name. */
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

/** The mounts of these containers and of the set itself, without duplicates. */
function mountsOf({ containerSet }: StepTemplate, containers: StepContainer[]): Mount[] {
  const all = [...(containerSet?.volumeMounts ?? []), ...containers.flatMap(({ volumeMounts = [] }) => volumeMounts)];
  return all.filter((mount, index) => all.findIndex(({ mountPath }) => mountPath === mount.mountPath) === index);
}

function scriptOfStep({ args: [text] }: StepContainer): string {
  if (text === undefined) throw new Error("a step's container has no script");
  return text;
}

function nameOfStep(container: StepContainer | undefined): string {
  const name = container?.args[1];
  if (name === undefined) throw new Error("a step's container has no argument with the step's name");
  return name;
}
