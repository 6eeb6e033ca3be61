const ofBash = ["BASH_REMATCH", "BASH_SOURCE", "EPOCHREALTIME", "EPOCHSECONDS", "RANDOM", "SECONDS"];
const ofKubelet = ["KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"];

/** Variables that a step's script reads although nothing sets them: neither environment, script, bash nor kubelet. */
export function unsetVariables(script: string, environment: { name: string }[]): string[] {
  const read = [...script.matchAll(/\$(?:\{?#?|(?:ENV|env)\.)(?!ENV\b)([A-Z][A-Z0-9_]+)(:?-)?/g)].filter(
    ([, , byDefault]) => byDefault === undefined,
  );
  const set = [
    ...script.matchAll(/\b([A-Z][A-Z0-9_]+)=|read (?:-r )?([A-Z][A-Z0-9_]+)|exec \{([A-Z][A-Z0-9_]+)\}/g),
  ].flatMap(([, one, other, file]) => one ?? other ?? file);
  const known = new Set([...ofBash, ...ofKubelet, ...set, ...environment.map(({ name }) => name)]);
  return [...new Set(read.map(([, name = ""]) => name))].filter((name) => !known.has(name)).sort();
}
