import { createConnectTransport } from "@sluice/util/connectrpc";
import { callsOver } from "./rpc.mjs";

export function open({ origin }) {
  return callsOver(createConnectTransport({ baseUrl: origin, httpVersion: "2" }));
}
