import assert from "node:assert/strict";
import * as pulumi from "@pulumi/pulumi";
import { readConfig } from "../../../config/config.ts";
import { register } from "./mockEngine.ts";
import { type ConfigValue, setStackConfig } from "./stackConfig.ts";

/** The message that the given changes to a good configuration are refused with; undefined if they are not. */
export async function refusalOf(changes: Record<string, ConfigValue>, secrets?: string[]): Promise<string | undefined> {
  const { value } = await register(() => {
    setStackConfig(changes, secrets);
    try {
      readConfig();
      return undefined;
    } catch (error) {
      assert.ok(pulumi.RunError.isInstance(error), String(error));
      return error.message;
    }
  });
  return value;
}
