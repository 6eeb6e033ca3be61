import { understand } from "../../config/config.ts";
import { secretKeys } from "../../config/schema.ts";
import { Refusal } from "../lib/installation.ts";
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

/** @returns a finding for each key that is wrong */
export async function configuration(path: string, stack: string): Promise<Finding[]> {
  const preview = `pulumi preview --stack ${stack}`;
  const read = readValues(path);
  if (typeof read === "string") return [warn(`not looked at: ${read}`, preview)];
  const { values, encrypted } = read;
  const { problems } = understand({ values, encrypted, unreadable: encrypted });
  const findings = [
    ...problems.map(({ key, expected, got, command }) =>
      got === undefined
        ? warn(
            `expected ${expected}; got nothing in Pulumi.${stack}.yaml; without it pulumi up is refused`,
            command,
            key,
          )
        : fail(`expected ${expected}; got ${got}`, command, key),
    ),
    ...encrypted
      .filter((key) => !secretKeys.includes(key))
      .map((key) => warn("it is encrypted, so only Pulumi can tell whether it is right", preview, key)),
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
