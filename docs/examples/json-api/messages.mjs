// JSON in and out, and refusals as problem details (RFC 9457).

import { BodyError, collect, full } from "@sluice/body";
import { HttpResponse } from "@sluice/core";

export const json = (status, value, fields = {}) =>
  new HttpResponse(status, { "content-type": "application/json", ...fields }, full(JSON.stringify(value)));

/** Thrown where a request cannot be answered: the status and the reason. */
export class Refusal extends Error {
  constructor(status, detail, fields = {}) {
    super(detail);
    this.status = status;
    this.fields = { ...fields, "content-type": "application/problem+json" };
  }
}

/** The content of a request, at most `maxBytes` of it. */
export async function readJson({ headers, body }, maxBytes = 4096) {
  const coding = headers.get("content-encoding")?.toLowerCase() ?? "identity";
  if (coding !== "identity") throw new Refusal(415, "must not be compressed", { "accept-encoding": "identity" });
  const type = headers.get("content-type") ?? "";
  if (!/^application\/json[ \t]*(?:;|$)/i.test(type)) {
    throw new Refusal(415, "content must be application/json", { accept: "application/json" });
  }
  const bytes = await collect(body, { maxBytes })
    .bytes()
    .catch((error) => {
      if (!(error instanceof BodyError && error.code === "length-limit")) throw error;
      throw new Refusal(413, `content must have at most ${maxBytes} bytes`);
    });
  try {
    // Ill-formed UTF-8 is refused, not repaired.
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw new Refusal(400, "content is not JSON");
  }
}

/** `answer`, with what it refuses made a response. */
export const refusing = (answer) => async (request) => {
  try {
    return await answer(request);
  } catch (error) {
    // What is no refusal is a bug, or a client that has gone: for the engine.
    if (!(error instanceof Refusal)) throw error;
    return json(error.status, { status: error.status, detail: error.message }, error.fields);
  }
};
