import { repositoryLabelValue } from "../components/labels.ts";
import { plainName, pusherNames } from "../components/taskPush.ts";
import { hostName, rsaPrivateKey, webhookSecret } from "./kinds.ts";
import { nearest, type Problem, removal, setCommand } from "./problems.ts";
import type { Config } from "./schema.ts";

/** A rule about several keys together, or about all values of one. */
interface Rule {
  /** Paths of the keys that it reads. If one of them has a problem of its own, the rule is skipped. */
  reads: string[];
  problems(config: Config): Problem[];
}

export const rules: Rule[] = [
  { reads: ["repositories"], problems: ({ repositories }) => [...tooMany(repositories), ...sameLabel(repositories)] },
  { reads: ["agents.pusher", "agents.toCancel"], problems: pusherAsTarget },
  {
    reads: ["pullRequest.readyLabel", "pullRequest.holdLabel"],
    problems: ({ pullRequest: { readyLabel, holdLabel } }) =>
      holdLabel.toLowerCase() === readyLabel.toLowerCase()
        ? [
            {
              key: "pullRequest.holdLabel",
              expected: `a label other than readyLabel (${readyLabel}), ignoring case`,
              got: JSON.stringify(holdLabel),
              command: setCommand("pullRequest.holdLabel", "remediation-hold"),
            },
          ]
        : [],
  },
  {
    reads: ["mainWorkflow.stages", "mainWorkflow.resetStage"],
    problems: ({ mainWorkflow: { stages, resetStage } }) =>
      stages.includes(resetStage)
        ? []
        : [
            {
              key: "mainWorkflow.resetStage",
              expected: `one of stages (${stages.join(", ")})`,
              got: JSON.stringify(resetStage),
              command: setCommand("mainWorkflow.resetStage", nearest(resetStage, stages) ?? stages[0] ?? ""),
            },
          ],
  },
  {
    reads: ["steps.cancelTimeoutSeconds", "steps.gateTimeoutSeconds", "steps.stepTimeoutSeconds"],
    problems: ({ steps: { cancelTimeoutSeconds, gateTimeoutSeconds, stepTimeoutSeconds } }) => {
      const longestWait = Math.max(cancelTimeoutSeconds, gateTimeoutSeconds);
      if (stepTimeoutSeconds > longestWait) return [];
      return [
        {
          key: "steps.stepTimeoutSeconds",
          expected: `more than cancelTimeoutSeconds (${cancelTimeoutSeconds}) and gateTimeoutSeconds (${gateTimeoutSeconds})`,
          got: `${stepTimeoutSeconds}`,
          command: setCommand("steps.stepTimeoutSeconds", `${longestWait * 2}`),
        },
      ];
    },
  },
  {
    reads: ["eventBus.replicas"],
    problems: ({ eventBus: { replicas } }) =>
      replicas % 2 === 1
        ? []
        : [
            {
              key: "eventBus.replicas",
              expected: "an odd number, so that the servers can agree",
              got: `${replicas}`,
              command: setCommand("eventBus.replicas", `${replicas + 1}`),
            },
          ],
  },
  {
    reads: ["githubApp.existingSecret", "githubAppPrivateKey"],
    problems: ({ githubApp: { existingSecret }, githubAppPrivateKey }) =>
      oneOf("githubAppPrivateKey", rsaPrivateKey, githubAppPrivateKey, existingSecret && "githubApp.existingSecret"),
  },
  {
    reads: ["webhook.existingSecret", "existingEventSource.name", "webhookSecret"],
    problems: (config) =>
      oneOf(
        "webhookSecret",
        webhookSecret,
        config.webhookSecret,
        (config.webhook.existingSecret && "webhook.existingSecret") ||
          (config.existingEventSource.name && "existingEventSource"),
      ),
  },
  {
    reads: ["existingEventSource.name", "existingEventSource.event"],
    problems: ({ existingEventSource: { name, event } }) =>
      (name === undefined) === (event === undefined)
        ? []
        : [
            {
              key: `existingEventSource.${name === undefined ? "name" : "event"}`,
              expected: "both name and event of the EventSource",
              command:
                name === undefined
                  ? setCommand("existingEventSource.name", "github")
                  : setCommand("existingEventSource.event", "push"),
            },
          ],
  },
  {
    reads: ["existingEventSource.name", "webhook.existingSecret"],
    problems: ({ existingEventSource, webhook: { existingSecret } }) =>
      existingEventSource.name === undefined || existingSecret === undefined
        ? []
        : [unwanted("webhook.existingSecret", "existingEventSource has its own secret", existingSecret)],
  },
  ...(["webhook.allowedFrom", "ingress.host", "gateway.host"] as const).map((key) => ({
    reads: ["existingEventSource.name", key],
    problems: ({ existingEventSource, webhook, ingress, gateway }: Config) => {
      const given = {
        "webhook.allowedFrom": webhook.allowedFrom.join(",") || undefined,
        "ingress.host": ingress.host,
        "gateway.host": gateway.host,
      }[key];
      return existingEventSource.name === undefined || given === undefined
        ? []
        : [unwanted(key, "the owner of existingEventSource exposes it", given)];
    },
  })),
  {
    reads: ["ingress.tls", "ingress.tlsSecretName"],
    problems: ({ ingress: { tls, tlsSecretName } }) =>
      tls || tlsSecretName === undefined
        ? []
        : [unwanted("ingress.tlsSecretName", "ingress.tls is false", tlsSecretName)],
  },
  {
    reads: ["ingress.host", "gateway.host"],
    problems: ({ ingress, gateway: { host } }) =>
      ingress.host === undefined || host === undefined
        ? []
        : [unwanted("gateway.host", "ingress.host is set, and only one of the two may be", host)],
  },
  {
    reads: ["gateway.host", "gateway.name", "gateway.namespace", "gateway.sectionName"],
    problems: ({ gateway: { host, name, namespace, sectionName } }) => {
      const others = name ?? namespace ?? sectionName;
      if (host !== undefined && name === undefined) {
        const expected = "the name of the Gateway that serves gateway.host";
        return [{ key: "gateway.name", expected, command: setCommand("gateway.name", "public") }];
      }
      if (host === undefined && others !== undefined) {
        const expected = `a host name, because other keys of gateway are set (${others})`;
        return [{ key: "gateway.host", expected, command: setCommand("gateway.host", hostName.example) }];
      }
      return [];
    },
  },
];

