// The service of the measurements of RPCs, as generated code would have it: `bench.Greeter/Greet` answers a text with a text.

import { create, toBinary } from "@bufbuild/protobuf";
import { fileDesc, messageDesc, serviceDesc } from "@bufbuild/protobuf/codegenv2";
import { base64Encode } from "@bufbuild/protobuf/wire";
import {
  FieldDescriptorProto_Label,
  FieldDescriptorProto_Type,
  FileDescriptorProtoSchema,
} from "@bufbuild/protobuf/wkt";

const text = {
  name: "text",
  number: 1,
  type: FieldDescriptorProto_Type.STRING,
  label: FieldDescriptorProto_Label.OPTIONAL,
  jsonName: "text",
};

const described = create(FileDescriptorProtoSchema, {
  name: "bench.proto",
  package: "bench",
  syntax: "proto3",
  messageType: [{ name: "Text", field: [text] }],
  service: [{ name: "Greeter", method: [{ name: "Greet", inputType: ".bench.Text", outputType: ".bench.Text" }] }],
});
const file = fileDesc(base64Encode(toBinary(FileDescriptorProtoSchema, described)));

export const TextSchema = messageDesc(file, 0);
export const Greeter = serviceDesc(file, 0);

/** What the method answers: the text it was given. */
export function routes(router) {
  router.service(Greeter, { greet: ({ text }) => ({ text }) });
}
