import { scryptSync } from "node:crypto";
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { commonLabels } from "./labels.ts";

/** Key of the webhook's Secret, also of one that exists already. */
export const webhookSecretKey = "secret";

/** Key of the GitHub App's Secret, also of one that exists already. */
export const privateKeyKey = "private-key.pem";

/**
 * What Argo Events takes a Secret's text for: without one line feed at its end, which editors leave there. Anything else that is no part of
 * the secret, a carriage return before it or a second line feed, it takes for a part of it.
 *
 * @see https://github.com/argoproj/argo-events/blob/v1.9.11/pkg/shared/util/util.go GetSecretFromVolume
 */
export function asArgoEventsReads(text: string): string {
  return text.replace(/\n$/, "");
}

export interface GithubAppSecretsArgs {
  namespace: pulumi.Input<string>;
  /** Private key of the GitHub App, PEM; or else {@link existingPrivateKeySecret}. */
  privateKey?: pulumi.Input<string>;
  /** Name of a Secret that holds the private key under `private-key.pem`. */
  existingPrivateKeySecret?: pulumi.Input<string>;
  /** Secret of the webhook; or else {@link existingWebhookSecret}; or neither, if the EventSource is not ours. */
  webhookSecret?: pulumi.Input<string>;
  /** Name of a Secret that holds the webhook's secret under `secret`. */
  existingWebhookSecret?: pulumi.Input<string>;
}

/**
 * The webhook's secret and the GitHub App's private key, as Secrets of this program or as the names of existing ones.
 *
 * The EventSource reads its secret only when it starts. So that one's name carries a digest of the content: a changed secret is a new
 * object, and what names it rolls over; the old one goes last.
 *
 * Every run mounts the key anew, and a run that waits for another keeps the name that it began with. So that name is always the same. To
 * change the key, Pulumi's provider deletes the Secret and creates it again, unless its enableSecretMutable is set: a pod that starts in
 * between waits until it is there.
 *
 * @see https://www.pulumi.com/registry/packages/kubernetes/api-docs/provider/
 */
export class GithubAppSecrets extends pulumi.ComponentResource {
  /** Name of the Secret with the private key. */
  readonly privateKeySecretName: pulumi.Output<string>;
  /** Name of the Secret with the webhook's secret; undefined if there is none. */
  readonly webhookSecretName: pulumi.Output<string> | undefined;

  constructor(name: string, args: GithubAppSecretsArgs, opts?: pulumi.ComponentResourceOptions) {
    super("rex-remediation:index:GithubAppSecrets", name, {}, opts);
    const secret = (resourceName: string, objectName: pulumi.Input<string>, key: string, value: pulumi.Input<string>) =>
      new k8s.core.v1.Secret(
        resourceName,
        {
          metadata: {
            name: objectName,
            namespace: args.namespace,
            labels: commonLabels(name, "secrets"),
          },
          type: "Opaque",
          stringData: { [key]: pulumi.secret(value) },
        },
        { parent: this },
      ).metadata.name;

    this.privateKeySecretName = pulumi.output(
      args.privateKey === undefined
        ? required(args.existingPrivateKeySecret, "privateKey or existingPrivateKeySecret")
        : secret(`${name}-github-app`, `${name}-github-app`, privateKeyKey, args.privateKey),
    );
    const webhookSecretName =
      args.webhookSecret === undefined
        ? args.existingWebhookSecret
        : secret(
            `${name}-webhook`,
            pulumi.interpolate`${name}-webhook-${digest(args.webhookSecret)}`,
            webhookSecretKey,
            args.webhookSecret,
          );
    this.webhookSecretName = webhookSecretName === undefined ? undefined : pulumi.output(webhookSecretName);
    this.registerOutputs({
      privateKeySecretName: this.privateKeySecretName,
      webhookSecretName: this.webhookSecretName,
    });
  }
}

/** Eight hexadecimal digits that tell a changed secret, and are too slow to make to help a guesser. */
function digest(value: pulumi.Input<string>): pulumi.Output<string> {
  const digits = pulumi.output(value).apply((text) => scryptSync(text, "rex-remediation", 4).toString("hex"));
  return pulumi.unsecret(digits);
}

function required<T>(value: T | undefined, what: string): T {
  if (value === undefined) {
    throw new Error(`GithubAppSecrets needs ${what}`);
  }
  return value;
}
