import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { commonLabels } from "./labels.ts";

export interface RemediationAccessArgs {
  namespace: pulumi.Input<string>;
  /** API group of the CodeRuns. */
  codeRunGroup: pulumi.Input<string>;
  /** Plural name of the CodeRun resource. */
  codeRunResource: pulumi.Input<string>;
  /** Whether admission policies bind these accounts. */
  admissionPolicies: boolean;
  /** Whether there is an EventSource of ours that needs an account; default true. */
  eventSource?: boolean;
  /** Whether there is a job that looks for lost pushes. */
  sweep: boolean;
}

/**
 * The service accounts and exactly what each may do. Roles only: nothing reaches beyond the namespace.
 *
 * RBAC knows no labels: a right to delete CodeRuns is a right to delete any of the namespace. {@link AdmissionPolicies} say which.
 */
export class RemediationAccess extends pulumi.ComponentResource {
  /** Account of the EventSource, which has no right and no token; undefined if there is no EventSource of ours. */
  readonly eventSourceAccount: pulumi.Output<string> | undefined;
  /** Account of the Sensor, which makes remediations. */
  readonly sensorAccount: pulumi.Output<string>;
  /** Account of the remediation's pods. */
  readonly remediationAccount: pulumi.Output<string>;
  /** Account of the job that looks for lost pushes; undefined if there is none. */
  readonly sweepAccount: pulumi.Output<string> | undefined;

  constructor(name: string, args: RemediationAccessArgs, opts?: pulumi.ComponentResourceOptions) {
    super("rex-remediation:index:RemediationAccess", name, {}, opts);
    const account = (accountName: string, automountServiceAccountToken: boolean) =>
      new k8s.core.v1.ServiceAccount(
        accountName,
        { metadata: this.#metadata(name, accountName, args), automountServiceAccountToken },
        { parent: this },
      );
    const grant = (serviceAccount: k8s.core.v1.ServiceAccount, accountName: string, rules: pulumi.Input<Rule>[]) => {
      const role = new k8s.rbac.v1.Role(
        accountName,
        { metadata: this.#metadata(name, accountName, args), rules },
        { parent: this },
      );
      new k8s.rbac.v1.RoleBinding(
        accountName,
        {
          metadata: this.#metadata(name, accountName, args),
          roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: role.metadata.name },
          subjects: [{ kind: "ServiceAccount", name: serviceAccount.metadata.name, namespace: args.namespace }],
        },
        { parent: this },
      );
    };

    this.eventSourceAccount =
      (args.eventSource ?? true) ? account(`${name}-event-source`, false).metadata.name : undefined;

    const accounts = accountNames(name);
    const sensor = account(accounts.sensor, true);
    grant(sensor, accounts.sensor, [
      // To patch is to patch any Workflow, unless a policy says otherwise.
      allow(args.admissionPolicies ? ["get", "create", "patch"] : ["create"], "argoproj.io", "workflows"),
    ]);
    this.sensorAccount = sensor.metadata.name;

    const remediation = account(accounts.remediation, true);
    grant(remediation, accounts.remediation, [
      allow(["get", "list", "delete"], args.codeRunGroup, args.codeRunResource),
      allow(["get", "list", "patch"], "argoproj.io", "workflows"),
      executorNeeds,
    ]);
    this.remediationAccount = remediation.metadata.name;

    if (args.sweep) {
      const sweep = account(accounts.sweep, true);
      grant(sweep, accounts.sweep, [allow(["get", "list", "create"], "argoproj.io", "workflows"), executorNeeds]);
      this.sweepAccount = sweep.metadata.name;
    }

    this.registerOutputs({
      eventSourceAccount: this.eventSourceAccount,
      sensorAccount: this.sensorAccount,
      remediationAccount: this.remediationAccount,
      sweepAccount: this.sweepAccount,
    });
  }

  #metadata(name: string, objectName: string, args: RemediationAccessArgs) {
    return { name: objectName, namespace: args.namespace, labels: commonLabels(name, "access") };
  }
}

/** Names of the accounts that admission policies bind; the policies are there before the accounts. */
export function accountNames(name: string): { sensor: string; remediation: string; sweep: string } {
  return { sensor: `${name}-sensor`, remediation: name, sweep: `${name}-sweep` };
}

interface Rule {
  apiGroups: pulumi.Input<string>[];
  resources: pulumi.Input<string>[];
  verbs: string[];
}

type Verb = "create" | "delete" | "get" | "list" | "patch";

function allow(verbs: Verb[], apiGroup: pulumi.Input<string>, resource: pulumi.Input<string>): Rule {
  return { apiGroups: [apiGroup], resources: [resource], verbs };
}

/** What Argo's own executor needs in every pod of a Workflow. */
const executorNeeds = allow(["create", "patch"], "argoproj.io", "workflowtaskresults");
