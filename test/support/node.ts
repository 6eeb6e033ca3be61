/**
 * The Kubernetes node that the tests use, as `dev/on-node` describes it in the environment. Specs that need the node must run through this
 * script.
 */
export interface NodeEnvironment {
  /** The administrator's kubeconfig. Its server address works from the host, the node's network and pods. */
  kubeconfig: string;
  /** The namespace that Argo Events and Argo Workflows manage. */
  namespace: string;
  /** An address for doubles that both pods and this process can reach. */
  address: string;
  /** The local image with bash, curl, jq and openssl. */
  stepsImage: string;
  /** Folder with the logs of the node's components and of the processes beside them, one file each. */
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
