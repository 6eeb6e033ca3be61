import { deepEqual } from "node:assert/strict";
import { readFileSync } from "node:fs";
import { namedTests } from "../../support/namedTests.ts";
import { stepMessages } from "../../support/stepMessages.ts";

/** An entry of the document: a symptom. */
interface Entry {
  title: string;
  text: string;
  /** Beginnings of what steps say. */
  quotes: string[];
}

/**
 * docs/troubleshooting.md has an entry for whatever a step can say at its end, and each entry a command and a test that tried it, or
 * the reason why none has. What this does not show: that the named test tries just that command.
 */
describe("docs/troubleshooting.md", () => {
  const document = readFileSync(new URL("../../../docs/troubleshooting.md", import.meta.url), "utf8");
  const entries: Entry[] = document
    .split(/^### /m)
    .slice(1)
    .map((part) => ({
      title: part.split("\n")[0] ?? "",
      text: part.split(/^## /m)[0] ?? "",
      quotes: [...part.matchAll(/^> (.+)$/gm)].map(([, quote = ""]) => quote.replace(/…$/, "")),
    }));
  const quotes = entries.flatMap((entry) => entry.quotes);
  const messages = stepMessages();

  it("has an entry for each end that a step can come to [entry-for-each-end]", () => {
    const without = messages.filter(({ text }) => !quotes.some((quote) => text.startsWith(quote)));
    deepEqual(without, []);
  });

  it("quotes nothing that no step says", () => {
    const foreign = quotes.filter((quote) => !messages.some(({ text }) => text.startsWith(quote)));
    deepEqual(foreign, []);
  });

  it("has a command in each entry", () => {
    const bare = entries.filter(({ text }) => !/^ {4}(argo|kubectl|npm run|openssl|pulumi) /m.test(text));
    deepEqual(
      bare.map(({ title }) => title),
      [],
    );
  });

  it("says of each way out in which test it was tried, or why in none", () => {
    const silent = entries.filter(
      ({ text }) => namedTests(text).length === 0 && !/^- not tried here.*: \S/m.test(text),
    );
    deepEqual(
      silent.map(({ title }) => title),
      [],
    );
  });
});
