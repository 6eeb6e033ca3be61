import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { commonLabels } from "../labels.ts";
import { literal } from "./cel.ts";

/** What one account may do with one kind of object, as a policy says it. */
export interface Rules {
  apiGroup: string;
  /** Plural names. */
  resources: string[];
  operations: ("CREATE" | "UPDATE" | "DELETE")[];
  /** Named expressions that the checks use as `variables.NAME`; one may use those before it. */
  variables: Record<string, string>;
  checks: Check[];
}

/** What has to hold, or the request is refused. */
export interface Check {
  /** An expression that is true for what may be. */
  expression: string;
  /** An expression of a text: why the request is refused. It may not fail. */
  refusal: string;
}

export interface AdmissionPolicyArgs {
  namespace: pulumi.Input<string>;
  /** The account that the policy binds, in that namespace. */
  serviceAccountName: pulumi.Input<string>;
  rules: pulumi.Input<Rules>;
}

/**
 * A policy of the API server's own, and its binding to one service account; about others' requests it says nothing. A request for
 * which an expression cannot be evaluated is refused, too.
 *
 * @param name prefix of every object's name
 * @param subject what the policy is about; the rest of its name
 * @see https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/
 */
export function admissionPolicy(
  name: string,
  subject: string,
  args: AdmissionPolicyArgs,
  parent: pulumi.ComponentResource,
): void {
  const metadata = {
    // Policies belong to the whole cluster: the namespace keeps two stacks of one name apart.
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
      // Not the default, Invalid: the steps take that for "it changed meanwhile" and try again.
      reason: "Forbidden",
    })),
  };
}
