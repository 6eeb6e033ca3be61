import assert from "node:assert/strict";
import { readConfig, understand } from "../../../config/config.ts";
import { ConfigError, type Problem } from "../../../config/problems.ts";
import { register } from "./mockEngine.ts";
import { type ConfigChanges, engineTexts, secretKeys, setStackConfig } from "./stackConfig.ts";

/** What the given changes to a good configuration are refused with; undefined if they are not. */
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

/** What is wrong with the given changes; none if nothing is. */
export function problemsOf(changes: ConfigChanges, secrets: string[] = secretKeys): readonly Problem[] {
  return understand({ values: engineTexts(changes), encrypted: secrets }).problems;
}