/** The problem of a value that must not be set. */
function unwanted(key: string, because: string, given: string): Problem {
  return { key, expected: `nothing, because ${because}`, got: JSON.stringify(given), ...removal(key) };
}

/** A secret is required, unless another key replaces it. In that case it must not be set. */
function oneOf(
  key: string,
  kind: { expected: string; example: string },
  given: string | undefined,
  instead: string | undefined,
): Problem[] {
  if (instead === undefined && given === undefined) return [{ key, expected: kind.expected, command: kind.example }];
  if (instead === undefined || given === undefined) return [];
  return [{ key, expected: `nothing, because ${instead} is set`, got: "a value", ...removal(key) }];
}

/**
 * How many bytes all repositories together may take in the objects that list them. The tightest limit is an environment variable of a
 * pod: it holds the EventSource or the Sensor in base64 and must not exceed 128 KiB.
 */
const roomForRepositories = 80 * 1024;

/** How many bytes one repository takes at most: its name twice, and the characters around it. */
function roomOf(fullName: string): number {
  return 2 * fullName.length + 32;
}

function tooMany(repositories: string[]): Problem[] {
  let left = roomForRepositories;
  const fitting = repositories.findIndex((fullName) => {
    left -= roomOf(fullName);
    return left < 0;
  });
  if (fitting < 0) return [];
  return [
    {
      key: "repositories",
      expected: `at most ${fitting} with names of this length, because more do not fit into the objects that list them`,
      got: `${repositories.length}`,
      command: removal(`repositories[${fitting}]`).command,
      advice: "Move the others to a second stack with another name (docs/environments.md), starting with this one",
    },
  ];
}

function sameLabel(repositories: string[]): Problem[] {
  const owners = new Map<string, string>();
  return repositories.flatMap((fullName) => {
    const label = repositoryLabelValue(fullName);
    const other = owners.get(label.toLowerCase());
    owners.set(label.toLowerCase(), fullName);
    if (other === undefined) return [];
    return [
      {
        key: "repositories",
        expected: `repositories with distinct label values; ${other} and ${fullName} both give ${label}`,
        got: fullName,
        command: setCommand("repositories", repositories.filter((one) => one !== fullName).join(",")),
      },
    ];
  });
}

function pusherAsTarget({ agents: { pusher, toCancel } }: Config): Problem[] {
  // An agent's name is a label value and so has no brackets: the login itself cannot be listed.
  const own = toCancel.filter((agent) => pusherNames(pusher).includes(plainName(agent)));
  if (own.length === 0) return [];
  const others = toCancel.filter((agent) => !own.includes(agent));
  return [
    {
      key: "agents.toCancel",
      expected: `agents other than the pusher ${pusher}; ${own.join(", ")} would cancel the agent that pushed`,
      got: toCancel.join(","),
      command: setCommand("agents.toCancel", (others.length > 0 ? others : ["5DLabs-Cleo", "5DLabs-Tess"]).join(",")),
    },
  ];
}
