import { register } from "./mockEngine.ts";
import { type ConfigValue, setStackConfig } from "./stackConfig.ts";

/** A Kubernetes object that the program creates. */
export interface Manifest {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace: string; labels: Record<string, string> };
  spec: Record<string, unknown>;
}

let runs = 0;

/** Every object that the program creates for a configuration, under Pulumi's mocks. */
export async function manifests(changes: Record<string, ConfigValue> = {}): Promise<Manifest[]> {
  const { registrations } = await register(async () => {
    setStackConfig(changes);
    runs += 1;
    await import(`../../../index.ts?manifests=${runs}`);
  });
  const objects = registrations.filter(({ type }) => type.startsWith("kubernetes:"));
  return objects.map(({ inputs }) => inputs as unknown as Manifest);
}

/** The only object of a kind. Throws if there is none or more than one. */
export function ofKind(objects: Manifest[], kind: string): Manifest {
  const [object, ...more] = objects.filter((one) => one.kind === kind);
  if (object === undefined || more.length > 0) {
    throw new Error(`expected one ${kind}, got ${object === undefined ? 0 : more.length + 1}`);
  }
  return object;
}
