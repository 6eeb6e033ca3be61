import { RexRemediation } from "./components/rexRemediation.ts";
import { checkCluster } from "./config/cluster.ts";
import { readConfig } from "./config/config.ts";

const { name, ...config } = readConfig();
await checkCluster(config);
const remediation = new RexRemediation(name, config);

/** The URL for GitHub's webhook: the public one if a host is configured, otherwise the one inside the cluster. */
export const webhookUrl = remediation.webhookUrl;
export const inClusterWebhookUrl = remediation.inClusterWebhookUrl;
export const namespace = remediation.namespace;
export const eventSource = remediation.eventSource;
export const sensor = remediation.sensor;
export const workflowTemplate = remediation.workflowTemplate;
export const serviceAccounts = remediation.serviceAccounts;
