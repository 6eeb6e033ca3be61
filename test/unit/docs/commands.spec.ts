import { deepEqual, equal, match } from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { documentedCommands } from "../../support/documents.ts";
import { missingTests, type NamedTest, namedTests } from "../../support/namedTests.ts";
import { project } from "../../support/pulumi/stackConfig.ts";

const root = resolve(import.meta.dirname, "../../..");

/** Commands by their beginning, each with the test that runs it, or one that differs in names only. */
const tried: [beginning: string, file: string, id: string][] = [
  ["npm ci", "test/node/upAndDown.spec.ts", "up-leaves-checkout-clean"],
  // The engine is the pulumi command's own; dev/stack.ts stands in for its language host.
  ["pulumi stack init", "test/engine/plainPulumi.spec.ts", "plain-pulumi-preview"],
  ["pulumi preview", "test/engine/plainPulumi.spec.ts", "plain-pulumi-preview"],
  ["pulumi up", "test/engine/lifecycle.spec.ts", "stack-comes-up"],
  ["pulumi destroy", "test/engine/lifecycle.spec.ts", "stack-goes"],
  ["kubectl get workflows", "test/cli/by-hand/look.spec.ts", "lists-the-runs"],
  ["kubectl -n agent-platform get workflow", "test/cli/by-hand/look.spec.ts", "shows-a-run"],
  ["argo -n agent-platform get RUN", "test/cli/by-hand/look.spec.ts", "shows-a-run"],
  ["argo -n agent-platform logs RUN", "test/cli/by-hand/look.spec.ts", "shows-a-run"],
  ["argo submit", "test/cli/by-hand/remediate.spec.ts", "remediate-as-argo-submit"],
  ["argo -n agent-platform resubmit", "test/chain/ways-out/held.spec.ts", "way-out-of-hold-label"],
  [
    "argo -n agent-platform submit --from cronworkflow",
    "test/chain/remediation/pods.spec.ts",
    "pods-in-restricted-namespace",
  ],
  ["kubectl apply -f manifests", "test/cli/by-hand/render.spec.ts", "rendered-and-applied"],
  ["pulumi config set kubernetes:context", "test/engine/cluster.spec.ts", "unknown-context"],
  ["kubectl create -n agent-platform -f", "test/cli/by-hand/ownCluster.spec.ts", "trial-task-remediated"],
  ["kubectl delete -n agent-platform -f", "test/cli/by-hand/ownCluster.spec.ts", "trial-task-remediated"],
  ["openssl rand -hex 32 > webhook-secret", "test/cli/by-hand/ownCluster.spec.ts", "says-where-outputs-are"],
  ["export REX_OUTPUTS=", "test/cli/by-hand/ownCluster.spec.ts", "says-where-outputs-are"],
  ["kubectl wait", "test/engine/upgrade/destroy.spec.ts", "destroy-after-waiting"],
];

/** Commands by their beginning, each with the reason why no test runs it. */
const notRunnableHere: [beginning: string, reason: string][] = [
  ["git clone https://", "the address is the user's own"],
  ["git commit ", "it is in a clone of the user's own repository"],
  ["git push origin", "it is to the user's own repository"],
  ["gh pr create", "it is of the user's own repository"],
  ["git pull", "it needs a newer version at the user's own address"],
  ["docker ", "there is no builder of images and no registry; test/unit/docs/stepsImage.spec.ts reads the Dockerfile"],
  ["kubectl create namespace", "the embedded node makes its namespaces in Go's and bash's way, before anything else"],
  ["kubectl apply --server-side -n argo -f https://", "it downloads, as the line for Argo Events"],
  [
    "kubectl apply -f https://",
    "it downloads; test/unit/docs/install.spec.ts holds the versions to those that the node is built of",
  ],
  ["pulumi login", "it needs a backend of others, and the machine's Pulumi settings are not a test's to change"],
  [
    "node test/faults/report.ts",
    "it takes the figures of all cases, which take half an hour, and writes them into the documents",
  ],
];

const packageScripts: Record<string, string> = JSON.parse(readFileSync(resolve(root, "package.json"), "utf8")).scripts;

/** Single commands: what `&&` joins is several. */
const commands = documentedCommands().flatMap(({ command, ...where }) =>
  command
    .split(" && ")
    .filter((part) => !part.startsWith("cd "))
    .map((part) => ({ ...where, command: part })),
);

/** A call of the project's own: what is run, its arguments, and how its help text begins. */
interface OwnCall {
  program: string;
  args: string[];
  usage: RegExp;
}

