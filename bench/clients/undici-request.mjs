import { request } from "undici";
import { dispatcherOf } from "./undici-dispatcher.mjs";

export function open(options) {
  const dispatcher = dispatcherOf(options);
  const { origin, upload } = options;
  const given = { dispatcher, headers: { accept: "*/*" }, ...(upload && { method: "POST", body: upload }) };
  return async (_number, path = "/") => {
    const { body } = await request(origin + path, given);
    let length = 0;
    for await (const chunk of body) length += chunk.length;
    return length;
  };
}
