import { type ConfigurationOptions, setHeaderOptions } from "@kubernetes/client-node";

/** Options of a request to the API server that does not wait for ever. */
export function bounded(seconds: number): ConfigurationOptions {
  return {
    middleware: (setHeaderOptions("User-Agent", "rex-remediation").middleware ?? []).map((header) => ({
      pre: (request) => {
        request.setSignal(AbortSignal.timeout(1000 * seconds));
        return header.pre(request);
      },
      post: (response) => header.post(response),
    })),
    middlewareMergeStrategy: "append",
  };
}
