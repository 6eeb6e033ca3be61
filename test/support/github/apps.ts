import { createPublicKey } from "node:crypto";
import type { Clock } from "./clock.ts";
import { splitFullName } from "./identity.ts";
import { isLevel, type Permissions } from "./permissions.ts";

/** A registered GitHub App. */
export interface App {
  appId: number;
  clientId: string;
  slug: string;
  publicKeyPem: string;
  formerPublicKeyPem?: string;
  createdAt: string;
}

/** An App's installation on one account. */
export interface Installation {
  id: number;
  appId: number;
  /** Login of the user or organisation that it is installed on. */
  account: string;
  permissions: Permissions;
  /** Full names of the repositories selected for it. */
  repositories: string[];
  suspended: boolean;
  createdAt: string;
}

/** What a test registers: an App and one of its installations. */
export interface AppDefinition {
  appId: number;
  /** The App's URL-friendly name. The login of its bot is `<slug>[bot]`. */
  slug: string;
  /** A JWT may name this as issuer instead of the App's id. Default: derived from that id. */
  clientId?: string;
  /** The public half of the App's key, SPKI or PKCS#1 PEM. */
  publicKeyPem: string;
  /** The former key, while it is still valid beside the new one. */
  formerPublicKeyPem?: string;
  installationId: number;
  /** The installation's permissions. `metadata: read` is always included. */
  permissions: Permissions;
  /** Full names. All have the same owner, because GitHub installs an App per account. */
  repositories: string[];
  /** A suspended installation gets no tokens, and its tokens stop working. Default: false. */
  suspended?: boolean;
}

/** The Apps that GitHub knows, and their installations. */
export class Apps {
  apps: App[] = [];
  installations: Installation[] = [];
  private readonly clock: Clock;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** Registers an App and its installation, and replaces those with the same id. */
  register(definition: AppDefinition): { app: App; installation: Installation } {
    const { appId, slug, publicKeyPem, installationId, permissions, repositories } = definition;
    if (!Number.isSafeInteger(appId) || appId < 1) throw new Error("appId: expected a positive integer");
    if (!Number.isSafeInteger(installationId) || installationId < 1)
      throw new Error("installationId: expected a positive integer");
    if (!/^[a-z0-9][a-z0-9-]*$/.test(slug ?? "")) throw new Error("slug: expected lower-case letters, digits, dashes");
    for (const [name, level] of Object.entries(permissions ?? {}))
      if (!isLevel(level)) throw new Error(`permissions.${name}: expected read, write or admin`);
    const owners = new Map((repositories ?? []).map(splitFullName).map(({ owner }) => [owner.toLowerCase(), owner]));
    if (owners.size !== 1) throw new Error("repositories: expected at least one, all of one owner");
    const rsaKey = (field: string, pem: string) => {
      const key = createPublicKey(pem);
      if (key.asymmetricKeyType !== "rsa") throw new Error(`${field}: expected an RSA key`);
      return key.export({ type: "spki", format: "pem" }).toString();
    };
    const former = definition.formerPublicKeyPem;
    const previous = this.apps.find((app) => app.appId === appId);
    const app: App = {
      appId,
      slug,
      clientId: definition.clientId ?? previous?.clientId ?? `Iv23li${String(appId).padStart(14, "0")}`,
      publicKeyPem: rsaKey("publicKeyPem", publicKeyPem),
      ...(former !== undefined && { formerPublicKeyPem: rsaKey("formerPublicKeyPem", former) }),
      createdAt: previous?.createdAt ?? this.clock.iso(),
    };
    const installation: Installation = {
      id: installationId,
      appId,
      account: [...owners.values()][0] as string,
      permissions: { metadata: "read", ...permissions },
      repositories: [...repositories],
      suspended: definition.suspended ?? false,
      createdAt: this.installation(installationId)?.createdAt ?? this.clock.iso(),
    };
    this.apps = [...this.apps.filter((other) => other.appId !== appId), app];
    this.installations = [...this.installations.filter((other) => other.id !== installationId), installation];
    return { app, installation };
  }

  /** The App that a JWT's issuer names, by id or client id. */
  byIssuer(issuer: string): App | undefined {
    return this.apps.find((app) => String(app.appId) === issuer || app.clientId === issuer);
  }

  byId(appId: number): App | undefined {
    return this.apps.find((app) => app.appId === appId);
  }

  installation(id: number): Installation | undefined {
    return this.installations.find((installation) => installation.id === id);
  }

  installationsOf(app: App): Installation[] {
    return this.installations.filter((installation) => installation.appId === app.appId);
  }

  /** The App's installation that can access a repository. */
  installationFor(app: App, fullName: string): Installation | undefined {
    return this.installationsOf(app).find((installation) => reaches(installation, fullName));
  }
}

/** Whether the installation's selected repositories contain this one. */
export function reaches(installation: Installation, fullName: string): boolean {
  return installation.repositories.some((name) => name.toLowerCase() === fullName.toLowerCase());
}
