import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";
import { type ConfigValue, leastConfig, secretKeys } from "./stackConfig.ts";
import { tool } from "./upstream.ts";

const root = resolve(import.meta.dirname, "../../..");

/** How a command ended, and its output. */
export interface Ended {
  exitCode: number | null;
  stdout: string;
  stderr: string;
}

export interface StackOptions {
  /** Added to the minimum that the program needs; undefined leaves a key out. */
  config?: Record<string, ConfigValue>;
  args?: string[];
  /** Called each time there is more output, with the whole output so far. */
  onProgress?: (stderr: string) => void;
  /** Kills the command. */
  signal?: AbortSignal;
}

/** A stack of the program in its own folder. dev/stack.ts runs it with the real engine and the stand-in for the provider. */
export class StackRun {
  readonly folder = mkdtempSync(join(tmpdir(), "rex-stack-"));
  readonly #name: string;

  /** @param name prefix of its objects' names, which keeps stacks apart */
  constructor(name: string) {
    this.#name = name;
  }

  /** Whether this machine has an engine. */
  static possible(): boolean {
    return tool("pulumi") !== undefined;
  }

  run(command: string, { config = {}, args = [], onProgress, signal }: StackOptions = {}): Promise<Ended> {
    // A sweep that started during a test would create another object.
    const values = { ...leastConfig, name: this.#name, "sweep.schedule": "0 0 1 1 *", ...config };
    const options = Object.entries(values).flatMap(([key, value]) => this.#option(key, value));
    const folders = [dirname(process.execPath), dirname(tool("pulumi") ?? ""), process.env.PATH];
    const child = spawn(
      join(root, "dev/stack.ts"),
      // No file belongs to this stack, so the configuration comes only from the options.
      [command, "--dir", this.folder, "--stack", "test", "--provider", "double", ...options, ...args],
      {
        env: { ...process.env, PATH: folders.join(delimiter) },
        stdio: ["ignore", "pipe", "pipe"],
        signal,
        killSignal: "SIGKILL",
      },
    );
    const ended: Ended = { exitCode: null, stdout: "", stderr: "" };
    child.stdout.on("data", (text) => {
      ended.stdout += text;
    });
    child.stderr.on("data", (text) => {
      ended.stderr += text;
      onProgress?.(ended.stderr);
    });
    return new Promise((done, failed) => {
      child.on("error", (error) => error.name !== "AbortError" && failed(error));
      child.on("close", (exitCode) => done({ ...ended, exitCode }));
    });
  }

  /** The engine's state, as stored on disk. */
  state(): string {
    const file = join(this.folder, "state/.pulumi/stacks/rex-remediation/test.json");
    return existsSync(file) ? readFileSync(file, "utf8") : "";
  }

  /** Every file that the engine and its tools left behind, except the files with the secrets from the options. */
  files(): { name: string; text: string }[] {
    const names = readdirSync(this.folder, { recursive: true, encoding: "utf8" }).filter(
      (name) => !name.startsWith("given-"),
    );
    return names
      .map((name) => ({ name, path: join(this.folder, name) }))
      .flatMap(({ name, path }) => {
        try {
          return [{ name, text: readFileSync(path, "latin1") }];
        } catch {
          return [];
        }
      });
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  #option(key: string, value: ConfigValue): string[] {
    if (value === undefined) {
      return [];
    }
    const text = typeof value === "object" ? JSON.stringify(value) : `${value}`;
    if (!secretKeys.includes(key)) {
      return ["--config", `${key}=${text}`];
    }
    const file = join(this.folder, `given-${key}`);
    writeFileSync(file, text);
    return ["--secret", `${key}@${file}`];
  }
}

/** A name prefix that no other test uses. */
export function freshName(): string {
  return `rex-${Math.random().toString(16).slice(2, 10)}`;
}
