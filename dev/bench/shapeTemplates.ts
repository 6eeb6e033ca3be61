import { randomBytes } from "node:crypto";
import { chmod, mkdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { KubernetesObjectApi, RbacAuthorizationV1Api } from "@kubernetes/client-node";
import type { Cluster } from "../../test/support/cluster.ts";
import { nodeEnvironment } from "../../test/support/node.ts";
import { inShape, type Shape, type TemplateSpec } from "./stepShapes.ts";

const templates = { group: "argoproj.io", version: "v1alpha1", plural: "workflowtemplates" };

/** Name of the installed stack, from which the shapes are derived. */
const installedName = "rex-remediation";

/** A Kubernetes object, with the fields that this file uses. */
interface Manifest {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string; uid?: string };
  [field: string]: unknown;
}

/** A WorkflowTemplate for each shape, and a service account for them. {@link ShapeTemplates.close} removes everything. */
export class ShapeTemplates {
  readonly byShape: Record<Shape, { name: string; uid: string }>;
  readonly #remove: () => Promise<void>;

  private constructor(made: ShapeTemplates["byShape"], remove: () => Promise<void>) {
    this.byShape = made;
    this.#remove = remove;
  }

  static async make(cluster: Cluster): Promise<ShapeTemplates> {
    const name = `rex-bench-${randomBytes(4).toString("hex")}`;
    const folder = join(dirname(nodeEnvironment().logs), name);
    const api = KubernetesObjectApi.makeApiClient(cluster.config);
    const made: Manifest[] = [];
    const make = async (manifest: Manifest) => {
      const created = (await api.create(manifest)) as Manifest;
      made.unshift(manifest);
      return created;
    };
    const remove = async () => {
      for (const manifest of made) await api.delete(manifest);
      await rm(folder, { recursive: true, force: true });
    };
    try {
      await makeFolder(folder);
      for (const manifest of await sharedObjects(cluster, name, folder)) await make(manifest);
      const installed = await installedSpec(cluster);
      const uids: [Shape, { name: string; uid: string }][] = [];
      for (const shape of ["pods", "installed", "single"] as const) {
        const spec = { ...inShape(installed, shape, name), serviceAccountName: name };
        const metadata = { name: `${name}-${shape}`, namespace: cluster.namespace };
        const created = await make({ apiVersion: "argoproj.io/v1alpha1", kind: "WorkflowTemplate", metadata, spec });
        uids.push([shape, { name: metadata.name, uid: created.metadata.uid ?? "" }]);
      }
      return new ShapeTemplates(Object.fromEntries(uids) as ShapeTemplates["byShape"], remove);
    } catch (error) {
      await remove();
      throw error;
    }
  }

  close(): Promise<void> {
    return this.#remove();
  }
}

/** The kubelet creates each run's folders in this folder, with the same mode. The steps' user has to be able to write there. */
async function makeFolder(folder: string): Promise<void> {
  await mkdir(folder);
  await chmod(folder, 0o777);
}

/**
 * The objects that all shapes share: a service account with the rights of the remediation's account, and a volume.
 *
 * The shapes cannot use the remediation's own account, because admission policies restrict it to pods with the names of the installed
 * shape. No policies apply to the new account, so the comparison is fair.
 *
 * The pods of one run share the volume, because they cannot share memory as the containers of one pod do. It is the fastest kind: a
 * folder on the only node. The kernel still has its few kilobytes in memory when the next pod reads them. A cluster with several nodes
 * would need an attached disk or a file server, which is slower. So a pod per step looks better here than it really is.
 */
async function sharedObjects(cluster: Cluster, name: string, folder: string): Promise<Manifest[]> {
  const { namespace } = cluster;
  const role = await cluster.config
    .makeApiClient(RbacAuthorizationV1Api)
    .readNamespacedRole({ name: installedName, namespace });
  const rbac = "rbac.authorization.k8s.io";
  const [accessModes, storage] = [["ReadWriteMany"], "64Mi"];
  return [
    { apiVersion: "v1", kind: "ServiceAccount", metadata: { name, namespace } },
    { apiVersion: `${rbac}/v1`, kind: "Role", metadata: { name, namespace }, rules: role.rules },
    {
      apiVersion: `${rbac}/v1`,
      kind: "RoleBinding",
      metadata: { name, namespace },
      roleRef: { apiGroup: rbac, kind: "Role", name },
      subjects: [{ kind: "ServiceAccount", name, namespace }],
    },
    {
      // The pods cannot mount the folder directly, because the namespace's pod security standard forbids hostPath volumes.
      apiVersion: "v1",
      kind: "PersistentVolume",
      metadata: { name },
      spec: {
        capacity: { storage },
        accessModes,
        storageClassName: "",
        persistentVolumeReclaimPolicy: "Retain",
        claimRef: { name, namespace },
        hostPath: { path: folder, type: "Directory" },
      },
    },
    {
      apiVersion: "v1",
      kind: "PersistentVolumeClaim",
      metadata: { name, namespace },
      spec: { accessModes, storageClassName: "", volumeName: name, resources: { requests: { storage } } },
    },
  ];
}

async function installedSpec({ custom, namespace }: Cluster): Promise<TemplateSpec> {
  const { spec } = (await custom.getNamespacedCustomObject({ ...templates, namespace, name: installedName })) as {
    spec: TemplateSpec;
  };
  return spec;
}
