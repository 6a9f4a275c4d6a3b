/**
 * A service with a method of each kind, as generated code would have it. Its descriptor is put together here from the messages of
 * descriptor.proto, so that no generator is needed.
 */
import { create, type Message, toBinary } from "@bufbuild/protobuf";
import {
  fileDesc,
  type GenFile,
  type GenMessage,
  type GenService,
  messageDesc,
  serviceDesc,
} from "@bufbuild/protobuf/codegenv2";
import { base64Encode } from "@bufbuild/protobuf/wire";
import {
  FieldDescriptorProto_Label,
  FieldDescriptorProto_Type,
  FileDescriptorProtoSchema,
  MethodOptions_IdempotencyLevel,
} from "@bufbuild/protobuf/wkt";

const fields = [
  { name: "text", number: 1, type: FieldDescriptorProto_Type.STRING },
  { name: "count", number: 2, type: FieldDescriptorProto_Type.INT32 },
  { name: "data", number: 3, type: FieldDescriptorProto_Type.BYTES },
].map((field) => ({ ...field, jsonName: field.name, label: FieldDescriptorProto_Label.OPTIONAL }));

const types = { inputType: ".sluice.test.Ping", outputType: ".sluice.test.Pong" };

const file: GenFile = fileDesc(
  base64Encode(
    toBinary(
      FileDescriptorProtoSchema,
      create(FileDescriptorProtoSchema, {
        name: "sluice/test.proto",
        package: "sluice.test",
        syntax: "proto3",
        messageType: [
          { name: "Ping", field: fields },
          { name: "Pong", field: fields },
        ],
        service: [
          {
            name: "Kinds",
            method: [
              { name: "Unary", ...types },
              { name: "Server", ...types, serverStreaming: true },
              { name: "Client", ...types, clientStreaming: true },
              { name: "Bidi", ...types, clientStreaming: true, serverStreaming: true },
              { name: "Look", ...types, options: { idempotencyLevel: MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS } },
            ],
          },
        ],
      }),
    ),
  ),
);

interface Fields {
  text: string;
  count: number;
  data: Uint8Array;
}

export type Ping = Message<"sluice.test.Ping"> & Fields;
export const PingSchema: GenMessage<Ping> = messageDesc(file, 0);

export type Pong = Message<"sluice.test.Pong"> & Fields;
export const PongSchema: GenMessage<Pong> = messageDesc(file, 1);

interface Method<Kind extends "unary" | "server_streaming" | "client_streaming" | "bidi_streaming"> {
  methodKind: Kind;
  input: typeof PingSchema;
  output: typeof PongSchema;
}

export const Kinds: GenService<{
  unary: Method<"unary">;
  server: Method<"server_streaming">;
  client: Method<"client_streaming">;
  bidi: Method<"bidi_streaming">;
  look: Method<"unary">;
}> = serviceDesc(file, 0);
