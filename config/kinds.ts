import { createPrivateKey } from "node:crypto";
import { isIP } from "node:net";

/** A kind of value: what it accepts, how that is said, and one that would do. */
export interface Kind {
  expected: string;
  example: string;
  accepts(value: string): boolean;
  /** The form in which the program uses it; default: as it was given. */
  normal?(value: string): string;
}

const dnsLabelPattern = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const dnsSubdomainPattern = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const labelValuePattern = /^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;

function kind(expected: string, example: string, accepts: RegExp | ((value: string) => boolean)): Kind {
  return { expected, example, accepts: accepts instanceof RegExp ? (value) => accepts.test(value) : accepts };
}

const isSubdomain = (value: string) => value.length <= 253 && dnsSubdomainPattern.test(value);

function isCidr(value: string): boolean {
  // An address with a zone (%eth0) is one of a single machine: Kubernetes takes none. It warns that it will no longer take
  // a prefix with zeros in front.
  const [, address = "", prefix = ""] = /^([^/%]*)\/(0|[1-9][0-9]{0,2})$/.exec(value) ?? [];
  const bits = { 0: -1, 4: 32, 6: 128 }[isIP(address)] ?? -1;
  return Number(prefix) <= bits;
}

/** Text that neither Argo's templates nor a terminal reads as anything else. */
const isPlain = (value: string) => /^[^\p{Cc}\p{Cf}]+$/u.test(value) && !value.includes("{{");

// The names of runs begin with it, and have to stay within 63 characters: see components/vocabulary/runName.ts.
export const objectPrefix = kind(
  "1 to 24 lower-case letters, digits and dashes, the first a letter, the last no dash",
  "rex-remediation",
  /^[a-z]([-a-z0-9]{0,22}[a-z0-9])?$/,
);
export const dnsLabel = kind(
  "1 to 63 lower-case letters, digits and dashes, no dash at either end",
  "agent-platform",
  dnsLabelPattern,
);
export const dnsSubdomain = kind(
  "lower-case letters, digits, dashes and dots, as in Kubernetes names",
  "agents.platform",
  isSubdomain,
);
export const labelValue = kind(
  "a label value: at most 63 letters, digits, dashes, underscores and dots, a letter or digit at both ends",
  "waiting-pr-created",
  labelValuePattern,
);
export const labelKey = kind("a label key: NAME or DOMAIN/NAME", "task-id", (value) => {
  const slash = value.indexOf("/");
  return labelValuePattern.test(value.slice(slash + 1)) && (slash < 0 || isSubdomain(value.slice(0, slash)));
});
export const phase = kind("a value of status.phase", "Succeeded", /^[A-Za-z][A-Za-z0-9-]{0,62}$/);
const cronField = String.raw`(\*|[0-9A-Za-z]+(-[0-9A-Za-z]+)?)(/[1-9][0-9]*)?`;
const cronFields = `${cronField}(,${cronField})*`;
/** @see https://argo-workflows.readthedocs.io/en/latest/cron-workflows/#cronworkflow-options */
export const cronSchedule = kind(
  "five fields as cron has them, or @hourly, @daily or @every with a time",
  "*/5 * * * *",
  new RegExp(`^(${cronFields}( ${cronFields}){4}|@hourly|@daily|@every [1-9][0-9]*[smh])$`),
);
export const apiVersion = kind("a Kubernetes API version", "v1", /^v[1-9][0-9]*((alpha|beta)[1-9][0-9]*)?$/);
export const repository = kind(
  "a repository as owner/name",
  "5dlabs/platform",
  (value) => /^[A-Za-z0-9](-?[A-Za-z0-9]){0,38}\/[A-Za-z0-9._-]{1,100}$/.test(value) && !/\/\.{1,2}$/.test(value),
);
export const appLogin = kind(
  "the login of a GitHub App, SLUG[bot]",
  "5DLabs-Rex[bot]",
  /^[A-Za-z0-9](-?[A-Za-z0-9])*\[bot\]$/,
);
export const branchPrefix = kind(
  "the beginning of a branch name: letters, digits, dashes, underscores, dots and slashes, a letter or digit first, no digit last",
  "task-",
  (value) => /^[A-Za-z0-9][A-Za-z0-9._/-]{0,99}$/.test(value) && !/[0-9]$|\.\.|\/\/|\/\.|\.\/|\.lock\//.test(value),
);
export const taskLabelPrefix = kind(
  "the beginning of a pull request label, at most 40 characters, no digit last",
  "task-",
  (value) => value.length <= 40 && isPlain(value) && !/[0-9]$/.test(value) && !/^\s/.test(value),
);
export const pullRequestLabel = kind(
  "a pull request label of at most 50 characters",
  "ready-for-qa",
  (value) => value.length <= 50 && isPlain(value) && value.trim() === value,
);
export const baseUrl: Kind = {
  ...kind("an http or https URL without user, query or fragment", "https://api.github.com", (value) => {
    const url = URL.canParse(value) ? new URL(value) : undefined;
    const plain =
      url !== undefined && url.username + url.password + url.search + url.hash === "" && !/[?#@{}$\s]/.test(value);
    return plain && ["http:", "https:"].includes(url.protocol);
  }),
  normal: (value) => value.replace(/\/+$/, ""),
};
export const numericId = kind("a positive whole number", "123456", /^[1-9][0-9]{0,17}$/);
export const hostName = kind("a host name", "hooks.example.com", (value) => isSubdomain(value) && value.includes("."));
export const networkPeer = kind(
  "the name of a namespace or a CIDR",
  "ingress-nginx",
  (value) => dnsLabelPattern.test(value) || isCidr(value),
);
export const imageName = kind(
  "the name of a container image with bash, coreutils, curl, jq and openssl",
  "registry.example.com/rex-remediation-steps:1.0.0",
  /^[a-z0-9][A-Za-z0-9._\-/:]*(@sha256:[0-9a-f]{64})?$/,
);
export const versionName = kind(
  "a version that Argo Events is configured with",
  "latest",
  /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/,
);
export const storageSize = kind("a storage size", "10Gi", /^[1-9][0-9]*(Ki|Mi|Gi|Ti|k|M|G|T)$/);
// GitHub puts no lower bound; an empty secret would switch the EventSource's check of signatures off.
export const webhookSecret = kind(
  "at least 16 characters, no spaces",
  "openssl rand -hex 32 | pulumi config set --secret webhookSecret",
  (value) => value.length >= 16 && !/\s/.test(value),
);
export const rsaPrivateKey = kind(
  "an unencrypted RSA private key of at least 2048 bits in PEM form",
  "pulumi config set --secret githubAppPrivateKey < APP.private-key.pem",
  (value) => {
    try {
      const key = createPrivateKey(value);
      return key.asymmetricKeyType === "rsa" && (key.asymmetricKeyDetails?.modulusLength ?? 0) >= 2048;
    } catch {
      return false;
    }
  },
);
