import { createVerify } from "node:crypto";
import { GitHubError, type JsonObject } from "./answers.ts";
import type { App, Apps } from "./apps.ts";

/** How far ahead a JWT may expire. */
const longestLifeSeconds = 600;

/**
 * The App that a request comes from, proved by its JSON web token.
 *
 * GitHub allows no clock drift: a token issued in GitHub's future is refused, which is why it recommends an `iat`
 * 60 seconds in the past. https://docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-json-web-token-jwt-for-a-github-app
 *
 * Throws GitHub's 401 for each defect, in its words, and 404 for an issuer that is no App.
 */
export function authenticateApp(authorization: string | undefined, apps: Apps, nowSeconds: number): App {
  // GitHub takes installation tokens after "token" or "Bearer", but JSON web tokens only after the latter.
  const encoded = /^bearer +(\S+)$/i.exec(authorization ?? "")?.[1];
  const [header, payload, signature, ...rest] = (encoded ?? "").split(".");
  if (!header || !payload || !signature || rest.length > 0) throw notDecoded();
  if (decode(header).alg !== "RS256") throw notDecoded();
  const claims = decode(payload);

  const app = issuer(claims, apps);
  const keys = [app.publicKeyPem, app.formerPublicKeyPem].filter((key) => key !== undefined);
  const isSignedWith = (key: string) =>
    createVerify("RSA-SHA256").update(`${header}.${payload}`).verify(key, Buffer.from(signature, "base64url"));
  if (!keys.some(isSignedWith)) throw notDecoded();
  checkTimes(claims, nowSeconds);
  return app;
}

function issuer(claims: JsonObject, apps: Apps): App {
  const { iss } = claims;
  if (iss === undefined || iss === null || iss === "") throw refused("Missing 'issuer' claim ('iss') in assertion");
  if (!["string", "number"].includes(typeof iss) || !/^(\d+|Iv[\w.]+)$/.test(String(iss)))
    throw refused("'Issuer' claim ('iss') must be an Integer");
  const app = apps.byIssuer(String(iss));
  if (!app) throw new GitHubError(404, "Integration not found");
  return app;
}

function checkTimes({ iat, exp }: JsonObject, nowSeconds: number): void {
  if (iat === undefined || iat === null) throw refused("Missing 'issued at' claim ('iat') in assertion");
  if (!Number.isInteger(iat) || (iat as number) > nowSeconds)
    throw refused("'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued");
  if (exp === undefined || exp === null) throw refused("Missing 'expiration time' claim ('exp') in assertion");
  if (typeof exp !== "number" || exp <= nowSeconds)
    throw refused(
      "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires",
    );
  if (exp > nowSeconds + longestLifeSeconds) throw refused("'Expiration time' claim ('exp') is too far in the future");
}

function decode(part: string): JsonObject {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, "base64url").toString("utf8"));
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as JsonObject;
  } catch {
    // Refused below: GitHub does not say what was wrong with it.
  }
  throw notDecoded();
}

function notDecoded(): GitHubError {
  return refused("A JSON web token could not be decoded");
}

function refused(message: string): GitHubError {
  return new GitHubError(401, message);
}
