import assert from "node:assert/strict";
import { readConfig, understand } from "../../../config/config.ts";
import { ConfigError, type Problem } from "../../../config/problems.ts";
import { register } from "./mockEngine.ts";
import { type ConfigChanges, engineTexts, secretKeys, setStackConfig } from "./stackConfig.ts";

/** The error for these changes to a valid configuration; undefined if they are accepted. */
export async function errorOf(changes: ConfigChanges, secrets?: string[]): Promise<ConfigError | undefined> {
  const { value } = await register(() => {
    setStackConfig(changes, secrets);
    try {
      readConfig();
      return undefined;
    } catch (error) {
      assert.ok(error instanceof ConfigError, String(error));
      return error;
    }
  });
  return value;
}

/** The problems with these changes; empty if there are none. */
export function problemsOf(changes: ConfigChanges, secrets: string[] = secretKeys): readonly Problem[] {
  return understand({ values: engineTexts(changes), encrypted: secrets }).problems;
}
