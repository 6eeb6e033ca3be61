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
  return [value, ...parts].flatMap((text) => [text, base64(text)]);
}

/** Without what depends on the text that follows, such as the line break at a file's end. */
function base64(text: string): string {
  const bytes = Buffer.from(text);
  return bytes.subarray(0, bytes.length - (bytes.length % 3)).toString("base64");
}
