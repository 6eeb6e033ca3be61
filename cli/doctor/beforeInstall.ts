import { AuthorizationV1Api, type KubeConfig } from "@kubernetes/client-node";
import { kubernetesRights, rightsToGive } from "../../components/vocabulary/rights.ts";
import { understand } from "../../config/config.ts";
import { counted } from "../lib/counted.ts";
import { ask, Refusal, request } from "../lib/installation.ts";
import { type StackValues, stackFile, stackValues } from "../lib/stackFile.ts";
import { type Check, type Finding, fail, pass } from "./check.ts";
import { namespaceCheck } from "./cluster.ts";
import { type Bus, DoctorContext, type Platform } from "./context.ts";

/** Checks before the installation: the planned configuration, and whether the caller has the rights to install it. */

/** The part of the configuration that the checks need; see docs/configuration.md. */
export interface Planned extends Platform {
  /** Context of the kubeconfig; undefined: the current one. */
  context?: string;
  namespace: string;
  eventBus: Bus;
  /** Whether the configuration asks for these optional objects. */
  policies: boolean;
  ingress: boolean;
  httpRoute: boolean;
  networkPolicy: boolean;
  sweep: boolean;
}

/**
 * @param stack the stack whose Pulumi.NAME.yaml is read; undefined: only the defaults. Defaults also replace bad values in the file
 * @param folder the folder of that file; default: the project's
 * @throws Refusal if there is no such file
 */
export function planned(stack: string | undefined, folder?: string): Planned {
  const { context, ...given } = stack === undefined ? { values: {}, encrypted: [] } : readStack(stack, folder);
  const { config } = understand({ ...given, unreadable: given.encrypted });
  const { stages, resetStage, ...mainWorkflows } = config.mainWorkflow;
  return {
    ...(context !== undefined && { context }),
    namespace: config.namespace,
    eventBus: { name: config.eventBus.name, created: config.eventBus.create, prefix: config.name },
    agents: config.agents.toCancel,
    codeRuns: config.codeRun,
    mainWorkflows,
    stages,
    resetStage,
    policies: config.admissionPolicies,
    ingress: config.ingress.host !== undefined,
    httpRoute: config.gateway.host !== undefined,
    networkPolicy: config.webhook.allowedFrom.length > 0,
    sweep: config.sweep.schedule !== undefined,
  };
}

function readStack(stack: string, folder: string | undefined): StackValues {
  try {
    return stackValues({ path: stackFile(stack, folder), option: "--stack", withoutEnvironment: true });
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    throw new Refusal(
      error.found,
      `pulumi stack init ${stack} and pulumi config set create it; without --stack the defaults are used`,
    );
  }
}

interface Right {
  verb: string;
  group: string;
  resource: string;
  /** "": the whole cluster. */
  namespace: string;
}

/** The state of a planned installation. */
export class PlannedContext extends DoctorContext {
  override readonly installs = true;
  readonly plan: Planned;
  /** The stack whose Pulumi.NAME.yaml is read; undefined if only the defaults are used. */
  readonly stack: string | undefined;

  constructor(cluster: KubeConfig, plan: Planned, stack: string | undefined) {
    super(cluster, plan.namespace);
    this.plan = plan;
    this.stack = stack;
  }

  override async platform(): Promise<Platform> {
    return this.plan;
  }

  override async eventBus(): Promise<Bus> {
    return this.plan.eventBus;
  }
}

export const rightsToInstallCheck: Check<PlannedContext> = {
  name: "your rights",
  needs: [namespaceCheck],
  look: mayInstall,
};

async function mayInstall(context: PlannedContext): Promise<Finding> {
  const rights = needed(context.plan);
  const answers = await Promise.all(rights.map((right) => may(context, right)));
  const lacking = rights.filter((_, index) => !answers[index]);
  return verdict(lacking, rights.length);
}

/** @param asked the number of rights that were checked */
export function verdict(lacking: Right[], asked: number): Finding {
  if (lacking.length === 0)
    return pass(`you may create everything that pulumi up creates (${counted(asked, "access review")})`);
  const words = lacking
    .map(({ verb, group, resource }) => `${verb} ${resource}${group === "" ? "" : `.${group}`}`)
    .join(", ");
  const policies = lacking.every(({ group }) => group === "admissionregistration.k8s.io");
  return fail(
    `you may not ${words}`,
    policies
      ? "ask a cluster administrator for these rights (see docs/security.md), or install without the policies: pulumi config set admissionPolicies false"
      : "ask an administrator to bind you to the ClusterRole admin and to a role with these rights; or run this as the user who will install (--context NAME)",
  );
}

function needed({
  namespace,
  policies,
  ingress,
  httpRoute,
  networkPolicy,
  sweep,
  eventBus,
  codeRuns,
}: Planned): Right[] {
  const make = (group: string, resource: string, where = namespace): Right[] =>
    ["get", "create", "patch", "delete"].map((verb) => ({ verb, group, resource, namespace: where }));
  const argo = [
    "eventsources",
    "sensors",
    "workflowtemplates",
    ...(sweep ? ["cronworkflows"] : []),
    ...(eventBus.created ? ["eventbus"] : []),
  ];
  return [
    ...make("", "secrets"),
    ...make("", "configmaps"),
    ...make("", "serviceaccounts"),
    ...make("", "services"),
    ...argo.flatMap((resource) => make("argoproj.io", resource)),
    ...make("rbac.authorization.k8s.io", "roles"),
    ...make("rbac.authorization.k8s.io", "rolebindings"),
    // Kubernetes lets you grant only rights that you hold.
    ...kubernetesRights(rightsToGive(policies), codeRuns).flatMap(({ group, resource, verbs }) =>
      verbs.map((verb) => ({ verb, group, resource, namespace })),
    ),
    ...(ingress ? make("networking.k8s.io", "ingresses") : []),
    ...(httpRoute ? make("gateway.networking.k8s.io", "httproutes") : []),
    ...(networkPolicy ? make("networking.k8s.io", "networkpolicies") : []),
    ...(policies
      ? ["validatingadmissionpolicies", "validatingadmissionpolicybindings"].flatMap((resource) =>
          make("admissionregistration.k8s.io", resource, ""),
        )
      : []),
  ];
}

async function may({ cluster }: DoctorContext, right: Right): Promise<boolean> {
  const review = cluster
    .makeApiClient(AuthorizationV1Api)
    .createSelfSubjectAccessReview({ body: { spec: { resourceAttributes: right } } }, request);
  return (await ask(cluster, "ask what you may", review))?.status?.allowed === true;
}
