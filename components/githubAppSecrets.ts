import { scryptSync } from "node:crypto";
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { commonLabels } from "./labels.ts";

/** Key of the webhook's secret in its Secret, whether this program creates the Secret or not. */
export const webhookSecretKey = "secret";

/** Key of the private key in the GitHub App's Secret, whether this program creates the Secret or not. */
export const privateKeyKey = "private-key.pem";

/**
 * A Secret's text as Argo Events reads it. Argo Events drops one line feed at the end, because editors add one. It keeps everything else: a
 * carriage return before the line feed, or a second line feed, becomes part of the secret.
 *
 * @see https://github.com/argoproj/argo-events/blob/v1.9.11/pkg/shared/util/util.go GetSecretFromVolume
 */
export function asArgoEventsReads(text: string): string {
  return text.replace(/\n$/, "");
}

export interface GithubAppSecretsArgs {
  namespace: pulumi.Input<string>;
  /** Private key of the GitHub App, in PEM form. Required unless {@link existingPrivateKeySecret} is set. */
  privateKey?: pulumi.Input<string>;
  /** Name of a Secret that holds the private key under `private-key.pem`. */
  existingPrivateKeySecret?: pulumi.Input<string>;
  /** Secret of the webhook. If {@link existingWebhookSecret} is not set either, there is none: the EventSource belongs to somebody else. */
  webhookSecret?: pulumi.Input<string>;
  /** Name of a Secret that holds the webhook's secret under `secret`. */
  existingWebhookSecret?: pulumi.Input<string>;
}

/**
 * The Secrets with the webhook's secret and the GitHub App's private key: either new ones or existing ones.
 *
 * The EventSource reads the webhook's secret only when it starts. So the Secret's name contains a digest of the content: a changed secret
 * creates a new Secret, the EventSource's pods restart with it, and the old Secret is deleted last.
 *
 * Every run mounts the private key, and a run that waits for another one keeps the Secret's name that it started with. So this name never
 * changes. To change the key, Pulumi's provider deletes the Secret and creates it again, unless its enableSecretMutable is set. A pod that
 * starts in the meantime waits for the Secret.
 *
 * @see https://www.pulumi.com/registry/packages/kubernetes/api-docs/provider/
 */
export class GithubAppSecrets extends pulumi.ComponentResource {
  /** Name of the Secret with the private key. */
  readonly privateKeySecretName: pulumi.Output<string>;
  /** Name of the Secret with the webhook's secret; undefined if none is given. */
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

/** Eight hexadecimal digits that change with the secret. scrypt is slow, so that they do not help to guess the secret. */
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
