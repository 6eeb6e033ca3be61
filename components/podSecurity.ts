/**
 * What the `restricted` pod security standard asks of a pod, and of each of its containers.
 * @see https://kubernetes.io/docs/concepts/security/pod-security-standards/
 */
export const restrictedPod = {
  runAsNonRoot: true,
  // Argo's own images name no user, so that one has to be given here.
  runAsUser: 65532,
  runAsGroup: 65532,
  fsGroup: 65532,
  seccompProfile: { type: "RuntimeDefault" },
};

/** See {@link restrictedPod}; beyond the standard, the root file system is read-only. */
export const restrictedContainer = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ["ALL"] },
};

/** Resources of a container that mostly waits. */
export function resources(request: { cpu: string; memory: string }, limit: { cpu: string; memory: string }) {
  return { requests: request, limits: limit };
}
