#!/usr/bin/env node
import { enableCompileCache } from "node:module";
import { resolve } from "node:path";

/** What scripts/rex runs. The cache halves the time that a command takes to begin; in a checkout that cannot be written there is none. */
enableCompileCache(resolve(import.meta.dirname, "../node_modules/.cache/node-compile-cache"));

// Whoever reads our output may have seen enough, as `head` has.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit();
});

const { rex } = await import("./commands.ts");
process.exitCode = await rex(process.argv.slice(2));
