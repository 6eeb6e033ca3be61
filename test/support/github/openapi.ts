import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { Ajv, type ValidateFunction } from "ajv";
import type { Endpoint } from "./endpoint.ts";
import type { Routed } from "./router.ts";

interface Operation {
  externalDocs?: { url: string };
  responses: Record<string, { $ref?: string; content?: Record<string, { schema?: object }> }>;
}

interface Description {
  paths: Record<string, Record<string, Operation>>;
  components: { responses: Record<string, { content?: Record<string, { schema?: object }> }> };
}

/** Places in answers where GitHub's description differs from what GitHub does. */
const inaccuracies = [
  // The head of a pull request whose fork was deleted has no repository.
  /\/head\/repo$/,
  // A label that was created with only a name has no description.
  /\/labels\/\d+\/description$/,
  // The list of installations requires an account to be both a user and an enterprise.
  /^\/\d+\/account/,
];

const formats = {
  "date-time": /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/,
  uri: (text: string) => URL.canParse(text),
  "uri-template": true,
  email: /^[^@\s]+@[^@\s]+$/,
  int64: true,
  timestamp: true,
  date: /^\d{4}-\d\d-\d\d$/,
} as const;

let description: Description | undefined;

/** GitHub's published description of its API. It is read only once. */
export function githubDescription(): Description {
  const file = createRequire(import.meta.url).resolve("@octokit/openapi/generated/api.github.com.json");
  description ??= withJsonSchemaNulls(JSON.parse(readFileSync(file, "utf8"))) as Description;
  return description;
}

/** Rewrites `nullable`, which is OpenAPI 3.0's "or null", in place, because JSON Schema does not know it. */
function withJsonSchemaNulls(node: unknown): unknown {
  if (typeof node !== "object" || node === null) return node;
  const object = node as Record<string, unknown>;
  for (const [key, value] of Object.entries(object)) if (key !== "examples") object[key] = withJsonSchemaNulls(value);
  if (object.nullable !== true) return object;
  const { nullable: _, ...schema } = object;
  return { anyOf: [{ type: "null" }, schema] };
}

/** Checks answers against GitHub's published OpenAPI description. Compiles schemas on first use. */
export class OpenApiCheck {
  private readonly ajv = new Ajv({ strict: false, allErrors: true, validateSchema: false, logger: false, formats });
  private readonly compiled = new Map<string, ValidateFunction>();
  /** `METHOD path status` of every answer checked. */
  readonly seen = new Set<string>();

  constructor() {
    this.ajv.addSchema(githubDescription(), "github");
  }

  /** The deviations of an answer from the description, in readable lines; empty if there are none. */
  check({ endpoint, answer }: Routed): string[] {
    if (!endpoint) return [];
    const where = `${endpoint.method} ${endpoint.path} ${answer.status}`;
    this.seen.add(where);
    if (!endpoint.statuses.includes(answer.status)) return [`${where}: not among the statuses of the endpoint`];
    const pointer = schemaPointer(endpoint, answer.status);
    if (pointer === undefined) return answer.body === undefined ? [] : [`${where}: described without a body`];
    const validate = this.validator(pointer);
    if (validate(JSON.parse(JSON.stringify(answer.body ?? null)))) return [];
    return (validate.errors ?? [])
      .filter(({ instancePath }) => !inaccuracies.some((known) => known.test(instancePath)))
      .map(({ instancePath, message }) => `${where}: ${instancePath || "/"} ${message}`);
  }

  private validator(pointer: string): ValidateFunction {
    const known = this.compiled.get(pointer);
    if (known) return known;
    const validate = this.ajv.compile({ $ref: `github#${pointer}` });
    this.compiled.set(pointer, validate);
    return validate;
  }
}

/** The operation that describes an endpoint. Throws if there is none. */
export function operation(endpoint: Endpoint): Operation {
  const found = githubDescription().paths[endpoint.path]?.[endpoint.method.toLowerCase()];
  if (!found) throw new Error(`GitHub's description has no ${endpoint.method} ${endpoint.path}`);
  return found;
}

/**
 * Pointer to the schema of an answer: the operation's own, or the basic one for an error that the operation does not list. Undefined for
 * an answer without a body.
 */
export function schemaPointer(endpoint: Endpoint, status: number): string | undefined {
  const response = operation(endpoint).responses[String(status)];
  const shared = response?.$ref?.replace("#/components/responses/", "");
  const content = shared ? githubDescription().components.responses[shared]?.content : response?.content;
  if (content?.["application/json"]?.schema) {
    const parts = shared
      ? ["components", "responses", shared]
      : ["paths", endpoint.path, endpoint.method.toLowerCase(), "responses", String(status)];
    return [...parts, "content", "application/json", "schema"].map((part) => `/${escaped(part)}`).join("");
  }
  return status >= 400 ? "/components/schemas/basic-error" : undefined;
}

function escaped(part: string): string {
  return encodeURIComponent(part.replaceAll("~", "~0").replaceAll("/", "~1"));
}
