import { type ChildProcess, spawn } from "node:child_process";
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { KubeConfig, VersionApi } from "@kubernetes/client-node";
import { until } from "./cluster.ts";

/**
 * A second real kube-apiserver beside the node's. It serves no admission policies, like an API server before Kubernetes 1.30. It keeps its
 * objects in the node's etcd, separate from the node's own. It runs in this process's network, which must be the node's.
 */
export class ApiServerWithoutPolicies {
  /** Path of a kubeconfig with full rights. */
  readonly kubeconfig: string;
  readonly #folder: string;
  readonly #process: ChildProcess;

  private constructor(folder: string, kubeconfig: string, process: ChildProcess) {
    this.#folder = folder;
    this.kubeconfig = kubeconfig;
    this.#process = process;
  }

  static async start(): Promise<ApiServerWithoutPolicies> {
    const folder = mkdtempSync(join(tmpdir(), "rex-api-server-"));
    const port = await freePort();
    const token = randomBytes(24).toString("hex");
    const keyFile = join(folder, "service-account.key");
    const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    writeFileSync(keyFile, privateKey.export({ type: "pkcs1", format: "pem" }), { mode: 0o600 });
    writeFileSync(join(folder, "tokens.csv"), `${token},admin,admin,"system:masters"\n`, { mode: 0o600 });
    const kubeconfig = join(folder, "kubeconfig");
    writeFileSync(kubeconfig, kubeconfigFor(`https://127.0.0.1:${port}`, token), { mode: 0o600 });
    const absent = ["validatingadmissionpolicies", "validatingadmissionpolicybindings"];
    const options: Record<string, string> = {
      "etcd-servers": "http://127.0.0.1:2379",
      "etcd-prefix": "/without-policies",
      "bind-address": "127.0.0.1",
      "advertise-address": "127.0.0.1",
      "secure-port": String(port),
      "endpoint-reconciler-type": "none",
      "cert-dir": join(folder, "certificates"),
      "token-auth-file": join(folder, "tokens.csv"),
      "authorization-mode": "RBAC",
      "service-account-issuer": "https://kubernetes.default.svc",
      "service-account-key-file": keyFile,
      "service-account-signing-key-file": keyFile,
      "service-cluster-ip-range": "10.99.0.0/24",
      // Otherwise it waits in vain for the policies and finally exits.
      "disable-admission-plugins": "ValidatingAdmissionPolicy",
      "runtime-config": absent.map((resource) => `admissionregistration.k8s.io/v1/${resource}=false`).join(","),
    };
    const args = Object.entries(options).map(([name, value]) => `--${name}=${value}`);
    const server = new ApiServerWithoutPolicies(
      folder,
      kubeconfig,
      spawn("kube-apiserver", args, { stdio: "ignore", timeout: 300_000 }),
    );
    const config = new KubeConfig();
    config.loadFromFile(kubeconfig);
    await until("the API server without policies answers", 30_000, async () =>
      Boolean(await config.makeApiClient(VersionApi).getCode()),
    );
    return server;
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.#process.once("close", resolve));
    // It has nothing to save, and a graceful shutdown would take a minute.
    this.#process.kill("SIGKILL");
    await ended;
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function kubeconfigFor(server: string, token: string): string {
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "c", cluster: { server, "insecure-skip-tls-verify": true } }],
    users: [{ name: "u", user: { token } }],
    contexts: [{ name: "x", context: { cluster: "c", user: "u" } }],
    "current-context": "x",
  });
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}
