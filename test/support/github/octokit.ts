import { createAppAuth } from "@octokit/auth-app";
import { Octokit } from "@octokit/rest";

/** How an App proves itself. */
export interface AppCredentials {
  appId: number | string;
  privateKeyPem: string;
  /** Needed to act as the installation. */
  installationId?: number;
}

/** A real Octokit, authenticated by the real @octokit/auth-app, speaking to the API at `url`. */
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

/** Mints an installation token with @octokit/auth-app; all repositories and permissions unless narrowed. */
export async function mintInstallationToken(
  url: string,
  credentials: AppCredentials & { installationId: number },
  narrow: { repositoryNames?: string[]; permissions?: Record<string, string> } = {},
): Promise<string> {
  const { token } = (await appOctokit(url, credentials).auth({ type: "installation", ...narrow })) as { token: string };
  return token;
}
