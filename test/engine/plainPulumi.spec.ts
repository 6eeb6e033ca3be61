import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";
import { leastConfig, secretKeys } from "../support/pulumi/stackConfig.ts";
import { tool } from "../support/pulumi/upstream.ts";

const root = resolve(import.meta.dirname, "../..");

describe("the plain pulumi commands", function () {
  this.timeout(120_000);
  let folder: string;

  before(function () {
    if (tool("pulumi") === undefined || tool("pulumi-language-nodejs") === undefined) {
      console.log("      not run: there is no pulumi-language-nodejs on PATH; a normal Pulumi installation has it");
      this.skip();
    }
    folder = mkdtempSync(join(tmpdir(), "rex-plain-"));
    for (const part of [
      "Pulumi.yaml",
      "index.ts",
      "config/config.ts",
      "config",
      "components",
      "package.json",
      "tsconfig.json",
    ]) {
      cpSync(join(root, part), join(folder, part), { recursive: true });
    }
    symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  });
  after(() => folder && rmSync(folder, { recursive: true }));

  it("preview the program [plain-pulumi-preview]", () => {
    const pulumi = (args: string[], input?: string) => {
      const provider = join(root, "test/support/pulumi/kubernetesProvider");
      const env = {
        ...process.env,
        PATH: [provider, dirname(process.execPath), dirname(tool("pulumi") ?? ""), process.env.PATH].join(delimiter),
        PULUMI_BACKEND_URL: `file://${folder}`,
        PULUMI_CONFIG_PASSPHRASE: "test",
        PULUMI_SKIP_UPDATE_CHECK: "true",
      };
      const { status, stdout, stderr } = spawnSync("pulumi", [...args, "--non-interactive"], {
        cwd: folder,
        env,
        input,
        encoding: "utf8",
      });
      assert.equal(status, 0, `pulumi ${args.join(" ")}: ${stdout}${stderr}`);
      return stdout;
    };
    pulumi(["stack", "init", "plain"]);
    for (const [key, value] of Object.entries(leastConfig)) {
      const text = Array.isArray(value) ? value.join(",") : `${value}`;
      pulumi(["config", "set", ...(secretKeys.includes(key) ? ["--secret"] : []), key], text);
    }
    assert.match(pulumi(["preview", "--suppress-progress"]), /\d+ to create/);
  });
});
