import { createConnectTransport } from "@connectrpc/connect-node";
import { callsOver } from "./rpc.mjs";

export function open({ origin }) {
  return callsOver(createConnectTransport({ baseUrl: origin, httpVersion: "2" }));
}
