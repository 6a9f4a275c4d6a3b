/**
 * The responses a connection writes by itself: informational ones, and refusals.
 */
import type { HeaderMap } from "@sluice/body";
import { canonicalReason } from "../message/status.ts";
import { dateLine } from "./date.ts";
import { ROLE_CONTENT_LENGTH, ROLE_TRANSFER_ENCODING, roleOf } from "./field-roles.ts";
import { fieldLine, lengthLine, ownLine, type Spelling } from "./field-writer.ts";
import type { ResponseHeadOptions } from "./response-head-writer.ts";

/** A 1xx response (RFC 9110 15.2). */
export function interimResponse(status: number, headers: HeaderMap, spelling: Spelling): string {
  let text = statusLine(status);
  for (let i = 0; i < headers.size; i++) {
    // RFC 9110 8.6, RFC 9112 6.1: a 1xx response has no content and says nothing of any.
    const role = roleOf(headers.nameAt(i));
    if (role !== ROLE_CONTENT_LENGTH && role !== ROLE_TRANSFER_ENCODING) text += fieldLine(headers, i, spelling);
  }
  return `${text}\r\n`;
}

/** The last response on a connection that cannot go on. */
export function refusal(status: number, options: ResponseHeadOptions): string {
  const date = options.autoDateHeader ? dateLine(options) : "";
  return `${statusLine(status)}${ownLine("connection", "close", options)}${lengthLine(0, options)}${date}\r\n`;
}

function statusLine(status: number): string {
  return `HTTP/1.1 ${status} ${canonicalReason(status) ?? ""}\r\n`;
}
