/** A JSON object of unknown content. */
export type JsonObject = Record<string, unknown>;

/** An endpoint's answer. Without a body, it ends after the headers. */
export interface Answer {
  status: number;
  body?: unknown;
  headers?: Record<string, string>;
}

/** A refused request, in the form of GitHub's errors. */
export class GitHubError extends Error {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly fields: JsonObject;

  constructor(status: number, message: string, extra: { headers?: Record<string, string>; fields?: JsonObject } = {}) {
    super(message);
    this.status = status;
    this.headers = extra.headers ?? {};
    this.fields = extra.fields ?? {};
  }

  /** The answer with a link to the endpoint's documentation, as on GitHub. */
  answer(documentationUrl: string): Answer {
    return {
      status: this.status,
      headers: this.headers,
      body: {
        message: this.message,
        ...this.fields,
        documentation_url: documentationUrl,
        status: String(this.status),
      },
    };
  }
}

/** One wrong field of a request, in the form of a 422's `errors`. */
export interface FieldError {
  resource: string;
  field: string;
  code: "missing" | "missing_field" | "invalid" | "already_exists" | "unprocessable" | "custom" | "unauthorized";
  message?: string;
}

export function notFound(message = "Not Found"): GitHubError {
  return new GitHubError(404, message);
}

export function badCredentials(): GitHubError {
  return new GitHubError(401, "Bad credentials");
}

export function badRequest(): GitHubError {
  return new GitHubError(400, "Bad Request");
}

export function validationFailed(...errors: FieldError[]): GitHubError {
  return new GitHubError(422, "Validation Failed", { fields: { errors } });
}
