import { createGrpcTransport } from "@connectrpc/connect-node";
import { callsOver } from "./rpc.mjs";

export function open({ origin }) {
  return callsOver(createGrpcTransport({ baseUrl: origin }));
}
