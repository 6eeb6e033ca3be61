import { understand } from "../../config/config.ts";
import { secretKeys } from "../../config/schema.ts";
import { Refusal } from "../lib/installation.ts";
import { type StackValues, stackFile, stackValues } from "../lib/stackFile.ts";
import { type Check, type Finding, fail, pass, skip, warn } from "./check.ts";

/** Whether the program accepts the values in the stack's file, before it is run. */

export const configurationCheck: Check<{ stack: string | undefined }> = {
  name: "configuration",
  look: async ({ stack }) =>
    stack === undefined
      ? skip("because no stack was given: --stack NAME reads Pulumi.NAME.yaml")
      : configuration(stackFile(stack), stack),
};

/** @returns one finding for each wrong key */
export async function configuration(path: string, stack: string): Promise<Finding[]> {
  const preview = `pulumi preview --stack ${stack}`;
  const read = readValues(path);
  if (typeof read === "string") return [warn(`not checked: ${read}`, preview)];
  const { values, encrypted } = read;
  const { problems } = understand({ values, encrypted, unreadable: encrypted });
  const findings = [
    ...problems.map(({ key, expected, got, command }) =>
      got === undefined
        ? warn(
            `expected ${expected}; Pulumi.${stack}.yaml has no value, and pulumi up refuses to run without one`,
            command,
            key,
          )
        : fail(`expected ${expected}; got ${got}`, command, key),
    ),
    ...encrypted
      .filter((key) => !secretKeys.includes(key))
      .map((key) => warn("not checked: the value is encrypted, so only Pulumi can read it", preview, key)),
  ];
  return findings.length > 0
    ? findings
    : [pass(`Pulumi.${stack}.yaml has every required value, and all values are valid`)];
}

/** @returns the values, or the reason why they cannot be read from the file */
function readValues(path: string): StackValues | string {
  try {
    return stackValues({ path, option: "--stack" });
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return error.found;
  }
}
