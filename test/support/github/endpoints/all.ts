import type { Endpoint } from "../endpoint.ts";
import { activityEndpoints } from "./activities.ts";
import { appEndpoints } from "./apps.ts";
import { hookEndpoints } from "./hooks.ts";
import { issueEndpoints } from "./issues.ts";
import { pullEndpoints } from "./pulls.ts";
import { repositoryEndpoints } from "./repositories.ts";

/** Every endpoint that the double offers. */
export const endpoints: readonly Endpoint[] = [
  ...appEndpoints,
  ...repositoryEndpoints,
  ...activityEndpoints,
  ...pullEndpoints,
  ...issueEndpoints,
  ...hookEndpoints,
];
