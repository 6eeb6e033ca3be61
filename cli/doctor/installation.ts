import { namesOf } from "../lib/settings.ts";
import { argoWorkflowsKindsCheck } from "./argo.ts";
import { type Check, pass } from "./check.ts";
import { namespaceCheck } from "./cluster.ts";
import type { InstalledContext } from "./context.ts";

/** Reads the installation's settings from the cluster. Most later checks need them. */
export const installationCheck: Check<InstalledContext> = {
  name: "installation",
  needs: [namespaceCheck, argoWorkflowsKindsCheck],
  defaultFix:
    "pulumi up --refresh; if this is the wrong installation, choose another with --stack, --outputs or --context",
  look: async (context) => {
    const { repositories } = await context.settings();
    return pass(`${context.prefix} in namespace ${context.namespace}, for ${namesOf(repositories)}`);
  },
};
