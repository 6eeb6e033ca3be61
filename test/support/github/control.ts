import type { AppDefinition } from "./apps.ts";
import type { Credentials } from "./credentials.ts";
import type { World } from "./endpoint.ts";
import type { FaultDefinition, Faults } from "./faults.ts";
import type { HookDefinition, HookDeliveryDefinition, RepositoryHookDefinition } from "./hooks.ts";
import type { RateLimit } from "./rateLimit.ts";
import type { RepositoryDefinition } from "./repositories.ts";
import type { RequestLog } from "./requestLog.ts";

/** What a test can set on GitHub itself. */
export interface Settings {
  /** How long new installation tokens live, in seconds. Default: 3600. */
  tokenLifetimeSeconds?: number;
  /** How far GitHub's clock is ahead of this machine's, in seconds. Default: 0. */
  clockOffsetSeconds?: number;
}

/** The parts of the double that the control endpoints change. */
export interface Controlled {
  world: World;
  faults: Faults;
  log: RequestLog;
  credentials: Credentials;
  rateLimit: RateLimit;
}

/** The double's whole state, except tokens, keys and the log. */
export interface StateView {
  settings: Required<Settings>;
  apps: { appId: number; clientId: string; slug: string }[];
  installations: World["apps"]["installations"];
  repositories: World["repositories"]["all"];
  hooks: World["hooks"]["all"];
  deliveries: World["hooks"]["deliveries"];
  faults: Faults["pending"];
}

const prefix = "/_double";

/** Whether a path is one of the double's control paths and not GitHub's. */
export function isControl(target: string): boolean {
  return target.startsWith(`${prefix}/`);
}

/** Carries out a control request. Throws an Error with a readable message if the request is invalid. */
export function control(controlled: Controlled, method: string, target: string, body: unknown): unknown {
  const { world, faults, log, credentials } = controlled;
  const url = new URL(target, "http://double");
  const path = url.pathname.slice(prefix.length);
  switch (`${method} ${path.split("/").slice(0, 2).join("/")}`) {
    case "PUT /apps": {
      const definition = body as AppDefinition;
      const registered = world.apps.register(definition);
      for (const fullName of definition.repositories) world.repositories.upsert(fullName);
      return { clientId: registered.app.clientId, ...registered.installation };
    }
    case "PUT /repositories":
      return world.repositories.upsert(named(path), body as RepositoryDefinition);
    case "POST /renames": {
      const { from, to } = body as { from: string; to: string };
      const { fullName } = world.repositories.find(from) ?? { fullName: from };
      const renamed = world.repositories.rename(from, to);
      const withNewName = (names: string[]) => names.map((name) => (name === fullName ? to : name));
      for (const one of [...world.apps.installations, ...world.tokens.issued])
        one.repositories = withNewName(one.repositories);
      for (const hook of world.hooks.all) if (hook.repository === fullName) hook.repository = to;
      return renamed;
    }
    case "PUT /app-hooks":
      return world.hooks.putForApp(Number(named(path)), body as HookDefinition);
    case "PUT /repository-hooks": {
      const { fullName } = world.repositories.upsert(named(path));
      return world.hooks.putForRepository(fullName, body as RepositoryHookDefinition);
    }
    case "DELETE /hooks":
      world.hooks.remove(Number(named(path)));
      return {};
    case "POST /deliveries":
      return world.hooks.note(body as HookDeliveryDefinition);
    case "GET /redeliveries":
      return world.hooks.redeliveries;
    case "PUT /settings": {
      const { tokenLifetimeSeconds, clockOffsetSeconds } = body as Settings;
      if (tokenLifetimeSeconds !== undefined) world.tokens.lifetimeSeconds = tokenLifetimeSeconds;
      if (clockOffsetSeconds !== undefined) world.clock.offsetSeconds = clockOffsetSeconds;
      return settings(world);
    }
    case "POST /faults":
      return faults.add(body as FaultDefinition);
    case "DELETE /faults":
      faults.clear();
      return {};
    case "GET /faults":
      return faults.pending;
    case "GET /requests":
      return log.since(url.searchParams.get("since"));
    case "GET /tokens":
      return world.tokens.issued;
    case "GET /credentials":
      return credentials.all(world.tokens.issued);
    case "GET /state":
      return view(world, faults);
    default:
      throw new Error(`no control request ${method} ${target}`);
  }
}

/** The control path after its first part. */
function named(path: string): string {
  return path.split("/").slice(2).map(decodeURIComponent).join("/");
}

function settings(world: World): Required<Settings> {
  return { tokenLifetimeSeconds: world.tokens.lifetimeSeconds, clockOffsetSeconds: world.clock.offsetSeconds };
}

function view(world: World, faults: Faults): StateView {
  return {
    settings: settings(world),
    apps: world.apps.apps.map(({ appId, clientId, slug }) => ({ appId, clientId, slug })),
    installations: world.apps.installations,
    repositories: world.repositories.all,
    hooks: world.hooks.all,
    deliveries: world.hooks.deliveries,
    faults: faults.pending,
  };
}
