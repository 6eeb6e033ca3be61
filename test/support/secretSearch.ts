import type { WrittenText } from "./writtenTexts.ts";

/** Something that nobody may read, under a name that anybody may. */
export interface NamedSecret {
  name: string;
  value: string;
  /** Parts of it that are secret by themselves, too. Default: none. */
  parts?: string[];
}

/** A PEM key, of which each line is a secret, but those that say where it begins and ends. */
export function pemSecret(name: string, pem: string): NamedSecret {
  const value = pem.trim();
  return { name, value, parts: value.split("\n").filter((line) => !line.startsWith("-----")) };
}

/** The texts in which a secret is found: whole or in part, plain or in base64. A finding names secret and place, and shows neither. */
export function findings(secrets: NamedSecret[], texts: WrittenText[]): string[] {
  return secrets.flatMap((secret) => {
    const sought = forms(secret);
    return texts
      .filter(({ text }) => sought.some((form) => text.includes(form)))
      .map(({ place }) => `${secret.name} in ${place}`);
  });
}

/** How a secret could be written down. */
export function forms({ value, parts = [] }: NamedSecret): string[] {
  return [value, ...parts].flatMap((text) => [text, ...base64(text)]);
}

/**
 * Base64 of a text wherever it stands in what was encoded, alone or inside of an object: three bytes become four characters, so there are
 * three forms. Each without the characters that depend on what stands before or after.
 */
function base64(text: string): string[] {
  return [0, 1, 2].map((before) => {
    const bytes = Buffer.from(" ".repeat(before) + text);
    const whole = bytes.subarray(0, bytes.length - (bytes.length % 3)).toString("base64");
    return before === 0 ? whole : whole.slice(4);
  });
}
