// Content on its way through: nothing is held, since a frame is only asked for when the other side has room for it.

import { inspect, isTrailers } from "@sluice/body";
import { cleanTrailers, listed } from "./fields.mjs";

/**
 * The content of `message` for the next hop.
 *
 * @param options.mustAnnounce The next hop speaks HTTP/1, where the engine sends those trailers only that the field `trailer`
 *   names.
 * @param options.lost Is told of trailers that are lost by that.
 * @param options.failed Is told of an error in the middle of the content.
 */
export function passedOn(message, { mustAnnounce = false, lost = () => {}, failed = () => {} } = {}) {
  const { body, headers } = message;
  if (body.isEndStream()) return body;
  return inspect(body, {
    onFrame(frame) {
      if (!isTrailers(frame)) return;
      cleanTrailers(frame.fields);
      if (!mustAnnounce) return;
      const announced = listed(headers, "trailer");
      const missing = [...new Set(frame.fields.keys())].filter((name) => !announced.includes(name));
      if (missing.length > 0) lost(missing);
    },
    onError: failed,
  });
}

/** What the engine must be told so that content and trailers of `message` go out whole, whichever version takes them. */
export function setFraming(fields, message) {
  // HTTP/1 has room for trailers in chunked content only.
  if (fields.has("trailer")) fields.remove("content-length");
  // Without a length, GET and HEAD are taken to have no content.
  const mayBeMissed = message.method === "GET" || message.method === "HEAD";
  if (mayBeMissed && message.body.sizeHint().exact === undefined) fields.append("transfer-encoding", "chunked");
}
