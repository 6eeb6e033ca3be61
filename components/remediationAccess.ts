import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { commonLabels } from "./labels.ts";
import { type Account, accountRights, kubernetesRights } from "./vocabulary/rights.ts";

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
 * The service accounts and exactly what each may do; see {@link accountRights}. Roles only: nothing reaches beyond the namespace.
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
    const accounts = accountNames(name);
    const rights = accountRights(args.admissionPolicies);
    const account = (accountName: string, automountServiceAccountToken: boolean) =>
      new k8s.core.v1.ServiceAccount(
        accountName,
        { metadata: this.#metadata(name, accountName, args), automountServiceAccountToken },
        { parent: this },
      );
    const grant = (serviceAccount: k8s.core.v1.ServiceAccount, of: Account) => {
      const accountName = accounts[of];
      const rules = kubernetesRights(rights[of], {
        group: args.codeRunGroup,
        resource: args.codeRunResource,
      }).map(({ group, resource, verbs }) => ({ apiGroups: [group], resources: [resource], verbs }));
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

    const sensor = account(accounts.sensor, true);
    grant(sensor, "sensor");
    this.sensorAccount = sensor.metadata.name;

    const remediation = account(accounts.remediation, true);
    grant(remediation, "remediation");
    this.remediationAccount = remediation.metadata.name;

    if (args.sweep) {
      const sweep = account(accounts.sweep, true);
      grant(sweep, "sweep");
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
export function accountNames(name: string): Record<Account, string> {
  return { sensor: `${name}-sensor`, remediation: name, sweep: `${name}-sweep` };
}
