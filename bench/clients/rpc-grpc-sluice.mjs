import { createGrpcTransport } from "@sluice/util/connectrpc";
import { callsOver } from "./rpc.mjs";

export function open({ origin }) {
  return callsOver(createGrpcTransport({ baseUrl: origin }));
}
