/**
 * The Kubernetes node that the tests run against: what `dev/on-node` puts into
 * the environment. Specs that need it are run through that script.
 */
export interface NodeEnvironment {
  /** Administrator's kubeconfig; its server address is reachable from the host, the node's network and pods. */
  kubeconfig: string;
  /** The namespace that Argo Events and Argo Workflows manage. */
  namespace: string;
  /** An address on which doubles can listen so that pods and this process reach them. */
  address: string;
  /** Local image with bash, curl, jq and openssl. */
  stepsImage: string;
  /** Folder of the logs of the node's components and of what runs beside them, one file each. */
  logs: string;
}

export function nodeEnvironment(): NodeEnvironment {
  return {
    kubeconfig: required("KUBECONFIG"),
    namespace: required("REX_NAMESPACE"),
    address: required("REX_NODE_IP"),
    stepsImage: required("REX_STEPS_IMAGE"),
    logs: required("REX_NODE_LOGS"),
  };
}

function required(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: run the specs with scripts/test, or through dev/on-node`);
  return value;
}
