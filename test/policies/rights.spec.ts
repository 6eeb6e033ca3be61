import { deepEqual } from "node:assert/strict";
import { readFileSync } from "node:fs";
import { AuthorizationV1Api, type V1ResourceRule } from "@kubernetes/client-node";
import { parse } from "yaml";
import { Caller } from "../support/caller.ts";
import { say } from "../support/figures.ts";
import { type Account, Guarded } from "../support/guarded.ts";

interface Review {
  verb: string;
  group: string;
  resource: string;
  subresource?: string;
  namespace?: string;
  allowed?: true;
}

const reviews: Record<Account, Review[]> = parse(readFileSync(new URL("./reviews.yaml", import.meta.url), "utf8"));
const readme = readFileSync(new URL("../../README.md", import.meta.url), "utf8");

/** The rights of an account in the README's table, each as "verb resource". */
function documented(account: string): string[] {
  const row = readme
    .split("\n")
    .find((line) => line.startsWith(`| ${account} | may `) || line.startsWith(`| ${account} | `));
  const [, , words = ""] = row?.split("|") ?? [];
  if (words.includes("nothing")) return [];
  return words
    .replace(/\(.*?\)/g, "")
    .split(";")
    .flatMap((rule) => {
      const [, verbs = "", resource = ""] = /^\s*(.*) (\w+)\s*$/.exec(rule) ?? [];
      return verbs.split(",").map((verb) => `${verb.trim()} ${resource.toLowerCase()}`);
    })
    .sort();
}

/**
 * The rights that the API server reports for the accounts that the program creates. It does not show Roles that somebody else binds to
 * them.
 */
describe("rights", function () {
  this.timeout(60_000);

  let guarded: Guarded;

  before(async () => {
    guarded = await Guarded.open();
  });
  after(() => guarded?.close());

  async function reported(caller: Caller): Promise<string[]> {
    const { code, body } = await caller.send({
      method: "POST",
      path: "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews",
      body: {
        apiVersion: "authorization.k8s.io/v1",
        kind: "SelfSubjectRulesReview",
        spec: { namespace: guarded.cluster.namespace },
      },
    });
    deepEqual(code, 201);
    const { status } = body as { status: { incomplete: boolean; resourceRules: V1ResourceRule[] } };
    deepEqual(status.incomplete, false);
    return status.resourceRules
      .flatMap(({ verbs, resources = [], resourceNames = [] }) =>
        verbs.flatMap((verb) => resources.map((resource) => [verb, resource, ...resourceNames].join(" "))),
      )
      .sort();
  }

  /** The rights that every account of the cluster has. */
  async function rightsOfEverybody(): Promise<string[]> {
    const namespace = guarded.cluster.namespace;
    await guarded.cluster.core.createNamespacedServiceAccount({ namespace, body: { metadata: { name: "anybody" } } });
    const { status } = await guarded.cluster.core.createNamespacedServiceAccountToken({
      namespace,
      name: "anybody",
      body: { spec: { audiences: [] } },
    });
    return reported(new Caller(guarded.cluster.config, status?.token ?? ""));
  }

  it("are exactly those in the README [rights-as-in-readme]", async () => {
    const common = await rightsOfEverybody();
    const own = async (account: Account) => {
      const all = await reported(await guarded.as(account));
      return all.filter((right) => !common.includes(right));
    };
    deepEqual(await own("remediation"), documented("remediation"));
    deepEqual(await own("sensor"), documented("Sensor"));
    deepEqual(await own("event-source"), documented("EventSource"));
    deepEqual(await own("sweep"), documented("sweep"));
    deepEqual(
      ["remediation", "Sensor", "sweep", "EventSource"].map((account) => documented(account).length),
      [8, 3, 5, 0],
    );
  });

  it("match every line of reviews.yaml [rights-in-reviews]", async () => {
    const api = guarded.cluster.config.makeApiClient(AuthorizationV1Api);
    const wrong: string[] = [];
    let made = 0;
    for (const [account, list] of Object.entries(reviews) as [Account, Review[]][]) {
      const user = `system:serviceaccount:${guarded.cluster.namespace}:${guarded.accountName(account)}`;
      for (const { namespace = guarded.cluster.namespace, allowed = false, ...attributes } of list) {
        const { status } = await api.createSubjectAccessReview({
          body: {
            spec: {
              user,
              groups: [
                "system:serviceaccounts",
                `system:serviceaccounts:${guarded.cluster.namespace}`,
                "system:authenticated",
              ],
              resourceAttributes: { namespace, ...attributes },
            },
          },
        });
        made += 1;
        if (status?.allowed !== allowed) wrong.push(`${account}: ${JSON.stringify({ namespace, ...attributes })}`);
      }
    }
    say(`access reviews: ${made} made, ${wrong.length} wrong`);
    deepEqual(wrong, []);
  });
});
