import * as grpc from "@grpc/grpc-js";
import providerServices from "@pulumi/pulumi/proto/provider_grpc_pb.js";
import { Engine } from "./engine.ts";
import { Provider } from "./provider.ts";
import { handlers } from "./service.ts";

/**
 * Serves the provider to the engine at the given address. The engine reads the port from the first line of standard output. When it is
 * done, it stops this process.
 */
const [engineAddress] = process.argv.slice(2).filter((argument) => !argument.startsWith("-"));
const server = new grpc.Server({ "grpc.max_receive_message_length": 400 * 1024 * 1024 });
const provider = new Provider(new Engine(engineAddress));
server.addService(
  providerServices.ResourceProviderService as unknown as grpc.ServiceDefinition,
  handlers(provider) as unknown as grpc.UntypedServiceImplementation,
);
server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) => {
  if (error) {
    console.error(`cannot listen: ${error.message}`);
    process.exit(1);
  }
  console.log(port);
});

// The engine stops its plugins, unless it is killed itself.
const parent = process.ppid;
setInterval(() => process.ppid === parent || process.exit(0), 2000).unref();
