import { spawnSync } from "node:child_process";
import { jqProgram } from "../../components/stepScripts.ts";

const ofBash = ["BASH_REMATCH", "BASH_SOURCE", "EPOCHREALTIME", "EPOCHSECONDS", "RANDOM", "SECONDS"];
const ofJq = ["ARGS"];
const ofKubelet = ["KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"];

/** Variables that a step's script reads, but that neither environment, script, bash, jq nor kubelet sets. */
export function unsetVariables(script: string, environment: { name: string }[]): string[] {
  const read = [...script.matchAll(/\$(?:\{?#?|(?:ENV|env)\.)(?!ENV\b)([A-Z][A-Z0-9_]+)(:?-)?/g)].filter(
    ([, , byDefault]) => byDefault === undefined,
  );
  const set = [
    ...script.matchAll(/\b([A-Z][A-Z0-9_]+)=|read (?:-r )?([A-Z][A-Z0-9_]+)|exec \{([A-Z][A-Z0-9_]+)\}/g),
  ].flatMap(([, one, other, file]) => one ?? other ?? file);
  const known = new Set([...ofBash, ...ofJq, ...ofKubelet, ...set, ...environment.map(({ name }) => name)]);
  return [...new Set(read.map(([, name = ""]) => name))].filter((name) => !known.has(name)).sort();
}

/** The variables that the steps' bash gets from this configuration. */
export function variablesOf(config: object): { name: string }[] {
  const env = { PATH: process.env.PATH ?? "", CONFIG: JSON.stringify(config) };
  const { stdout } = spawnSync("jq", ["-nr", jqProgram("bash.jq")], { env, encoding: "utf8" });
  return [...stdout.matchAll(/^([A-Z_]+)=/gm)].map(([, name = ""]) => ({ name }));
}
