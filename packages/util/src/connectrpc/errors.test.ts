import { Code, ConnectError } from "@connectrpc/connect";
import { HttpError, type HttpErrorKind } from "@sluice/core";
import { describe, expect, test } from "vitest";
import { abortError, clientError, serverError, unwanted } from "./errors.ts";

const rows: readonly [HttpErrorKind, string, Code, Code][] = [
  ["connect", "CONNECT_FAILED", Code.Unavailable, Code.Aborted],
  ["closed", "GOAWAY", Code.Unavailable, Code.Aborted],
  ["io", "TRANSPORT_FAILED", Code.Unavailable, Code.Aborted],
  ["incomplete", "CONNECTION_LOST", Code.Unavailable, Code.Aborted],
  ["canceled", "ABORTED", Code.Canceled, Code.Aborted],
  ["timeout", "headTimeoutMs", Code.DeadlineExceeded, Code.DeadlineExceeded],
  ["timeout", "bodyTimeoutMs", Code.DeadlineExceeded, Code.DeadlineExceeded],
  ["timeout", "requestTimeoutMs", Code.DeadlineExceeded, Code.DeadlineExceeded],
  ["timeout", "queueTimeoutMs", Code.Unavailable, Code.Aborted],
  ["timeout", "keepAliveTimeoutMs", Code.Unavailable, Code.Aborted],
  ["limit", "BODY_TOO_LARGE", Code.ResourceExhausted, Code.ResourceExhausted],
  ["parse", "HEADER_INVALID", Code.Internal, Code.Internal],
  ["protocol", "UNEXPECTED_MESSAGE", Code.Internal, Code.Internal],
  ["user", "INVALID_TARGET", Code.Internal, Code.Internal],
];

describe.each(rows)("%s, %s", (kind, code, forClient, forServer) => {
  test("is an error of the call, with what it was as its cause", () => {
    const error = new HttpError(kind, code, "what happened");
    for (const [made, expected] of [
      [clientError(error), forClient],
      [serverError(error), forServer],
    ] as const) {
      expect(made).toBeInstanceOf(ConnectError);
      expect([made.code, made.rawMessage, made.cause]).toEqual([expected, "what happened", error]);
    }
  });
});

test.each([
  [0x0, Code.Internal],
  [0x1, Code.Internal],
  [0x2, Code.Internal],
  [0x3, Code.Internal],
  [0x4, Code.Internal],
  [0x5, Code.Internal],
  [0x6, Code.Internal],
  [0x7, Code.Unavailable],
  [0x8, Code.Canceled],
  [0x9, Code.Internal],
  [0xa, Code.Internal],
  [0xb, Code.ResourceExhausted],
  [0xc, Code.PermissionDenied],
  [0xd, Code.PermissionDenied],
])("a reset by the peer with code %i has code %i, whoever it concerns", (reason, code) => {
  const error = new HttpError("incomplete", "STREAM_RESET", "reset", { reason });
  expect([clientError(error).code, serverError(error).code]).toEqual([code, code]);
});

test("a connection that was lost behind a GOAWAY with a code is unavailable all the same", () => {
  const error = new HttpError("incomplete", "CONNECTION_LOST", "lost", { reason: 0x8 });
  expect([clientError(error).code, serverError(error).code]).toEqual([Code.Unavailable, Code.Aborted]);
});

test("what was an error of connect-es is that error again", () => {
  const original = new ConnectError("mine", Code.DataLoss);
  expect(clientError(original)).toBe(original);
  expect(serverError(new HttpError("user", "BODY_FAILED", "failed", { cause: original }))).toBe(original);
});

test("anything else is internal, but for aborts", () => {
  expect(clientError(new TypeError("wrong"))).toMatchObject({ code: Code.Internal, rawMessage: "wrong" });
  expect(clientError("text")).toMatchObject({ code: Code.Internal, rawMessage: "text" });
  const round: { cause?: unknown } = {};
  round.cause = round;
  expect(clientError(round).code).toBe(Code.Internal);
  expect(abortError(AbortSignal.abort()).code).toBe(Code.Canceled);
  expect(abortError(AbortSignal.abort("enough"))).toMatchObject({ code: Code.Canceled, rawMessage: "enough" });
  expect(unwanted().code).toBe(Code.Aborted);
});
