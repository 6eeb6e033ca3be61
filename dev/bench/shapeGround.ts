import { randomBytes } from "node:crypto";
import { chmod, mkdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { KubernetesObjectApi, RbacAuthorizationV1Api } from "@kubernetes/client-node";
import type { Cluster } from "../../test/support/cluster.ts";
import { nodeEnvironment } from "../../test/support/node.ts";
import { inShape, type Shape, type TemplateSpec } from "./stepShapes.ts";

const templates = { group: "argoproj.io", version: "v1alpha1", plural: "workflowtemplates" };

/** The installed stack, from which the shapes are derived. */
const installedName = "rex-remediation";

/** Any object, as far as it is named here. */
interface Manifest {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string; uid?: string };
  [field: string]: unknown;
}

/** A WorkflowTemplate in each shape, with an account of its own; removed by {@link ShapeGround.close}. */
export class ShapeGround {
  readonly templates: Record<Shape, { name: string; uid: string }>;
  readonly #remove: () => Promise<void>;

  private constructor(made: ShapeGround["templates"], remove: () => Promise<void>) {
    this.templates = made;
    this.#remove = remove;
  }

  static async make(cluster: Cluster): Promise<ShapeGround> {
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
      for (const manifest of await ground(cluster, name, folder)) await make(manifest);
      const installed = await installedSpec(cluster);
      const uids: [Shape, { name: string; uid: string }][] = [];
      for (const shape of ["pods", "installed", "single"] as const) {
        const spec = { ...inShape(installed, shape, name), serviceAccountName: name };
        const metadata = { name: `${name}-${shape}`, namespace: cluster.namespace };
        const created = await make({ apiVersion: "argoproj.io/v1alpha1", kind: "WorkflowTemplate", metadata, spec });
        uids.push([shape, { name: metadata.name, uid: created.metadata.uid ?? "" }]);
      }
      return new ShapeGround(Object.fromEntries(uids) as ShapeGround["templates"], remove);
    } catch (error) {
      await remove();
      throw error;
    }
  }

  close(): Promise<void> {
    return this.#remove();
  }
}

/** The kubelet makes each run's folders in it as it is itself, and the steps' user has to write there. */
async function makeFolder(folder: string): Promise<void> {
  await mkdir(folder);
  await chmod(folder, 0o777);
}

/**
 * The account of all shapes, with the rights of the remediation's. That one itself would not do, because admission policies hold it to
 * pods of the installed shape's names. Here no shape pays for policies, and all are compared alike.
 *
 * And the folder that the pods of one run share, in place of the memory that the containers of one pod share. It is the cheapest way
 * that there is: a folder of the one node, kilobytes that the kernel has in memory when the next pod reads them. What a cluster of
 * several nodes has for it, a disk that is attached or a file server, is slower; so a pod per step looks better here than it is.
 */
async function ground(cluster: Cluster, name: string, folder: string): Promise<Manifest[]> {
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
      // Not in the pods themselves: the namespace's pod security standard allows them no folder of the node.
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
