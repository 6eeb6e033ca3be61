import { generateKeyPairSync } from "node:crypto";
import * as pulumi from "@pulumi/pulumi";
import { readConfig } from "../../config/config.ts";
import { Refusal } from "../lib/installation.ts";
import { setConfig } from "../lib/manifests.ts";
import { register } from "../lib/mockEngine.ts";
import { type StackValues, stackFile, stackValues } from "../lib/stackFile.ts";
import { type Check, type Finding, fail, pass, skip, warn } from "./check.ts";

/** Whether the program takes what the stack's file says, before it is run. */

export const configurationCheck: Check<{ stack: string | undefined }> = {
  name: "configuration",
  look: async ({ stack }) =>
    stack === undefined
      ? skip("because no stack is named: --stack NAME reads Pulumi.NAME.yaml")
      : configuration(stackFile(stack), stack),
};

/** Takes the place of what only Pulumi can read, and would be accepted. */
const substitutes: Record<string, () => string> = {
  webhookSecret: () => "0".repeat(32),
  githubAppPrivateKey: () =>
    generateKeyPairSync("rsa", {
      modulusLength: 2048,
      publicKeyEncoding: { type: "spki", format: "pem" },
      privateKeyEncoding: { type: "pkcs1", format: "pem" },
    }).privateKey,
};

/** @returns a finding for each key that is wrong */
export async function configuration(path: string, stack: string): Promise<Finding[]> {
  const preview = `pulumi preview --stack ${stack}`;
  const read = readValues(path);
  if (typeof read === "string") return [warn(`not looked at: ${read}`, preview)];
  const { values, encrypted } = read;
  const unreadable = encrypted.filter((key) => !(key in substitutes));
  const hidden = encrypted.filter((key) => key in substitutes);
  const filled = { ...values, ...Object.fromEntries(hidden.map((key) => [key, substitutes[key]?.()])) };
  const problems = (await refusal(filled, hidden)).filter(({ key }) => !unreadable.includes(key));
  const findings = [
    ...problems.map(({ key, words, fix }) =>
      words.endsWith("; got nothing")
        ? warn(`${words} in Pulumi.${stack}.yaml; without it pulumi up is refused`, fix, key)
        : fail(words, fix, key),
    ),
    ...unreadable.map((key) => warn("it is encrypted, so only Pulumi can tell whether it is right", preview, key)),
  ];
  return findings.length > 0 ? findings : [pass(`Pulumi.${stack}.yaml has all that is needed`)];
}

/** @returns why not, if the values are elsewhere, too */
function readValues(path: string): StackValues | string {
  try {
    return stackValues({ path, option: "--stack" });
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return error.found;
  }
}

interface Problem {
  key: string;
  words: string;
  fix: string;
}

/** What the program itself says. */
async function refusal(values: Record<string, unknown>, secrets: string[]): Promise<Problem[]> {
  try {
    await register(() => {
      setConfig(values, secrets);
      readConfig();
    });
    return [];
  } catch (error) {
    if (!pulumi.RunError.isInstance(error)) throw error;
    return [...error.message.matchAll(/^ {2}(\S+): (.*?)\.?\n {6}(?:\w+ it with: )?(.*)$/gm)].map(
      ([, key = "", words = "", fix = ""]) => ({ key, words, fix }),
    );
  }
}
