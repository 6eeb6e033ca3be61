/** A series in Prometheus's text format. */
export interface Series {
  name: string;
  labels: Record<string, string>;
  value: number;
}

/** The series whose names begin with one of the prefixes, from a text in Prometheus's format. */
export function seriesOf(text: string, ...prefixes: string[]): Series[] {
  return text.split("\n").flatMap((line) => {
    const [, name = "", inBraces = "", value = ""] = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)/.exec(line) ?? [];
    if (!prefixes.some((prefix) => name.startsWith(prefix))) return [];
    const labels = [...inBraces.matchAll(/([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g)].map(([, key = "", text = ""]) => [
      key,
      text,
    ]);
    return [{ name, labels: Object.fromEntries(labels), value: Number(value) }];
  });
}

/** A series' name with its labels, sorted, as Prometheus writes it. */
export function identity({ name, labels }: Pick<Series, "name" | "labels">): string {
  const pairs = Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1));
  return pairs.length === 0
    ? name
    : `${name}{${pairs.map(([key, value]) => `${key}=${JSON.stringify(value)}`).join(",")}}`;
}
