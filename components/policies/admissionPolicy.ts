import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { commonLabels } from "../labels.ts";
import { literal } from "./cel.ts";

/** What one account may do with one kind of object. */
export interface Rules {
  apiGroup: string;
  /** Plural names. */
  resources: string[];
  operations: ("CREATE" | "UPDATE" | "DELETE")[];
  /** Named expressions that the checks use as `variables.NAME`. Each may use the ones before it. */
  variables: Record<string, string>;
  checks: Check[];
}

/** A condition. If it does not hold, the API server refuses the request. */
export interface Check {
  /** A CEL expression that is true for allowed requests. */
  expression: string;
  /** A CEL expression that yields the message of the refusal. Its evaluation must not fail. */
  refusal: string;
}

export interface AdmissionPolicyArgs {
  namespace: pulumi.Input<string>;
  /** The account, in that namespace, whose requests the policy checks. */
  serviceAccountName: pulumi.Input<string>;
  rules: pulumi.Input<Rules>;
}

/**
 * A ValidatingAdmissionPolicy for one service account, and its binding. It does not check requests of other accounts. If an expression
 * cannot be evaluated, the API server refuses the request.
 *
 * @param name prefix of every object's name
 * @param subject what the policy is about; it becomes the rest of the policy's name
 * @see https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/
 */
export function admissionPolicy(
  name: string,
  subject: string,
  args: AdmissionPolicyArgs,
  parent: pulumi.ComponentResource,
): void {
  const metadata = {
    // Policies are cluster-wide: the namespace keeps two stacks with the same name apart.
    name: pulumi.interpolate`${name}-${subject}.${args.namespace}`,
    labels: commonLabels(name, "access"),
  };
  const account = pulumi.interpolate`system:serviceaccount:${args.namespace}:${args.serviceAccountName}`;
  const policy = new k8s.admissionregistration.v1.ValidatingAdmissionPolicy(
    `${name}-${subject}`,
    {
      metadata,
      spec: pulumi.all([args.rules, account]).apply(([rules, username]) => spec(rules, username)),
    },
    { parent },
  );
  new k8s.admissionregistration.v1.ValidatingAdmissionPolicyBinding(
    `${name}-${subject}`,
    { metadata, spec: { policyName: policy.metadata.name, validationActions: ["Deny"] } },
    { parent },
  );
}

function spec({ apiGroup, resources, operations, variables, checks }: Rules, username: string) {
  return {
    failurePolicy: "Fail",
    matchConstraints: { resourceRules: [{ apiGroups: [apiGroup], apiVersions: ["*"], operations, resources }] },
    matchConditions: [{ name: "by-this-account", expression: `request.userInfo.username == ${literal(username)}` }],
    variables: Object.entries(variables).map(([name, expression]) => ({ name, expression })),
    validations: checks.map(({ expression, refusal }) => ({
      expression,
      messageExpression: refusal,
      // Not the default, Invalid: the steps would take it for a conflicting change and try again.
      reason: "Forbidden",
    })),
  };
}
