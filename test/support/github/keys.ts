import { generateKeyPairSync } from "node:crypto";

/** An App's key pair in the forms that GitHub uses. */
export interface AppKey {
  /** PKCS#1 PEM ("BEGIN RSA PRIVATE KEY"), the file that users download from GitHub. */
  privateKeyPem: string;
  /** SPKI PEM, the half that GitHub keeps. */
  publicKeyPem: string;
}

/** Makes a 2048-bit RSA key pair, which takes a few tenths of a second. */
export function generateAppKey(): AppKey {
  const { privateKey, publicKey } = generateKeyPairSync("rsa", {
    modulusLength: 2048,
    privateKeyEncoding: { type: "pkcs1", format: "pem" },
    publicKeyEncoding: { type: "spki", format: "pem" },
  });
  return { privateKeyPem: privateKey, publicKeyPem: publicKey };
}
