import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import type { World } from "./endpoint.ts";

/** Puts what was saved into an empty world; nothing when there is no such file. */
export function loadState(file: string, { clock, apps, tokens, repositories, hooks }: World): void {
  if (!existsSync(file)) return;
  const saved = JSON.parse(readFileSync(file, "utf8"));
  clock.offsetSeconds = saved.clockOffsetSeconds;
  tokens.lifetimeSeconds = saved.tokenLifetimeSeconds;
  tokens.issued = saved.tokens;
  apps.apps = saved.apps;
  apps.installations = saved.installations;
  repositories.all = saved.repositories;
  repositories.formerNames = saved.formerNames;
  hooks.all = saved.hooks;
  hooks.deliveries = saved.deliveries;
  hooks.redeliveries = saved.redeliveries;
}

/** Saves the world, whole or not at all. */
export function saveState(file: string, { clock, apps, tokens, repositories, hooks }: World): void {
  const saved = {
    clockOffsetSeconds: clock.offsetSeconds,
    tokenLifetimeSeconds: tokens.lifetimeSeconds,
    tokens: tokens.issued,
    apps: apps.apps,
    installations: apps.installations,
    repositories: repositories.all,
    formerNames: repositories.formerNames,
    hooks: hooks.all,
    deliveries: hooks.deliveries,
    redeliveries: hooks.redeliveries,
  };
  writeFileSync(`${file}.new`, JSON.stringify(saved), { mode: 0o600 });
  renameSync(`${file}.new`, file);
}
