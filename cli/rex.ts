#!/usr/bin/env node
import { enableCompileCache } from "node:module";
import { resolve } from "node:path";

/** scripts/rex runs this file. The cache halves the start-up time of a command. A read-only checkout has no cache. */
enableCompileCache(resolve(import.meta.dirname, "../node_modules/.cache/node-compile-cache"));

// The reader of our output may close it early, as `head` does.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit();
});

const { rex } = await import("./commands.ts");
process.exitCode = await rex(process.argv.slice(2));
