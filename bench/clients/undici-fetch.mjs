import { fetch } from "undici";
import { dispatcherOf } from "./undici-dispatcher.mjs";

export function open(options) {
  const dispatcher = dispatcherOf(options);
  const { origin, upload } = options;
  const given = { dispatcher, ...(upload && { method: "POST", body: upload }) };
  return async (_number, path = "/") => {
    const response = await fetch(origin + path, given);
    return (await response.arrayBuffer()).byteLength;
  };
}
