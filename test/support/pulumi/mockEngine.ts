import type { Registration } from "../../../cli/lib/mockEngine.ts";

export { type Registration, register, resolved } from "../../../cli/lib/mockEngine.ts";

/** The only registration of a type. Throws if there is none or more than one. */
export function only(registrations: Registration[], type: string): Registration {
  const [registration, ...more] = registrations.filter((one) => one.type === type);
  if (registration === undefined || more.length > 0) {
    throw new Error(`expected one ${type}, got ${registration === undefined ? 0 : more.length + 1}`);
  }
  return registration;
}

/** Parent type, type and name of each registration, sorted. */
export function shape(registrations: Registration[]): string[] {
  return registrations.map(({ parentType, type, name }) => `${parentType} > ${type} ${name}`).sort();
}
