import * as grpc from "@grpc/grpc-js";
import engineServices from "@pulumi/pulumi/proto/engine_grpc_pb.js";
import enginePb from "@pulumi/pulumi/proto/engine_pb.js";

/** The connection to the engine, which shows the provider's messages. */
export class Engine {
  readonly #client: InstanceType<typeof engineServices.EngineClient> | undefined;

  /** @param address HOST:PORT; if undefined, messages are dropped */
  constructor(address: string | undefined) {
    this.#client =
      address === undefined ? undefined : new engineServices.EngineClient(address, grpc.credentials.createInsecure());
  }

  /** Shows a line beside the resource while the engine is working on it. */
  status(urn: string, message: string): void {
    this.#log(urn, enginePb.LogSeverity.INFO, message, true);
  }

  /** Shows a line that stays. */
  warn(urn: string, message: string): void {
    this.#log(urn, enginePb.LogSeverity.WARNING, message, false);
  }

  #log(urn: string, severity: enginePb.LogSeverity, message: string, ephemeral: boolean): void {
    const request = new enginePb.LogRequest()
      .setUrn(urn)
      .setSeverity(severity)
      .setMessage(message)
      .setEphemeral(ephemeral);
    // If the engine cannot show a message, that is no reason to fail.
    this.#client?.log(request, () => {});
  }
}
