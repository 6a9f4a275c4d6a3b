/** What pages import and only other runtimes have. */
declare module "cloudflare:sockets" {
  export const connect: import("@sluice/util/workers").SocketsConnect;
}
/** What protoc-gen-es makes of the Eliza service of connect's own examples. */
declare module "*/eliza_pb.js" {
  import type { Message } from "@bufbuild/protobuf";
  import type { GenMessage, GenService } from "@bufbuild/protobuf/codegenv2";

  type Sentence = Message<"connectrpc.eliza.v1.Sentence"> & { sentence: string };
  export const ElizaService: GenService<{
    say: { methodKind: "unary"; input: GenMessage<Sentence>; output: GenMessage<Sentence> };
  }>;
}
