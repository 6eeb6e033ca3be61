import * as pulumi from "@pulumi/pulumi";

/**
 * Annotations that make `pulumi up` wait until Argo Events reports its object as deployed, and fail with the message of the condition
 * that says no.
 *
 * `condition=Deployed` alone would wait well but end with nothing more than "timed out waiting for the condition". The JSON path gives
 * the message: it selects every condition whose status is False and, behind them, the object's own name. Without such a condition the
 * name comes first and equals the expected one; with one, a whole condition comes first, which no text can equal, and the provider's
 * error prints it.
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
 * Options that make a new EventSource or Sensor where its event bus becomes another. The status of Argo Events' objects does not tell
 * which version of them it speaks of, so that after a change the old "deployed" would be taken for the new one; and the bus is the one
 * thing in them that can be wrong in a way that only the cluster knows.
 */
export const newOnAnotherBus = { replaceOnChanges: ["spec.eventBusName"], deleteBeforeReplace: true };
