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
  /** Whether this program creates an EventSource, which needs an account; default: true. */
  eventSource?: boolean;
  /** Whether the stack has a sweep. */
  sweep: boolean;
}

/**
 * The service accounts and their rights; see {@link accountRights}. It uses only Roles, so no right reaches beyond the namespace.
 */
export class RemediationAccess extends pulumi.ComponentResource {
  /** Account of the EventSource. It has neither rights nor a token. Undefined if this program creates no EventSource. */
  readonly eventSourceAccount: pulumi.Output<string> | undefined;
  /** Account of the Sensor, which creates the runs. */
  readonly sensorAccount: pulumi.Output<string>;
  /** Account of the remediation's pods. */
  readonly remediationAccount: pulumi.Output<string>;
  /** Account of the sweep; undefined if there is none. */
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

/** Names of the accounts that admission policies check. The policies need them before the accounts exist. */
export function accountNames(name: string): Record<Account, string> {
  return { sensor: `${name}-sensor`, remediation: name, sweep: `${name}-sweep` };
}
