import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { stepScript } from "../../components/stepScripts.ts";
import { type Ending, endingIn } from "../../components/vocabulary/ending.ts";
import type { Step } from "../../components/vocabulary/steps.ts";

/** The result of a step. */
export interface StepResult {
  exitCode: number | null;
  /** Standard output and error together, as in the pod's log. */
  log: string;
  /** The words in the termination log, which Argo shows. */
  lastWords: string;
  /** What the termination log says besides these words; undefined if it says nothing. */
  ending: Omit<Ending, "did" | "seconds"> | undefined;
  seconds: number;
}

/** plan.json, reduced to what the tests read. */
export interface Plan {
  outcome: string;
  reason: string;
  head?: string | null;
  workflow?: { name: string; uid: string; stage?: string; ledger: Record<string, string> };
  targets?: { name: string; uid: string; agent: string; created: string }[];
  leftAlone?: { name: string; agent: string; why: string }[];
  pulls?: { number: number; ref: string; ready: boolean; labelled: boolean; held: boolean }[];
}

/**
 * The environment with changes to the configuration in CONFIG. A variable name that begins with one of its keys, such as
 * `pull.readyLabel`, is a path in it. The value is JSON or a text.
 */
export function withConfig(environment: Record<string, string>): Record<string, string> {
  const config = JSON.parse(environment.CONFIG ?? "{}");
  const variables = Object.entries(environment).filter(([name, value]) => {
    const path = name.split(".");
    if (!(`${path[0]}` in config)) return true;
    const last = path.pop() ?? "";
    path.reduce((part, key) => part[key], config)[last] = jsonOrText(value);
    return false;
  });
  return { ...Object.fromEntries(variables), CONFIG: JSON.stringify(config) };
}

function jsonOrText(value: string): unknown {
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}

/** Takes the content of a termination log apart. */
export function lastWords(log: string): Pick<StepResult, "lastWords" | "ending"> {
  const ending = endingIn(log);
  if (ending === undefined) return { lastWords: log.trim(), ending };
  const { did, seconds: _, ...more } = ending;
  return { lastWords: `${ending.step}: ${did}`, ending: more };
}

const checkout = resolve(import.meta.dirname, "../..");

/** Its arguments: the image's root folder, two folders to mount there, and a script. The mounts end with the process. */
const enterImage =
  'for folder in "$1" "$2" /dev /proc; do mkdir -p "$0$folder"; mount --rbind "$folder" "$0$folder"; done; exec chroot "$0" bash -c "$3"';

/**
 * Runs a script: on the node with the tools of the steps' image, otherwise with those of this machine. In the image it can use this
 * process's network, its temporary folder and the checkout.
 */
export function spawnStep(script: string, env: Record<string, string>): ChildProcess {
  const options: SpawnOptions = { env, stdio: ["ignore", "pipe", "pipe"] };
  const root = process.env.REX_STEPS_ROOT;
  if (root === undefined) return spawn("bash", ["-c", script], options);
  const inImage = ["sh", "-euc", enterImage, root, tmpdir(), checkout, script];
  return spawn("unshare", ["--mount", "--propagation", "private", "--", ...inImage], options);
}

/** Waits until a process ends, and collects its standard output and error together. */
export async function ended(child: ChildProcess): Promise<Pick<StepResult, "exitCode" | "log">> {
  let log = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on("data", (chunk) => {
      log += chunk;
    });
  }
  const exitCode = await new Promise<number | null>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", resolve);
  });
  return { exitCode, log };
}

/**
 * Runs steps as the containers of one pod, with shared folders. Each step's script is the one that the program embeds; for the tools see
 * {@link spawnStep}. It does not show that a container's rights and limits are enough.
 */
export class StepBench {
  readonly environment: Record<string, string>;
  #folder: string;

  private constructor(folder: string, environment: Record<string, string>) {
    this.#folder = folder;
    this.environment = environment;
  }

  static async open(environment: Record<string, string>): Promise<StepBench> {
    const folder = await mkdtemp(join(tmpdir(), "rex-step-"));
    const shared = join(folder, "shared");
    const token = join(folder, "token");
    await mkdir(shared);
    await mkdir(token);
    return new StepBench(folder, {
      ...withConfig(environment),
      SHARED_DIR: shared,
      TOKEN_DIR: token,
      HOME: shared,
      TERMINATION_LOG: join(folder, "last-words"),
      PATH: process.env.PATH ?? "",
    });
  }

  async close(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }

  async run(step: Step, more: Record<string, string> = {}): Promise<StepResult> {
    // The kubelet turns a doubled dollar in the argument into a single one.
    const text = stepScript(step).replaceAll("$$", "$");
    await writeFile(join(this.#folder, "last-words"), "");
    const started = Date.now();
    const { exitCode, log } = await ended(spawnStep(text, withConfig({ ...this.environment, STEP: step, ...more })));
    return {
      exitCode,
      log,
      ...lastWords(await readFile(join(this.#folder, "last-words"), "utf8")),
      seconds: (Date.now() - started) / 1000,
    };
  }

  async plan(): Promise<Plan> {
    return JSON.parse(await this.shared("plan.json"));
  }

  /** Reads a file from the steps' shared folder. */
  async shared(name: string): Promise<string> {
    return readFile(join(this.environment.SHARED_DIR ?? "", name), "utf8");
  }

  async writeShared(name: string, text: string): Promise<void> {
    const path = join(this.environment.SHARED_DIR ?? "", name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
  }

  async token(): Promise<string> {
    return readFile(join(this.environment.TOKEN_DIR ?? "", "curl"), "utf8");
  }
}
