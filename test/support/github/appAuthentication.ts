import { createPublicKey } from "node:crypto";
import { decodeJwt, errors, type JWTPayload, jwtVerify } from "jose";
import { GitHubError } from "./answers.ts";
import type { App, Apps } from "./apps.ts";

/** How far in the future a JWT may expire, in seconds. */
const longestLifeSeconds = 600;

const notDecoded = "A JSON web token could not be decoded";
const badIat = "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued";
const badExp =
  "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires";

/**
 * The App that sent a request, authenticated by its JSON web token.
 *
 * GitHub tolerates no clock drift: it refuses a token if `iat` is in the future by GitHub's clock. So it recommends an `iat` 60 seconds in
 * the past. https://docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-json-web-token-jwt-for-a-github-app
 *
 * Throws a 401 with GitHub's message for the defect, and 404 if the issuer is not an App.
 */
export async function authenticateApp(authorization: string | undefined, apps: Apps, nowSeconds: number): Promise<App> {
  // GitHub accepts installation tokens after "token" or "Bearer", but JSON web tokens only after "Bearer".
  const encoded = /^bearer +(\S+)$/i.exec(authorization ?? "")?.[1] ?? "";
  const claims = claimsOf(encoded);
  const app = issuer(claims, apps);
  const signedWith = (key: string) =>
    jwtVerify(encoded, createPublicKey(key), {
      algorithms: ["RS256"],
      requiredClaims: ["iat", "exp"],
      currentDate: new Date(nowSeconds * 1000),
    });
  const { publicKeyPem, formerPublicKeyPem = publicKeyPem } = app;
  await signedWith(formerPublicKeyPem)
    .catch(() => signedWith(publicKeyPem))
    .catch((error: Error) => {
      throw refused(messageFor(error));
    });
  const { iat = 0, exp = 0 } = claims;
  if (!Number.isInteger(iat) || iat > nowSeconds) throw refused(badIat);
  if (exp > nowSeconds + longestLifeSeconds) throw refused("'Expiration time' claim ('exp') is too far in the future");
  return app;
}

function claimsOf(encoded: string): JWTPayload {
  try {
    return decodeJwt(encoded);
  } catch {
    throw refused(notDecoded);
  }
}

function issuer({ iss }: JWTPayload, apps: Apps): App {
  if (iss === undefined) throw refused("Missing 'issuer' claim ('iss') in assertion");
  if (!/^(\d+|Iv[\w.]+)$/.test(String(iss))) throw refused("'Issuer' claim ('iss') must be an Integer");
  const app = apps.byIssuer(String(iss));
  if (!app) throw new GitHubError(404, "Integration not found");
  return app;
}

/** GitHub's message for an error of the library. A wrong signature gets the same message as a missing token. */
function messageFor(error: Error): string {
  if (error instanceof errors.JWTExpired) return badExp;
  if (!(error instanceof errors.JWTClaimValidationFailed)) return notDecoded;
  if (error.reason !== "missing") return error.claim === "iat" ? badIat : badExp;
  const name = error.claim === "iat" ? "issued at" : "expiration time";
  return `Missing '${name}' claim ('${error.claim}') in assertion`;
}

function refused(message: string): GitHubError {
  return new GitHubError(401, message);
}
