#!/usr/bin/env node
import { parseArgs } from "node:util";
import { AgentController } from "./agentController.ts";
import { Cluster } from "./cluster.ts";
import { nodeEnvironment } from "./node.ts";

const help = `usage: dev/on-node node test/support/agents.ts

Installs the CodeRun kind on the embedded node, and gives each CodeRun a pod until it is stopped. dev/dev-stack starts it beside the node.`;

const { values } = parseArgs({ options: { help: { type: "boolean" } } });
if (values.help) {
  console.log(help);
} else {
  const node = nodeEnvironment();
  const cluster = new Cluster(node.namespace);
  await cluster.installCodeRuns();
  await new AgentController(cluster, node.stepsImage).run();
}
