import * as pulumi from "@pulumi/pulumi";

/**
 * Annotations that make `pulumi up` wait until Argo Events reports its object as deployed. If it is not deployed in time, `pulumi up`
 * fails with the message of the condition that is False.
 *
 * `condition=Deployed` alone would also wait, but fail with nothing more than "timed out waiting for the condition". The JSON path adds
 * the message: it selects every condition whose status is False and, after them, the object's name. If no condition is False, the name
 * comes first and equals the expected text. Otherwise a condition comes first, which never equals the text, and the provider prints it.
 *
 * @param name metadata.name of the object
 * @see https://www.pulumi.com/registry/packages/kubernetes/annotations/
 */
export function deployedAnnotations(name: string, seconds: pulumi.Input<number>): Record<string, pulumi.Input<string>> {
  const nothingFailed = `jsonpath={['status','metadata']..[?@.status=="False",'name']}=${name}`;
  return {
    "pulumi.com/waitFor": JSON.stringify([nothingFailed, "condition=Deployed"]),
    "pulumi.com/timeoutSeconds": pulumi.interpolate`${seconds}`,
  };
}

/**
 * Options that replace an EventSource or Sensor when its event bus changes. The status of Argo Events' objects does not say which version
 * of the object it describes, so after a change Pulumi would mistake the old "deployed" for the new one. Only the bus needs this: it is the
 * only field whose value may not work in the cluster.
 */
export const replacedOnAnotherBus = { replaceOnChanges: ["spec.eventBusName"], deleteBeforeReplace: true };
