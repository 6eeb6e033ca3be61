import { createHash, createHmac, randomBytes } from "node:crypto";

/** What is signed, and with which secret. */
interface Signed {
  secret: string;
  /** The bytes that are sent. */
  bytes: Buffer;
  /** The JSON in these bytes. */
  json: string;
}

type Headers = Record<string, string | string[]>;
type Bytes = string | Buffer;

const sha256Header = "x-hub-signature-256";
const sha1Header = "x-hub-signature";
/** A secret that has been replaced. */
const oldSecret = "the webhook secret of last year, long enough";

const digits = (algorithm: string, secret: Bytes, bytes: Bytes) =>
  createHmac(algorithm, secret).update(bytes).digest("hex");
const right = ({ secret, bytes }: Signed) => digits("sha256", secret, bytes);
const rightSha1 = ({ secret, bytes }: Signed) => digits("sha1", secret, bytes);
const wrong = () => randomBytes(32).toString("hex");
const wrongSha1 = () => randomBytes(20).toString("hex");
/** Only the SHA-256 header. */
const sha256 = (value: string | string[]): Headers => ({ [sha256Header]: value });
const sha1 = (hex: string): Headers => ({ [sha1Header]: `sha1=${hex}` });
/** Signed with this secret in both headers, as GitHub does. */
const withSecret = (secret: Bytes, bytes: Bytes): Headers => ({
  ...sha256(`sha256=${digits("sha256", secret, bytes)}`),
  ...sha1(digits("sha1", secret, bytes)),
});

/** How an event of the hostile corpus can be signed, by name. */
const signatures = {
  right: ({ secret, bytes }) => withSecret(secret, bytes),
  "sha1 only": (signed) => sha1(rightSha1(signed)),
  "sha256 right, sha1 wrong": (signed) => ({ ...sha256(`sha256=${right(signed)}`), ...sha1(wrongSha1()) }),
  "sha1 as sha256": (signed) => sha256(`sha1=${rightSha1(signed)}`),
  "sha512 as sha256": ({ secret, bytes }) => sha256(`sha512=${digits("sha512", secret, bytes)}`),
  "capital digits": (signed) => sha256(`sha256=${right(signed).toUpperCase()}`),
  "sha256 empty, sha1 right": (signed) => ({ ...sha256(""), ...sha1(rightSha1(signed)) }),
  "sha256 empty twice, sha1 right": (signed) => ({ ...sha256(["", ""]), ...sha1(rightSha1(signed)) }),
  "sha256 empty, then right, sha1 right": (signed) => ({
    ...sha256(["", `sha256=${right(signed)}`]),
    ...sha1(rightSha1(signed)),
  }),
  "sha256 right, sha1 missing": (signed) => sha256(`sha256=${right(signed)}`),
  "sha256 right, sha1 empty": (signed) => ({ ...sha256(`sha256=${right(signed)}`), [sha1Header]: "" }),
  "right, then wrong": (signed) => sha256([`sha256=${right(signed)}`, `sha256=${wrong()}`]),

  missing: () => ({}),
  empty: () => ({ ...sha256(""), [sha1Header]: "" }),
  "in another header": (signed) => ({ "x-signature-256": `sha256=${right(signed)}` }),

  random: () => sha256(`sha256=${wrong()}`),
  zeros: () => sha256(`sha256=${"0".repeat(64)}`),
  "one digit changed": (signed) =>
    sha256(`sha256=${right(signed).replace(/^./, (digit) => (digit === "0" ? "1" : "0"))}`),
  half: (signed) => sha256(`sha256=${right(signed).slice(0, 32)}`),
  "with more behind": (signed) => sha256(`sha256=${right(signed)}00`),
  "odd number of digits": (signed) => sha256(`sha256=${right(signed).slice(0, -1)}`),
  "algorithm only": () => sha256("sha256="),
  "digits only": (signed) => sha256(right(signed)),
  base64: ({ secret, bytes }) => sha256(`sha256=${createHmac("sha256", secret).update(bytes).digest("base64")}`),
  "not hexadecimal": () => sha256(`sha256=${"z".repeat(64)}`),
  md5: ({ secret, bytes }) => sha256(`md5=${digits("md5", secret, bytes)}`),
  "capital algorithm": (signed) => sha256(`SHA256=${right(signed)}`),
  "two equal signs": (signed) => sha256(`sha256==${right(signed)}`),
  "space behind the equal sign": (signed) => sha256(`sha256= ${right(signed)}`),
  "plain hash": ({ bytes }) => sha256(`sha256=${createHash("sha256").update(bytes).digest("hex")}`),
  "empty secret": ({ bytes }) => withSecret("", bytes),
  "other secret": ({ bytes }) => withSecret("another secret, long enough", bytes),
  "secret and newline": ({ secret, bytes }) => withSecret(`${secret}\n`, bytes),
  "secret in capitals": ({ secret, bytes }) => withSecret(secret.toUpperCase(), bytes),
  "secret without its last letter": ({ secret, bytes }) => withSecret(secret.slice(0, -1), bytes),
  "secret twice": ({ secret, bytes }) => withSecret(secret + secret, bytes),
  "secret as bytes": ({ secret, bytes }) => withSecret(Buffer.from(secret, "hex"), bytes),
  "of another body": ({ secret }) => withSecret(secret, '{"ref":"refs/heads/main"}'),
  "of the body and a newline": ({ secret, bytes }) => withSecret(secret, `${bytes}\n`),
  "of the empty body": ({ secret }) => withSecret(secret, ""),
  "of the trimmed body": ({ secret, bytes }) => withSecret(secret, String(bytes).trim()),
  "of the payload": ({ secret, json }) => withSecret(secret, json),
  "wrong, then right": (signed) => sha256([`sha256=${wrong()}`, `sha256=${right(signed)}`]),
  "both in one header": (signed) => sha256(`sha256=${right(signed)},sha1=${rightSha1(signed)}`),
  "sha1 wrong only": () => sha1(wrongSha1()),
  "sha1 right, sha256 wrong": (signed) => ({ ...sha256(`sha256=${wrong()}`), ...sha1(rightSha1(signed)) }),
  "sha1's digits as sha256": (signed) => sha256(`sha256=${rightSha1(signed)}`),

  "old secret": ({ bytes }) => withSecret(oldSecret, bytes),
  "sha1 only, old secret": ({ bytes }) => sha1(digits("sha1", oldSecret, bytes)),
  "old secret, sha1 right": (signed) => ({ ...withSecret(oldSecret, signed.bytes), ...sha1(rightSha1(signed)) }),
} satisfies Record<string, (signed: Signed) => Headers>;

export type SignatureName = keyof typeof signatures;

export const signatureNames = Object.keys(signatures) as SignatureName[];

/** The signature headers for this name. */
export function signatureHeaders(name: SignatureName, signed: Signed): Headers {
  return signatures[name](signed);
}
