/**
 * Security context of a pod that meets the `restricted` pod security standard.
 * @see https://kubernetes.io/docs/concepts/security/pod-security-standards/
 */
export const restrictedPod = {
  runAsNonRoot: true,
  // Argo's images do not set a user.
  runAsUser: 65532,
  runAsGroup: 65532,
  fsGroup: 65532,
  seccompProfile: { type: "RuntimeDefault" },
};

/** The same for a container. Beyond the standard, the root file system is read-only. */
export const restrictedContainer = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ["ALL"] },
};

/** Resource requests and limits of a container. */
export function resources(request: { cpu: string; memory: string }, limit: { cpu: string; memory: string }) {
  return { requests: request, limits: limit };
}
