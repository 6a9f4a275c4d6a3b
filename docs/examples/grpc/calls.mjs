// The protocol of gRPC over HTTP/2: messages with a prefix of five bytes, and the status of a call in the trailers.

import { collect, fromIterable, HeaderMap, Trailers } from "@sluice/body";
import { HttpResponse, serviceFn } from "@sluice/core";

const maxBytes = 65_536;
const status = { INVALID_ARGUMENT: 3, DEADLINE_EXCEEDED: 4, RESOURCE_EXHAUSTED: 8, UNIMPLEMENTED: 12, INTERNAL: 13 };

/** What a method throws to end its call with a status. */
export class CallError extends Error {
  constructor(name, message) {
    super(message);
    this.code = status[name];
  }
}

/** A service of `methods`: for each path a generator of answers, which is given the message and a signal for the end of the call. */
export function grpcService(methods, codec) {
  return serviceFn((request) => {
    if (!/^application\/grpc(?:[+;]|$)/.test(request.headers.get("content-type") ?? "")) return new HttpResponse(415);
    if (request.method !== "POST") return new HttpResponse(405, { allow: "POST" });
    const fields = { "content-type": "application/grpc", "grpc-accept-encoding": "identity" };
    return new HttpResponse(200, fields, fromIterable(call(request, methods, codec)));
  });
}

async function* call(request, methods, { encode, decode }) {
  const limit = timeoutOf(request.headers.get("grpc-timeout"));
  const signal = AbortSignal.any([request.signal, ...(limit === undefined ? [] : [AbortSignal.timeout(limit)])]);
  try {
    if (!Object.hasOwn(methods, request.target.path)) throw new CallError("UNIMPLEMENTED", "no such method");
    const message = await readMessage(request.body, decode);
    for await (const answer of methods[request.target.path](message, signal)) yield framed(encode(answer));
    yield ended(0, "");
  } catch (error) {
    if (error instanceof CallError) yield ended(error.code, error.message);
    else if (error.name === "TimeoutError") yield ended(status.DEADLINE_EXCEEDED, "too late");
    else if (error.code === "length-limit") yield ended(status.RESOURCE_EXHAUSTED, "message too long");
    else {
      // The client is told nothing of what went wrong in here.
      if (!signal.aborted) console.log(`${request.target.path} failed: ${error.message}`);
      yield ended(status.INTERNAL, "");
    }
  }
}

async function readMessage(body, decode) {
  const bytes = Buffer.from(await collect(body, { maxBytes: maxBytes + 5 }).bytes());
  if (bytes.length < 5 || bytes.readUInt32BE(1) !== bytes.length - 5)
    throw new CallError("INTERNAL", "not one message");
  if (bytes[0] !== 0) throw new CallError("UNIMPLEMENTED", "messages must not be compressed");
  try {
    return decode(bytes.subarray(5));
  } catch {
    throw new CallError("INVALID_ARGUMENT", "the message cannot be read");
  }
}

function framed(message) {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}

function ended(code, message) {
  return new Trailers(new HeaderMap({ "grpc-status": `${code}`, "grpc-message": encodeURI(message) }));
}

/** `grpc-timeout` in milliseconds; the longest that a timer of Node can have is near 25 days. */
function timeoutOf(field) {
  const [, digits, unit] = /^([0-9]{1,8})([HMSmun])$/.exec(field ?? "") ?? [];
  const unitMs = { H: 3_600_000, M: 60_000, S: 1_000, m: 1, u: 0.001, n: 0.000_001 };
  return digits === undefined ? undefined : Math.min(2 ** 31 - 1, Math.ceil(Number(digits) * unitMs[unit]));
}
