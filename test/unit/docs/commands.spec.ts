import { deepEqual, equal, match } from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { values } from "../../../config/schema.ts";
import { documentedCommands } from "../../support/documents.ts";
import { missingTests, type NamedTest, namedTests } from "../../support/namedTests.ts";

const root = resolve(import.meta.dirname, "../../..");

/** The beginnings of commands, each with the test that runs the command, perhaps with other names. */
const tried: [beginning: string, file: string, id: string][] = [
  ["npm ci", "test/node/upAndDown.spec.ts", "up-leaves-checkout-clean"],
  // The engine is the real pulumi command's; dev/stack.ts stands in for its language host.
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

/** The beginnings of commands that no test runs, each with the reason. */
const notRunnableHere: [beginning: string, reason: string][] = [
  ["git clone https://", "the address is the user's own"],
  ["git commit ", "it runs in a clone of the user's own repository"],
  ["git push origin", "it pushes to the user's own repository"],
  ["gh pr create", "it needs the user's own repository"],
  ["git pull", "it needs a newer version at the user's own address"],
  [
    "docker ",
    "the tests have no image builder and no registry; test/unit/docs/stepsImage.spec.ts reads the Dockerfile",
  ],
  ["kubectl create namespace", "the tests of the embedded node create their namespaces themselves"],
  ["kubectl apply --server-side -n argo -f https://", "it downloads, like the line for Argo Events"],
  [
    "kubectl apply -f https://",
    "it downloads; test/unit/docs/install.spec.ts compares the versions with those of the embedded node",
  ],
  ["pulumi login", "it needs a remote backend, and a test must not change the machine's Pulumi settings"],
  [
    "node test/faults/report.ts",
    "it needs the results of all cases, which take half an hour, and writes them into the documents",
  ],
];

const packageScripts: Record<string, string> = JSON.parse(readFileSync(resolve(root, "package.json"), "utf8")).scripts;

/** Single commands; a line joined by `&&` counts as several. */
const commands = documentedCommands().flatMap(({ command, ...where }) =>
  command
    .split(" && ")
    .filter((part) => !part.startsWith("cd "))
    .map((part) => ({ ...where, command: part })),
);

/** A call of one of the project's own programs: the program, its arguments, and the beginning of its help. */
interface OwnCall {
  program: string;
  args: string[];
  usage: RegExp;
}

/** @returns undefined if the command is not one of the project's own */
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
  if (program === "scripts/rex") {
    // Each subcommand has its own help, and so does each subcommand of `webhook`.
    const commands = args.slice(0, args[0] === "webhook" && /^[a-z]/.test(args[1] ?? "") ? 2 : 1);
    const called = [program, ...commands].join(" ");
    return { program: called, args: args.slice(commands.length), usage: new RegExp(`^usage: ${called}\\b`) };
  }
  return program.startsWith("scripts/") ? { program, args, usage: new RegExp(`^usage: ${program}\\b`) } : undefined;
}

const helpTexts = new Map<string, string>();

function helpText(program: string): string {
  const known = helpTexts.get(program);
  if (known !== undefined) return known;
  const [file = "", ...commands] = program.split(" ");
  const { stdout } = spawnSync(resolve(root, file), [...commands, "--help"], {
    encoding: "utf8",
    timeout: 30_000,
    env: { ...process.env, PATH: `${resolve(process.execPath, "..")}:${process.env.PATH}` },
  });
  helpTexts.set(program, stdout ?? "");
  return stdout ?? "";
}

/** Options and words that the help does not mention. The reader's own values (3, acme/shop, prod) come after an option. */
function unknownWords({ program, args }: OwnCall): string[] {
  const own = args.filter((word, index) => /^--?[a-z]/.test(word) || (index === 0 && /^[a-z-]+$/.test(word)));
  return own.filter((word) => !new RegExp(`(^|[\\s|\\[])${word}([\\s|\\].,)]|$)`, "m").test(helpText(program)));
}

/** The program's configuration keys that a command sets, such as steps.image. A provider's keys have a prefix. */
function keysSet(command: string): string[] {
  const [, key] = /\bpulumi config (?:set|rm) (?:--(?:path|secret) )?'?((?:\w+\.)?\w+)\b(?!:)/.exec(command) ?? [];
  return key === undefined ? [] : [key];
}

/**
 * Every command that README and docs/ give the reader. It does not show that the named test runs the command word for word.
 */
describe("commands in README and docs/", function () {
  this.timeout(60_000);

  it("are each run by a test, or checked here, or have a reason why not [commands-are-tried]", () => {
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

  it("appear in the two lists only if a document has them", () => {
    const unused = [...tried, ...notRunnableHere].filter(
      ([beginning]) => !commands.some(({ command }) => command.startsWith(beginning)),
    );
    deepEqual(unused, []);
  });

  it("name tests that exist", () => {
    const named: NamedTest[] = tried.map(([, file, id]) => ({ file, id }));
    deepEqual(missingTests(named), []);
  });

  it("are valid bash", () => {
    for (const document of new Set(commands.map(({ file }) => file))) {
      const lines = documentedCommands().filter(({ file }) => file === document);
      const script = lines.map(({ command }) => command).join("\n");
      const { status, stderr } = spawnSync("bash", ["-n", "-c", script], { encoding: "utf8" });
      equal(status, 0, `${document}: ${stderr}`);
    }
  });

  it("call the project's programs only with options that --help mentions [commands-have-known-options]", () => {
    const calls = commands.flatMap(({ file, command }) => {
      const call = ownCall(command);
      return call === undefined ? [] : [{ file, command, call }];
    });
    for (const { file, command, call } of calls) {
      match(helpText(call.program), call.usage, `${file}: ${command}: ${call.program} --help`);
      deepEqual(unknownWords(call), [], `${file}: ${command}`);
    }
  });

  it("set only keys that the program has", () => {
    const keys = commands.flatMap(({ command }) => keysSet(command));
    deepEqual(
      keys.filter((key) => !values.has(key)),
      [],
    );
  });
});
