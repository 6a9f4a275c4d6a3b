/**
 * Sends a response on a stream: its head now, and its content as there is room for it.
 */
import { Full } from "@sluice/body";
import { cancelQuietly, endsQuietly } from "../../message/outgoing-body.ts";
import type { HttpResponse } from "../../message/response.ts";
import { BodySender, type BodySenderOwner, sendWhole } from "../connection/body-sender.ts";
import type { Stream } from "../stream/stream.ts";
import type { ServerConnection } from "./server-connection.ts";

/** Sends a response that was just prepared by the connection's `headWriter`. Returns what sends its content, if any. */
export function startResponse(
  connection: ServerConnection,
  stream: Stream,
  response: HttpResponse,
  owner: BodySenderOwner,
): BodySender | undefined {
  const { headWriter, machine } = connection;
  const { body } = response;
  const { length, noContent } = headWriter;
  const endStream = noContent || (length <= 0 && endsQuietly(body));
  connection.prioritise(stream, response);
  const mark = machine.outbound.openHeaders(stream, endStream);
  headWriter.write(machine.driver.output.writer, machine.encoder);
  machine.outbound.closeHeaders(stream, mark, endStream);
  if (endStream) {
    if (!endsQuietly(body)) cancelQuietly(body, undefined);
    return undefined;
  }
  if (body instanceof Full && length > 0) {
    sendWhole(machine.outbound, stream, body);
    return undefined;
  }
  return new BodySender(machine, owner, stream, body, length);
}
