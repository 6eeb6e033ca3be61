import { namesOf } from "../lib/settings.ts";
import { argoWorkflowsKindsCheck } from "./argo.ts";
import { type Check, pass } from "./check.ts";
import { namespaceCheck } from "./cluster.ts";
import type { InstalledContext } from "./context.ts";

/** What the steps are told is what most of the checks ask by. */
export const installationCheck: Check<InstalledContext> = {
  name: "installation",
  needs: [namespaceCheck, argoWorkflowsKindsCheck],
  otherwise: "pulumi up --refresh, or name the right one with --stack, --outputs or --context",
  look: async (context) => {
    const { repositories } = await context.settings();
    return pass(`${context.prefix} in namespace ${context.namespace}, for ${namesOf(repositories)}`);
  },
};
