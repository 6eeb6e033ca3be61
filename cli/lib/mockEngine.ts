import * as pulumi from "@pulumi/pulumi";
import type { MockMonitor } from "@pulumi/pulumi/runtime/mocks.js";

/** The program without an engine, a provider or a cluster: what of it can be read from that alone. */

/** A resource that a program registered, as the engine would have seen it. */
export interface Registration {
  /** Type token, such as kubernetes:core/v1:Secret. */
  type: string;
  /** Name in the program, not in the cluster. */
  name: string;
  /** Type token of the parent; "" for the stack. */
  parentType: string;
  /** Inputs in plain text. */
  inputs: Record<string, unknown>;
  /** Paths of the inputs that are secret, as a.b.c. A secret inside an object makes all of that property secret here. */
  secretInputs: string[];
}

/**
 * Runs a part of the program under Pulumi's mocks and returns what it registered, in no particular order.
 *
 * It shows what is registered, not what a cluster would make of it, and not the order.
 *
 * @param program may return something; that comes back as `value`
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

/** What a cluster adds to an object: its identity. */
function live({ name, inputs }: pulumi.runtime.MockResourceArgs): Record<string, unknown> {
  return "metadata" in inputs ? { ...inputs, metadata: { ...inputs.metadata, uid: `${name}-uid` } } : inputs;
}

/** What an Output resolves to. */
export function resolved<T>(output: pulumi.Output<T>): Promise<T> {
  return new Promise((resolve) => {
    output.apply(resolve);
  });
}

// Neither is public: waiting for all registrations, and reading them back from the mocks.
function runtime(): { waitForRPCs(): Promise<void>; getMonitor(): MockMonitor } {
  return pulumi.runtime as unknown as { waitForRPCs(): Promise<void>; getMonitor(): MockMonitor };
}

/** urn:pulumi:STACK::PROJECT::PARENTTYPE$TYPE::NAME, as the mocks write it. */
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
