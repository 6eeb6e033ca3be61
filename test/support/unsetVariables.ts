const ofBash = ["BASH_REMATCH", "BASH_SOURCE", "EPOCHREALTIME", "EPOCHSECONDS", "RANDOM", "SECONDS"];
const ofKubelet = ["KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"];

/** Variables that a step's text reads and nobody sets: not the environment, not the text itself, not bash, not the kubelet. */
export function unsetVariables(script: string, environment: { name: string }[]): string[] {
  const read = [...script.matchAll(/\$(?:\{?#?|(?:ENV|env)\.)(?!ENV\b)([A-Z][A-Z0-9_]+)(:?-)?/g)].filter(
    ([, , byDefault]) => byDefault === undefined,
  );
  const set = [...script.matchAll(/\b([A-Z][A-Z0-9_]+)=|read (?:-r )?([A-Z][A-Z0-9_]+)/g)].flatMap(
    ([, one, other]) => one ?? other,
  );
  const known = new Set([...ofBash, ...ofKubelet, ...set, ...environment.map(({ name }) => name)]);
  return [...new Set(read.map(([, name = ""]) => name))].filter((name) => !known.has(name)).sort();
}
