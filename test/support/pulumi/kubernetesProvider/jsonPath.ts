import { at, type Json } from "./values.ts";

/**
 * Selects with the part of JSONPath (RFC 9535) that `pulumi.com/waitFor` annotations use: names, indices, wildcards, unions of these in
 * brackets, descendants (`..`), and filters that compare one field with a literal, such as `[?(@.type=="Ready")]`.
 *
 * @param path must begin with $
 * @throws Error if the path uses anything else
 */
export function select(path: string, root: Json): Json[] {
  if (!path.startsWith("$")) {
    throw new Error(`${path}: a JSON path begins with $`);
  }
  let rest = path.slice(1);
  let nodes: Json[] = [root];
  while (rest !== "") {
    const descend = rest.startsWith("..");
    rest = rest.slice(descend ? 2 : rest.startsWith(".") ? 1 : 0);
    const segment = /^(?<name>[A-Za-z_][\w-]*|\*)|^\[(?<union>(?:"[^"]*"|'[^']*'|[^\]])*)\]/.exec(rest);
    if (segment?.groups === undefined) {
      throw new Error(`${path}: cannot read ${JSON.stringify(rest)}`);
    }
    rest = rest.slice(segment[0].length);
    const { name, union } = segment.groups;
    const selectors =
      name === undefined ? alternatives(union ?? "").map((text) => selector(text, path)) : [named(name)];
    const sources = descend ? nodes.flatMap(withDescendants) : nodes;
    nodes = sources.flatMap((node) => selectors.flatMap((pick) => pick(node)));
  }
  return nodes;
}

type Selector = (node: Json) => Json[];

function withDescendants(node: Json): Json[] {
  return [node, ...children(node).flatMap(withDescendants)];
}

function children(node: Json): Json[] {
  return node !== null && typeof node === "object" ? Object.values(node) : [];
}

function named(name: string): Selector {
  if (name === "*") {
    return children;
  }
  return (node) => {
    const child = Array.isArray(node) ? undefined : at(node, name);
    return child === undefined ? [] : [child];
  };
}

/** The parts of a union, split at commas outside quotes. */
function alternatives(union: string): string[] {
  return (union.match(/(?:"[^"]*"|'[^']*'|[^,])+/g) ?? []).map((text) => text.trim());
}

function selector(text: string, path: string): Selector {
  const quotedName = /^(['"])(.*)\1$/.exec(text)?.[2];
  if (quotedName !== undefined) {
    return named(quotedName);
  }
  if (text === "*") {
    return children;
  }
  if (/^\d+$/.test(text)) {
    return (node) => (Array.isArray(node) && Number(text) < node.length ? [node[Number(text)] as Json] : []);
  }
  const filter = /^\?\s*\(?\s*@\.(?<field>[\w-]+)\s*==\s*(?<quote>['"])(?<literal>.*)\k<quote>\s*\)?$/.exec(
    text,
  )?.groups;
  if (filter?.field === undefined) {
    throw new Error(`${path}: cannot read the selector ${JSON.stringify(text)}`);
  }
  const { field, literal } = filter;
  return (node) => children(node).filter((child) => !Array.isArray(child) && at(child, field) === literal);
}
