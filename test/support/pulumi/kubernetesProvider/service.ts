import * as grpc from "@grpc/grpc-js";
import pluginPb from "@pulumi/pulumi/proto/plugin_pb.js";
import providerPb from "@pulumi/pulumi/proto/provider_pb.js";
import statusPb from "@pulumi/pulumi/proto/status_pb.js";
import anyPb from "google-protobuf/google/protobuf/any_pb.js";
import emptyPb from "google-protobuf/google/protobuf/empty_pb.js";
import structPb from "google-protobuf/google/protobuf/struct_pb.js";
import { NotReady, type Properties, type Provider } from "./provider.ts";
import { same } from "./values.ts";

type Handler<Request, Response> = (call: { request: Request }, callback: grpc.sendUnaryData<Response>) => void;

/** The version that this provider claims to be: that of the SDK in package.json. */
const version = "4.34.2";

/** The provider's side of the engine's protocol. */
export function handlers(provider: Provider) {
  return {
    getPluginInfo: handle(() => new pluginPb.PluginInfo().setVersion(version)),
    attach: handle(() => new emptyPb.Empty()),
    cancel: handle(() => new emptyPb.Empty()),

    checkConfig: handle((request: providerPb.CheckRequest) =>
      new providerPb.CheckResponse().setInputs(request.getNews()),
    ),
    diffConfig: handle((request: providerPb.DiffRequest) => {
      const alike = same(properties(request.getOldInputs()), properties(request.getNews()));
      const { DIFF_NONE, DIFF_SOME } = providerPb.DiffResponse.DiffChanges;
      return new providerPb.DiffResponse().setChanges(alike ? DIFF_NONE : DIFF_SOME);
    }),
    configure: handle((request: providerPb.ConfigureRequest) => {
      const variables = request.getVariablesMap();
      const variable = (name: string) => variables.get(`kubernetes:config:${name}`) || undefined;
      provider.configure({
        kubeconfig: variable("kubeconfig"),
        context: variable("context"),
        namespace: variable("namespace"),
        upsert: variable("upsertExistingObjects") === "true",
      });
      return new providerPb.ConfigureResponse().setAcceptsecrets(true).setSupportspreview(true);
    }),

    check: handle((request: providerPb.CheckRequest) => {
      const response = new providerPb.CheckResponse().setInputs(request.getNews());
      const failure = provider.check(properties(request.getNews()));
      return failure === undefined
        ? response
        : response.setFailuresList([new providerPb.CheckFailure().setReason(failure)]);
    }),

    diff: handle((request: providerPb.DiffRequest) => {
      const { changed, replace, deleteBeforeReplace } = provider.diff(
        properties(request.getOldInputs()),
        properties(request.getNews()),
      );
      const { DIFF_NONE, DIFF_SOME } = providerPb.DiffResponse.DiffChanges;
      const response = new providerPb.DiffResponse()
        .setChanges(changed.length > 0 ? DIFF_SOME : DIFF_NONE)
        .setReplacesList(replace)
        .setDeletebeforereplace(deleteBeforeReplace)
        .setHasdetaileddiff(true);
      const { UPDATE, UPDATE_REPLACE } = providerPb.PropertyDiff.Kind;
      for (const path of changed) {
        const replaces = replace.some(
          (one) => path === one || path.startsWith(`${one}.`) || path.startsWith(`${one}[`),
        );
        response
          .getDetaileddiffMap()
          .set(path, new providerPb.PropertyDiff().setKind(replaces ? UPDATE_REPLACE : UPDATE).setInputdiff(true));
      }
      return response;
    }),

    create: handle(async (request: providerPb.CreateRequest) => {
      const options = { preview: request.getPreview(), timeout: request.getTimeout() };
      const created = await provider.create(request.getUrn(), properties(request.getProperties()), options);
      return new providerPb.CreateResponse().setId(created.id).setProperties(struct(created.properties));
    }),

    read: handle(async (request: providerPb.ReadRequest) => {
      const found = await provider.read(properties(request.getProperties()), properties(request.getInputs()));
      return found === undefined
        ? new providerPb.ReadResponse()
        : new providerPb.ReadResponse()
            .setId(request.getId())
            .setProperties(struct(found.properties))
            .setInputs(struct(found.inputs));
    }),

    update: handle(async (request: providerPb.UpdateRequest) => {
      const options = { preview: request.getPreview(), timeout: request.getTimeout() };
      const updated = await provider.update(
        request.getUrn(),
        properties(request.getOlds()),
        properties(request.getNews()),
        options,
      );
      return new providerPb.UpdateResponse().setProperties(struct(updated.properties));
    }),

    delete: handle(async (request: providerPb.DeleteRequest) => {
      await provider.delete(request.getUrn(), properties(request.getProperties()), { timeout: request.getTimeout() });
      return new emptyPb.Empty();
    }),
  };
}

function properties(message: structPb.Struct | undefined): Properties {
  return (message?.toJavaScript() ?? {}) as Properties;
}

function struct(value: Properties): structPb.Struct {
  return structPb.Struct.fromJavaScript(value);
}

function handle<Request, Response>(
  work: (request: Request) => Response | Promise<Response>,
): Handler<Request, Response> {
  return async ({ request }, callback) => {
    try {
      callback(null, await work(request));
    } catch (error) {
      callback(failure(error as Error), null);
    }
  };
}

/** An error in the form that the engine reads. An object that exists but is not ready is attached. */
function failure(error: Error): Partial<grpc.StatusObject> {
  const metadata = new grpc.Metadata();
  if (error instanceof NotReady) {
    const detail = new providerPb.ErrorResourceInitFailed()
      .setId(error.id)
      .setProperties(struct(error.properties))
      .setInputs(struct(error.inputs))
      .setReasonsList([error.message]);
    const any = new anyPb.Any();
    any.pack(detail.serializeBinary(), "pulumirpc.ErrorResourceInitFailed");
    const status = new statusPb.Status().setCode(grpc.status.UNKNOWN).setMessage(error.message);
    status.addDetails(any);
    metadata.add("grpc-status-details-bin", Buffer.from(status.serializeBinary()));
  }
  return { code: grpc.status.UNKNOWN, details: error.message, metadata };
}
