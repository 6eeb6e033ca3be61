import * as pulumi from "@pulumi/pulumi";
import type { MockMonitor } from "@pulumi/pulumi/runtime/mocks.js";

/** Runs the program without an engine, a provider or a cluster, to read which resources it registers. */

/** A resource that the program registered, as the engine would see it. */
export interface Registration {
  /** Type token, such as kubernetes:core/v1:Secret. */
  type: string;
  /** Name in the program, not in the cluster. */
  name: string;
  /** Type token of the parent; "" for the stack. */
  parentType: string;
  /** Inputs in plain text. */
  inputs: Record<string, unknown>;
  /** Paths of the secret inputs, such as a.b.c. A secret inside an object makes the whole property secret here. */
  secretInputs: string[];
}

/**
 * Runs a part of the program under Pulumi's mocks and returns what it registered, in no particular order. It does not show how a cluster
 * would handle the resources.
 *
 * @param program its result is returned as `value`
 */
export async function register<T>(program: () => T | Promise<T>): Promise<{ registrations: Registration[]; value: T }> {
  const seen: pulumi.runtime.MockResourceArgs[] = [];
  await pulumi.runtime.setMocks(
    {
      call: (args) => args.inputs,
      newResource: (args) => {
        seen.push(args);
        return { id: `${args.name}-id`, state: live(args) };
      },
    },
    "rex-remediation",
    "test",
    false,
  );
  const value = await program();
  await runtime().waitForRPCs();
  const urns = [...runtime().getMonitor().getRegisteredResources().keys()];
  const registrations = seen.map(({ type, name, inputs }) => {
    const revealed = reveal(inputs, "");
    return {
      type,
      name,
      parentType: parentType(urns, type, name),
      inputs: revealed.value as Record<string, unknown>,
      secretInputs: revealed.secrets,
    };
  });
  return { registrations, value };
}

/** Adds the UID that a cluster would give to an object. */
function live({ name, inputs }: pulumi.runtime.MockResourceArgs): Record<string, unknown> {
  return "metadata" in inputs ? { ...inputs, metadata: { ...inputs.metadata, uid: `${name}-uid` } } : inputs;
}

/** The value of an Output. */
export function resolved<T>(output: pulumi.Output<T>): Promise<T> {
  return new Promise((resolve) => {
    output.apply(resolve);
  });
}

// Pulumi has no public functions to wait for all registrations and to read them back from the mocks.
function runtime(): { waitForRPCs(): Promise<void>; getMonitor(): MockMonitor } {
  return pulumi.runtime as unknown as { waitForRPCs(): Promise<void>; getMonitor(): MockMonitor };
}

/** Reads the parent's type from the URN: urn:pulumi:STACK::PROJECT::PARENTTYPE$TYPE::NAME. */
function parentType(urns: string[], type: string, name: string): string {
  const types = urns.map((urn) => urn.split("::")).filter((parts) => parts[3] === name);
  const own = types.map((parts) => parts[2] ?? "").find((chain) => chain === type || chain.endsWith(`$${type}`));
  if (own === undefined) {
    throw new Error(`no URN for ${type} ${name} among ${urns.join(", ")}`);
  }
  return own === type ? "" : own.slice(0, -type.length - 1);
}

const secretSignature = "4dabf18193072939515e22adb298388d";

function reveal(value: unknown, path: string): { value: unknown; secrets: string[] } {
  if (Array.isArray(value)) {
    const items = value.map((item, index) => reveal(item, `${path}.${index}`));
    return { value: items.map((item) => item.value), secrets: items.flatMap((item) => item.secrets) };
  }
  if (typeof value !== "object" || value === null) {
    return { value, secrets: [] };
  }
  if (secretSignature in value && "value" in value) {
    return { value: reveal(value.value, path).value, secrets: [path] };
  }
  const entries = Object.entries(value).map(
    ([key, item]) => [key, reveal(item, path === "" ? key : `${path}.${key}`)] as const,
  );
  return {
    value: Object.fromEntries(entries.map(([key, item]) => [key, item.value])),
    secrets: entries.flatMap(([, item]) => item.secrets),
  };
}
