import type { WrittenText } from "./writtenTexts.ts";

/** A secret, with a name for it that everybody may see. */
export interface NamedSecret {
  name: string;
  value: string;
  /** Parts of it that are secret on their own. Default: none. */
  parts?: string[];
}

/** A PEM key. Each of its lines is a secret, except the BEGIN and END lines. */
export function pemSecret(name: string, pem: string): NamedSecret {
  const value = pem.trim();
  return { name, value, parts: value.split("\n").filter((line) => !line.startsWith("-----")) };
}

/** Finds secrets in texts: whole or in part, plain or in base64. A finding names the secret and the place, but shows no secret. */
export function findings(secrets: NamedSecret[], texts: WrittenText[]): string[] {
  return secrets.flatMap((secret) => {
    const sought = forms(secret);
    return texts
      .filter(({ text }) => sought.some((form) => text.includes(form)))
      .map(({ place }) => `${secret.name} in ${place}`);
  });
}

/** All forms in which a secret can appear. */
export function forms({ value, parts = [] }: NamedSecret): string[] {
  return [value, ...parts].flatMap((text) => [text, ...base64(text)]);
}

/**
 * The base64 forms of a text, wherever it is in the encoded data. Three bytes become four characters, so there are three forms, one for
 * each offset. Characters that depend on the text before or after are left out.
 */
function base64(text: string): string[] {
  return [0, 1, 2].map((before) => {
    const bytes = Buffer.from(" ".repeat(before) + text);
    const whole = bytes.subarray(0, bytes.length - (bytes.length % 3)).toString("base64");
    return before === 0 ? whole : whole.slice(4);
  });
}
