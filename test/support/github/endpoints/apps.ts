import { notFound } from "../answers.ts";
import type { App } from "../apps.ts";
import { appBody, installationBody, tokenBody } from "../bodies.ts";
import type { AppEndpoint, Call, Endpoint, World } from "../endpoint.ts";
import type { Repository } from "../repositories.ts";

const docs = "https://docs.github.com/rest/apps";

function installation(call: Call, world: World, app: App) {
  const found = world.apps.installation(Number(call.params.installation_id));
  if (!found || found.appId !== app.appId) throw notFound();
  return found;
}

function known(world: World, fullNames: readonly string[]): Repository[] {
  return fullNames.map((name) => world.repositories.find(name)).filter((repository) => repository !== undefined);
}

const getApp: AppEndpoint = {
  for: "app",
  method: "GET",
  path: "/app",
  docs: `${docs}/apps#get-the-authenticated-app`,
  statuses: [200, 401, 404],
  handle(call, world, app) {
    const installations = world.apps.installationsOf(app);
    const owner = installations[0]?.repositories[0] ?? "";
    return { status: 200, body: appBody(app, installations, owner, call.base) };
  },
};

const getInstallation: AppEndpoint = {
  for: "app",
  method: "GET",
  path: "/app/installations/{installation_id}",
  docs: `${docs}/apps#get-an-installation-for-the-authenticated-app`,
  statuses: [200, 401, 404],
  handle(call, world, app) {
    return { status: 200, body: installationBody(app, installation(call, world, app), call.base) };
  },
};

const getRepositoryInstallation: AppEndpoint = {
  for: "app",
  method: "GET",
  path: "/repos/{owner}/{repo}/installation",
  docs: `${docs}/apps#get-a-repository-installation-for-the-authenticated-app`,
  statuses: [200, 401, 404],
  handle(call, world, app) {
    const found = world.apps.installationFor(app, `${call.params.owner}/${call.params.repo}`);
    if (!found) throw notFound();
    return { status: 200, body: installationBody(app, found, call.base) };
  },
};

const getOrganizationInstallation: AppEndpoint = {
  for: "app",
  method: "GET",
  path: "/orgs/{org}/installation",
  docs: `${docs}/apps#get-an-organization-installation-for-the-authenticated-app`,
  statuses: [200, 401, 404],
  handle(call, world, app) {
    const found = world.apps
      .installationsOf(app)
      .find(({ account }) => account.toLowerCase() === call.params.org?.toLowerCase());
    if (!found) throw notFound();
    return { status: 200, body: installationBody(app, found, call.base) };
  },
};

const createToken: AppEndpoint = {
  for: "app",
  method: "POST",
  path: "/app/installations/{installation_id}/access_tokens",
  docs: `${docs}/apps#create-an-installation-access-token-for-an-app`,
  statuses: [201, 400, 401, 403, 404, 422],
  handle(call, world, app) {
    const token = world.tokens.issue(installation(call, world, app), call.body);
    return { status: 201, body: tokenBody(token, known(world, token.repositories), call.base) };
  },
};

/** Apps, their installations and tokens. */
export const appEndpoints: readonly Endpoint[] = [
  getApp,
  getInstallation,
  getRepositoryInstallation,
  getOrganizationInstallation,
  createToken,
];
