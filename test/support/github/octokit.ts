import { createAppAuth } from "@octokit/auth-app";
import { Octokit } from "@octokit/rest";

/** How an App authenticates. */
export interface AppCredentials {
  appId: number | string;
  privateKeyPem: string;
  /** Needed to act as the installation. */
  installationId?: number;
}

/** A real Octokit that calls the API at `url`, authenticated by the real @octokit/auth-app. */
export function appOctokit(url: string, credentials: AppCredentials): Octokit {
  return new Octokit({
    baseUrl: url,
    authStrategy: createAppAuth,
    auth: {
      appId: credentials.appId,
      privateKey: credentials.privateKeyPem,
      installationId: credentials.installationId,
    },
    log: { debug() {}, info() {}, warn() {}, error() {} },
  });
}

/** Requests an installation token with @octokit/auth-app, by default for all repositories and permissions. */
export async function mintInstallationToken(
  url: string,
  credentials: AppCredentials & { installationId: number },
  narrow: { repositoryNames?: string[]; permissions?: Record<string, string> } = {},
): Promise<string> {
  const { token } = (await appOctokit(url, credentials).auth({ type: "installation", ...narrow })) as { token: string };
  return token;
}
