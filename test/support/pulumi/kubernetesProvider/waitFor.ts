import { select } from "./jsonPath.ts";
import { at, type Json } from "./values.ts";

/** Whether an object is in the state that its annotations demand, and why not. */
export interface Verdict {
  ready: boolean;
  /** If it is not: what the object says about itself. */
  reason?: string;
}

/**
 * Evaluates the annotation `pulumi.com/waitFor`: one expression or a JSON array of them. All must hold. The reason comes from the first one
 * that does not.
 * @see https://www.pulumi.com/registry/packages/kubernetes/annotations/
 */
export function waitFor(annotation: string, object: Json): Verdict {
  for (const expression of expressions(annotation)) {
    const verdict = expression.startsWith("jsonpath=") ? matches(expression, object) : hasCondition(expression, object);
    if (!verdict.ready) {
      return verdict;
    }
  }
  return { ready: true };
}

function expressions(annotation: string): string[] {
  return annotation.startsWith("[") ? JSON.parse(annotation) : [annotation];
}

/** condition=TYPE or condition=TYPE=STATUS; case does not matter. */
function hasCondition(expression: string, object: Json): Verdict {
  if (!expression.startsWith("condition=")) {
    throw new Error(`expected a "jsonpath=" or "condition=" prefix, got ${JSON.stringify(expression)}`);
  }
  const [, type = "", status = "True"] = expression.split("=");
  const conditions = at(object, "status", "conditions");
  const condition = (Array.isArray(conditions) ? conditions : []).find(
    (one) => lower(at(one, "type")) === type.toLowerCase(),
  );
  const observed = at(condition, "observedGeneration") ?? at(object, "status", "observedGeneration");
  const current = observed === undefined || Number(observed) >= Number(at(object, "metadata", "generation") ?? 0);
  return { ready: current && condition !== undefined && lower(at(condition, "status")) === status.toLowerCase() };
}

function lower(value: Json | undefined): string {
  return typeof value === "string" ? value.toLowerCase() : "";
}

/** jsonpath={PATH} or jsonpath={PATH}=VALUE: the path must select something, and with VALUE, the first selected value must equal it. */
function matches(expression: string, object: Json): Verdict {
  // A single = separates the value; == belongs to the path.
  const parts = /^jsonpath=\{(?<path>.*)\}(?:=(?<value>.*))?$/.exec(expression)?.groups;
  if (parts?.path === undefined) {
    throw new Error(`${expression} should be jsonpath={PATH} or jsonpath={PATH}=VALUE`);
  }
  const path = parts.path.startsWith("$") ? parts.path : `$${parts.path}`;
  const [found] = select(path, object);
  if (found === undefined) {
    return { ready: false };
  }
  if (parts.value === undefined || `${found}` === parts.value) {
    return { ready: true };
  }
  // The real provider's error ends with the found value, as Go prints it.
  const shown =
    found !== null && typeof found === "object"
      ? `"${parts.path}" has a non-primitive value (${goText(found)})`
      : undefined;
  return { ready: false, reason: shown };
}

function goText(value: Json): string {
  if (Array.isArray(value)) {
    return `[${value.map(goText).join(" ")}]`;
  }
  if (value === null || typeof value !== "object") {
    return `${value}`;
  }
  const entries = Object.keys(value)
    .sort()
    .map((key) => `${key}:${goText(value[key] ?? null)}`);
  return `map[${entries.join(" ")}]`;
}
