/** A double of GitHub's REST API and of its webhook deliveries. */
export { type Delivery, signedDelivery } from "../../../cli/lib/signedDelivery.ts";
export type { AppDefinition, Installation } from "./apps.ts";
export { GitHubDoubleClient, rateLimited, secondaryLimit } from "./client.ts";
export type { Settings, StateView } from "./control.ts";
export type { Credential } from "./credentials.ts";
export { type GitHubDouble, type GitHubDoubleOptions, startGitHubDouble } from "./double.ts";
export type { Fault, FaultDefinition } from "./faults.ts";
export type { Hook, HookDelivery, HookDeliveryDefinition, Redelivery } from "./hooks.ts";
export { randomSha, zeroSha } from "./identity.ts";
export { type AppKey, generateAppKey } from "./keys.ts";
export { type AppCredentials, appOctokit, mintInstallationToken } from "./octokit.ts";
export type { Permissions } from "./permissions.ts";
export { type PushOptions, type PushPayload, pushPayload } from "./push.ts";
export type { PullRequest, PullRequestDefinition, Repository, RepositoryDefinition } from "./repositories.ts";
export type { LoggedRequest } from "./requestLog.ts";
export type { Token } from "./tokens.ts";
