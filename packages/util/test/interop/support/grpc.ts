/**
 * gRPC over HTTP/2, as much of it as a test needs to write by hand: messages with a prefix of five bytes, the status in the
 * trailers, and the one service that both sides of the tests know. Its messages are bytes as they are.
 *
 *   Echo    one message and back            Join   many messages, joined into one
 *   Repeat  "n text": text, n times         Shout  each message, in capitals, as soon as it came
 *   Fail    NOT_FOUND, before any message   Break  two messages, then ABORTED
 *   Wait    nothing, ever                   Tell   the metadata `x-text` and `x-data-bin`, back in head and trailers
 */
import type { Body } from "@sluice/body";
import { isData } from "@sluice/body";

export const serviceName = "sluice.test.Peer";

const bytesAsTheyAre = (bytes: Buffer): Buffer => bytes;

function method(name: string, requestStream: boolean, responseStream: boolean) {
  return {
    path: `/${serviceName}/${name}`,
    requestStream,
    responseStream,
    requestSerialize: bytesAsTheyAre,
    requestDeserialize: bytesAsTheyAre,
    responseSerialize: bytesAsTheyAre,
    responseDeserialize: bytesAsTheyAre,
  };
}

/** In the form that grpc-js takes. */
export const definition = {
  Echo: method("Echo", false, false),
  Repeat: method("Repeat", false, true),
  Join: method("Join", true, false),
  Shout: method("Shout", true, true),
  Fail: method("Fail", false, false),
  Break: method("Break", false, true),
  Wait: method("Wait", false, false),
  Tell: method("Tell", false, false),
};

const prefixBytes = 5;

/** A message, uncompressed, with its prefix. */
export function framed(message: Uint8Array | string): Buffer {
  const bytes = Buffer.from(message);
  const prefix = Buffer.alloc(prefixBytes);
  prefix.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([prefix, bytes]);
}

/** The messages of a body, each as soon as all of it is there. @throws Error for compressed ones and half ones. */
export async function* messages(body: Body): AsyncGenerator<Buffer, undefined> {
  let rest: Buffer = Buffer.alloc(0);
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  let wanted = prefixBytes;
  for await (const frame of body) {
    if (!isData(frame)) continue;
    chunks.push(frame);
    bytes += frame.length;
    while (bytes >= wanted) {
      rest = Buffer.concat([rest, ...chunks.splice(0)]);
      wanted = prefixBytes + (rest.length < prefixBytes ? 0 : rest.readUInt32BE(1));
      if (rest.length < wanted || rest.length < prefixBytes) break;
      if (rest[0] !== 0) throw new Error("the message is compressed");
      yield rest.subarray(prefixBytes, wanted);
      rest = rest.subarray(wanted);
      bytes = rest.length;
      wanted = prefixBytes;
    }
  }
  if (bytes > 0) throw new Error(`the body ends with ${bytes} bytes of a message`);
}