/** @returns undefined if the command is none of the project's own */
function ownCall(command: string): OwnCall | undefined {
  const words = command.replace(/^(\w+=\S+ )+/, "").split(" ");
  const [, name = "", rest = ""] = /^npm run (?:--silent )?([\w:-]+)(?: -- (.*))?$/.exec(words.join(" ")) ?? [];
  if (name !== "") {
    const [, script = `no script ${name}`] =
      /^(?:node )?((?:scripts|cli|dev)\/\S+)$/.exec(packageScripts[name] ?? "") ?? [];
    return {
      program: script,
      args: rest.split(" "),
      usage: new RegExp(`^usage: (npm run (--silent )?${name}|${script})\\b`),
    };
  }
  const [program = "", ...args] = words;
  return program.startsWith("scripts/") ? { program, args, usage: new RegExp(`^usage: ${program}\\b`) } : undefined;
}

const helpTexts = new Map<string, string>();

function helpText(program: string): string {
  const known = helpTexts.get(program);
  if (known !== undefined) return known;
  const { stdout } = spawnSync(resolve(root, program), ["--help"], {
    encoding: "utf8",
    timeout: 30_000,
    env: { ...process.env, PATH: `${resolve(process.execPath, "../..")}:${process.env.PATH}` },
  });
  helpTexts.set(program, stdout ?? "");
  return stdout ?? "";
}

/** Options and words of a call that its help does not know. What the reader puts in (3, acme/shop, prod) is behind an option. */
function unknownWords({ program, args }: OwnCall): string[] {
  const own = args.filter((word, index) => /^--?[a-z]/.test(word) || (index === 0 && /^[a-z-]+$/.test(word)));
  return own.filter((word) => !new RegExp(`(^|[\\s|\\[])${word}([\\s|\\].,)]|$)`, "m").test(helpText(program)));
}

/** Keys of the program; a provider's have its name before them. */
function keysSet(command: string): string[] {
  const [, key] = /\bpulumi config (?:set|rm) (?:--(?:path|secret) )?'?(\w+)\b(?!:)/.exec(command) ?? [];
  return key === undefined ? [] : [key];
}

/**
 * Every command that README and docs/ give their reader. What this does not show: that the named test runs it word for word.
 */
describe("commands in README and docs/", function () {
  this.timeout(60_000);

  it("are each run by a test, or checked here, or there is a reason why not [commands-are-tried]", () => {
    const beginnings = [...tried, ...notRunnableHere].map(([beginning]) => beginning);
    const unheld = commands.filter(
      ({ section, command }) =>
        ownCall(command) === undefined &&
        keysSet(command).length === 0 &&
        !beginnings.some((beginning) => command.startsWith(beginning)) &&
        namedTests(section).length === 0 &&
        !/^- not tried here/m.test(section),
    );
    deepEqual(
      unheld.map(({ file, command }) => `${file}: ${command}`),
      [],
    );
  });

  it("are in the two lists only if a document has them", () => {
    const unused = [...tried, ...notRunnableHere].filter(
      ([beginning]) => !commands.some(({ command }) => command.startsWith(beginning)),
    );
    deepEqual(unused, []);
  });

  it("are run by tests that exist", () => {
    const named: NamedTest[] = tried.map(([, file, id]) => ({ file, id }));
    deepEqual(missingTests(named), []);
  });

  it("are bash", () => {
    for (const document of new Set(commands.map(({ file }) => file))) {
      const lines = documentedCommands().filter(({ file }) => file === document);
      const script = lines.map(({ command }) => command).join("\n");
      const { status, stderr } = spawnSync("bash", ["-n", "-c", script], { encoding: "utf8" });
      equal(status, 0, `${document}: ${stderr}`);
    }
  });

  it("call the project's own tools by options that their --help has [commands-have-known-options]", () => {
    const calls = commands.flatMap(({ file, command }) => {
      const call = ownCall(command);
      return call === undefined ? [] : [{ file, command, call }];
    });
    for (const { file, command, call } of calls) {
      match(helpText(call.program), call.usage, `${file}: ${command}: ${call.program} --help`);
      deepEqual(unknownWords(call), [], `${file}: ${command}`);
    }
  });

  it("set keys that Pulumi.yaml has", () => {
    const keys = commands.flatMap(({ command }) => keysSet(command));
    deepEqual(
      keys.filter((key) => !(key in project.config)),
      [],
    );
  });
});
