import type { V1Pod } from "@kubernetes/client-node";
import { type Cluster, unless } from "./cluster.ts";
import { type CodeRun, codeRunResource } from "./codeRuns.ts";

/**
 * A stand-in for the platform's CodeRun controller. It gives each CodeRun a pod that works until it is stopped, and reports the CodeRun
 * as Running. As with the real controller, the CodeRun owns the pod, and the pod blocks the CodeRun's foreground deletion. It ignores
 * CodeRuns with `spec.pod: false`, for tests that need many of them.
 */
export class AgentController {
  readonly #cluster: Cluster;
  readonly #image: string;

  constructor(cluster: Cluster, image: string) {
    this.#cluster = cluster;
    this.#image = image;
  }

  /** Runs until the process is stopped. */
  async run(): Promise<never> {
    for (;;) {
      try {
        await this.#reconcile();
      } catch (error) {
        // Some tests stop the API server for a moment.
        console.error(`agent controller: ${error instanceof Error ? error.message : error}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  }

  async #reconcile(): Promise<void> {
    for (const run of await this.#cluster.codeRuns()) {
      if (run.metadata.deletionTimestamp !== undefined || run.status?.phase !== undefined) continue;
      if (run.spec?.pod === false) continue;
      await this.#cluster.core
        .createNamespacedPod({ namespace: this.#cluster.namespace, body: this.#pod(run) })
        .catch(unless(409));
      await this.#cluster.setCodeRunPhase(run.metadata.name, "Running").catch(unless(404));
    }
  }

  #pod(run: CodeRun): V1Pod {
    return {
      metadata: {
        name: run.metadata.name,
        labels: { "app.kubernetes.io/part-of": "agents" },
        ownerReferences: [
          {
            apiVersion: `${codeRunResource.group}/${codeRunResource.version}`,
            kind: "CodeRun",
            name: run.metadata.name,
            uid: run.metadata.uid ?? "",
            controller: true,
            blockOwnerDeletion: true,
          },
        ],
      },
      spec: {
        restartPolicy: "Never",
        terminationGracePeriodSeconds: 5,
        automountServiceAccountToken: false,
        securityContext: { runAsNonRoot: true, runAsUser: 65532, seccompProfile: { type: "RuntimeDefault" } },
        containers: [
          {
            name: "agent",
            image: this.#image,
            imagePullPolicy: "IfNotPresent",
            command: ["bash", "-c", "trap 'exit 0' TERM; sleep infinity & wait"],
            securityContext: {
              allowPrivilegeEscalation: false,
              readOnlyRootFilesystem: true,
              capabilities: { drop: ["ALL"] },
            },
            resources: { requests: { cpu: "1m", memory: "8Mi" }, limits: { cpu: "100m", memory: "32Mi" } },
          },
        ],
      },
    };
  }
}
